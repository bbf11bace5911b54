import { describe, expect, it } from "vitest";
import { chart } from "../../bench/report/chart.ts";
import { CHART, performancePage } from "../../bench/report/page.ts";
import { markdownTable } from "../../bench/report/table.ts";
import { merged, type PartResult, readResults, type Table } from "../../bench/results.ts";
import { readPage } from "../docs/code-blocks.ts";

const REMEDY = "run `npm run bench -- --render`, and change figures only by measuring: `npm run bench -- --write`";

const table: Table = {
  title: "Acknowledged",
  conditions: "1 caller, 1 process, 5 rounds.",
  columns: [{ title: "Who" }, { title: "a second" }, { title: "of bare", digits: 2 }],
  rows: [
    ["bare <1>", 1000, { median: 1, least: 1, most: 1 }],
    ["ownline", 250.4, { median: 0.25, least: 0.2, most: 0.31 }],
    ["not measured", null, null],
  ],
  meaning: "It is slower.",
  chart: { column: 1, title: "A second" },
};

const part: PartResult = {
  letter: "b",
  title: "A part",
  tables: [table],
  skipped: ["what needs a server: there is none"],
  machine: {
    cores: 2,
    system: "Linux",
    node: "v24.21.0",
    databases: ["PostgreSQL 18.4"],
    load: 0.5,
    date: "2026-11-30",
  },
  seconds: 3,
};

describe("the page of performance", () => {
  it("is what the recorded results make", () => {
    expect(readPage("docs/performance.md"), REMEDY).toBe(performancePage(readResults()));
  });

  it("has the picture that the recorded results make", () => {
    expect(readPage(`docs/${CHART}`), REMEDY).toBe(chart(readResults()));
  });

  it("has its parts in order, and each table says with how many callers, processes and rounds", () => {
    const parts = readResults();
    expect(parts.map(({ letter }) => letter).join("")).toMatch(/^a?b?c?d?e?f?g?h?i?$/);
    for (const { tables, letter } of parts) {
      expect(tables.length, letter).toBeGreaterThan(0);
      for (const { title, conditions, columns, rows, meaning } of tables) {
        const said = [conditions, ...columns.map((column) => column.title)].join(" ");
        expect(said, `${letter}, ${title}`).toMatch(/\bcallers?\b|\btexts?\b|imports?\b/);
        expect(said, `${letter}, ${title}`).toMatch(/\bprocess(es)?\b|As above/);
        expect(said, `${letter}, ${title}`).toMatch(/\brounds?\b|one run|median of/);
        expect(meaning, `${letter}, ${title}`).not.toBe("");
        expect(rows.length, `${letter}, ${title}`).toBeGreaterThan(1);
      }
    }
  });
});

describe("a page made of results", () => {
  it("shows figures, their rounds, and a dash where there is none", () => {
    expect(markdownTable(table).split("\n")).toEqual([
      "| Who          | a second | of bare             |",
      "| ------------ | -------- | ------------------- |",
      "| bare <1>     | 1,000    | 1.00 (1.00 to 1.00) |",
      "| ownline      | 250      | 0.25 (0.20 to 0.31) |",
      "| not measured | –        | –                   |",
    ]);
  });

  it("says where it was measured, what was skipped, and what it means", () => {
    const page = performancePage([part]);
    expect(page).toContain(
      "`npm run bench -- --only b` on 2 cores, Linux, Node 24.21.0, PostgreSQL 18.4; 2026-11-30, load average 0.5 when it began.",
    );
    expect(page).toContain("Skipped: what needs a server: there is none.");
    expect(page).toContain("\n\nIt is slower.\n");
  });

  it("draws a bar for each figure, as long as the figure is large, those that ownline loses included", () => {
    const picture = chart([part]);
    const bars = [...picture.matchAll(/<rect class="(own|other)"[^>]* width="([\d.]+)"/g)].map(([, kind, width]) => [
      kind,
      Number(width),
    ]);
    expect(bars).toEqual([
      ["other", 442],
      ["own", 110.7],
    ]);
    expect(picture).toContain("bare &lt;1&gt;");
    expect(picture).not.toContain("not measured");
  });

  it("keeps the parts that were not measured again", () => {
    const other: PartResult = { ...part, letter: "a" };
    const again: PartResult = { ...part, seconds: 9 };
    expect(merged([part], [other, again]).map(({ letter, seconds }) => [letter, seconds])).toEqual([
      ["a", 3],
      ["b", 9],
    ]);
  });
});
