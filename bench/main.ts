import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Part } from "./part.ts";
import { acknowledge } from "./parts/acknowledge.ts";
import { baseline } from "./parts/baseline.ts";
import { growth } from "./parts/growth.ts";
import { inProcess } from "./parts/in-process.ts";
import { latency } from "./parts/latency.ts";
import { loopback } from "./parts/loopback.ts";
import { replies } from "./parts/replies.ts";
import { resident } from "./parts/resident.ts";
import { workerStart } from "./parts/worker-start.ts";
import { chart } from "./report/chart.ts";
import { CHART, performancePage } from "./report/page.ts";
import { markdownTable } from "./report/table.ts";
import { merged, type PartResult, readResults, writeResults } from "./results.ts";
import { startSession } from "./session.ts";

/*
 * npm run bench                      all parts, one after the other
 * npm run bench -- --only a,c        some parts, by their letters
 * npm run bench -- --quick           a fraction of the time, to see that it runs
 * npm run bench -- --write           also records the parts that ran, and makes docs/performance.md of all recorded ones
 * npm run bench -- --render          measures nothing, and makes docs/performance.md of what is recorded
 * npm run bench -- --baseline FILE   the tarball of an earlier package, for part i
 *
 * The figures are ratios of measurements that ran side by side in one run. No figure is a test of absolute speed.
 */
const PARTS: readonly Part[] = [
  inProcess,
  loopback,
  acknowledge,
  replies,
  latency,
  growth,
  resident,
  workerStart,
  baseline,
];
const ROOT = fileURLToPath(new URL("..", import.meta.url));

const PAGE = join(ROOT, "docs", "performance.md");
/** The folder beside a checkout that may have earlier packages. */
const BASELINES = join(ROOT, "..", "shared", "baseline");

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    render: { type: "boolean", default: false },
    baseline: { type: "string" },
  },
});
if (values.quick && values.write) {
  throw new Error("A quick run measures nothing worth keeping: leave out --quick or --write.");
}
if (values.render) render(readResults());
else await measure(partsOf(values.only));

async function measure(parts: readonly Part[]): Promise<void> {
  const session = startSession({ quick: values.quick, baseline: baselineOf(values.baseline) });
  try {
    for (const part of parts) {
      const result = await session.run(part);
      print(result);
      // Recorded at once, so that a part that fails later does not lose the earlier ones.
      if (values.write) record(result);
    }
  } finally {
    await session.end();
  }
  for (const fault of session.faults) console.error(fault);
  if (session.faults.length > 0) process.exitCode = 1;
}

function partsOf(only: string | undefined): readonly Part[] {
  if (only === undefined) return PARTS;
  const letters = only.split(",").map((letter) => letter.trim());
  const known = PARTS.map(({ letter, title }) => `${letter} (${title})`).join(", ");
  const unknown = letters.filter((letter) => !PARTS.some((part) => part.letter === letter));
  if (unknown.length > 0) throw new Error(`There is no part ${unknown.join(", ")}; the parts are ${known}.`);
  return PARTS.filter(({ letter }) => letters.includes(letter));
}

function baselineOf(given: string | undefined): string | null {
  if (given !== undefined) {
    if (!existsSync(given)) throw new Error(`--baseline names ${given}, which is not there.`);
    return resolve(given);
  }
  if (!existsSync(BASELINES)) return null;
  const newest = readdirSync(BASELINES)
    .filter((name) => name.endsWith(".tgz"))
    .toSorted()
    .at(-1);
  return newest === undefined ? null : join(BASELINES, newest);
}

function print({ letter, title, tables, skipped, machine, seconds }: PartResult): void {
  console.log(`\n## ${letter}. ${title} (${seconds} s, load average ${machine.load.toFixed(1)} when it began)`);
  for (const what of skipped) console.log(`\nSkipped: ${what}.`);
  for (const table of tables) {
    console.log(`\n### ${table.title}\n\n${table.conditions}\n\n${markdownTable(table)}\n\n${table.meaning}`);
  }
}

function record(result: PartResult): void {
  const parts = merged(readResults(), [result]);
  writeResults(parts);
  render(parts);
}

function render(parts: readonly PartResult[]): void {
  writeFileSync(PAGE, performancePage(parts));
  writeFileSync(join(ROOT, "docs", CHART), chart(parts));
}
