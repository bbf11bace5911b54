import type { PartResult, Table } from "../results.ts";
import { figureOf, shown } from "./table.ts";

const WIDTH = 880;
const MARGIN = 24;
const NAMES = 300;
const VALUES = 90;
const BAR = 16;
const ROW = 24;
const HEAD = 44;
const GAP = 22;

interface Bar {
  readonly name: string;
  readonly value: number;
  readonly label: string;
  readonly isOwn: boolean;
}

interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

/**
 * A picture of the tables that ask for one. Each table is a panel, with a bar for every row, also where ownline is
 * slower.
 */
export function chart(parts: readonly PartResult[]): string {
  const panels = parts.flatMap(({ letter, tables }) => tables.flatMap((table) => panelOf(letter, table)));
  const lines: string[] = [];
  let top = MARGIN;
  for (const panel of panels) {
    lines.push(...drawn(panel, top));
    top += HEAD + panel.bars.length * ROW + GAP;
  }
  const height = top - GAP + MARGIN;
  return `${[head(height, panels), ...lines, "</svg>"].join("\n")}\n`;
}

function panelOf(letter: string, table: Table): Panel[] {
  if (table.chart === undefined) return [];
  const { column, title } = table.chart;
  const bars = table.rows.flatMap((row): Bar[] => {
    const value = figureOf(row[column]);
    if (value === null) return [];
    const name = nameOf(table, row);
    return [{ name, value, label: shown(value, table.columns[column]), isOwn: isOwn(table, name) }];
  });
  return bars.length === 0 ? [] : [{ title: `${letter}. ${title}`, bars }];
}

/** The name of a row, with its numbers of processes and callers where rows have the same name. */
function nameOf({ columns }: Table, row: Table["rows"][number]): string {
  const apart = columns.flatMap(({ title }, index) =>
    /^(processes|callers)/.test(title) ? [`${shown(row[index] ?? null, columns[index])} ${title.split(" ")[0]}`] : [],
  );
  return [String(row[0]), ...apart].join(", ");
}

/** Where no row is named ownline, all rows are ownline's. */
function isOwn({ rows }: Table, name: string): boolean {
  const names = (text: string) => text.toLowerCase().includes("ownline") || text.startsWith("examples/");
  return names(name) || !rows.some(([first]) => names(String(first)));
}

function drawn({ title, bars }: Panel, top: number): string[] {
  const most = Math.max(...bars.map(({ value }) => value));
  const room = WIDTH - 2 * MARGIN - NAMES - VALUES;
  const lines = [`  <text class="title" x="${MARGIN}" y="${top + 22}">${escaped(title)}</text>`];
  for (const [index, { name, value, label, isOwn: own }] of bars.entries()) {
    const y = top + HEAD + index * ROW;
    const width = Math.max(1, (room * value) / most).toFixed(1);
    const start = MARGIN + NAMES;
    lines.push(
      `  <text class="small" x="${start - 8}" y="${y + 12}" text-anchor="end">${escaped(name)}</text>`,
      `  <rect class="${own ? "own" : "other"}" x="${start}" y="${y}" width="${width}" height="${BAR}" rx="3"/>`,
      `  <text x="${(start + Number(width) + 6).toFixed(1)}" y="${y + 12}">${escaped(label)}</text>`,
    );
  }
  return lines;
}

function head(height: number, panels: readonly Panel[]): string {
  const said = panels.map(
    ({ title, bars }) => `${title}: ${bars.map(({ name, label }) => `${name} ${label}`).join("; ")}.`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">
  <title id="title">How ownline compares</title>
  <desc id="desc">${escaped(said.join(" "))}</desc>
  <style>
    .card { fill: #ffffff; stroke: #d0d7de; }
    .own { fill: #0969da; }
    .other { fill: #8c959f; }
    text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1f2328; }
    .title { font-size: 14px; font-weight: 600; }
    .small { fill: #57606a; }
    @media (prefers-color-scheme: dark) {
      .card { fill: #0d1117; stroke: #30363d; }
      .own { fill: #58a6ff; }
      .other { fill: #6e7681; }
      text { fill: #e6edf3; }
      .small { fill: #b1bac4; }
    }
  </style>
  <rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10"/>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
