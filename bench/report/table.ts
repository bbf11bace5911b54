import type { Cell, Column, Table } from "../results.ts";
import { figure } from "./words.ts";

/** A table in Markdown with aligned columns, so that it is readable in a terminal too. */
export function markdownTable({ columns, rows }: Table): string {
  const head = columns.map(({ title }) => title);
  const body = rows.map((row) => row.map((cell, index) => shown(cell, columns[index])));
  const widths = head.map((cell, column) => Math.max(cell.length, ...body.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

/** `1,274`, `0.28 (0.27 to 0.30)`, or a dash for an empty cell. */
export function shown(cell: Cell, column: Column | undefined): string {
  if (cell === null) return "–";
  if (typeof cell === "string") return cell;
  const digits = column?.digits ?? 0;
  if (typeof cell === "number") return figure(cell, digits);
  return `${figure(cell.median, digits)} (${figure(cell.least, digits)} to ${figure(cell.most, digits)})`;
}

/** The one figure of a cell; `null` for a name or an empty cell. */
export function figureOf(cell: Cell | undefined): number | null {
  if (cell === undefined || cell === null || typeof cell === "string") return null;
  return typeof cell === "number" ? cell : cell.median;
}
