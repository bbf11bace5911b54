import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Databases } from "./databases.ts";
import type { LoadResult, LoadTask } from "./load.ts";
import { median, quantile, table } from "./table.ts";

const run = promisify(execFile);
const LOAD = join(import.meta.dirname, "load.ts");

interface Case {
  readonly name: string;
  readonly task: Pick<LoadTask, "kind" | "at" | "groupCommit" | "callers">;
  readonly processes: number;
}

/**
 * Durable acknowledgements: `recordInbound`, committed, beside the same database's raw insert-and-commit with the same
 * clients and callers. Raw and ledger take turns, round by round, so that both meet the machine as it is.
 */
export async function acknowledge(
  databases: Databases,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ownline-bench-"));
  const cases: Case[] = [
    { name: "SQLite, synchronous=FULL", processes: 1, task: sqliteTask(join(folder, "bench.db")) },
    ...[1, 4].flatMap((processes) =>
      [false, true].map(
        (groupCommit): Case => ({
          name: `Postgres, ${processes} process(es)${groupCommit ? ", group commit" : ""}`,
          processes,
          task: { kind: "postgres", at: databases.postgres, groupCommit, callers: 64 / processes },
        }),
      ),
    ),
    ...(databases.mongodb === null
      ? []
      : [{ name: "MongoDB protocol (DocumentDB)", processes: 1, task: mongodbTask(databases.mongodb) } satisfies Case]),
  ];
  const rows: string[][] = [];
  for (const one of cases) {
    const raws: LoadResult[] = [];
    const ledgers: LoadResult[] = [];
    for (let round = 0; round < rounds; round += 1) {
      raws.push(await together(one, "raw", seconds, round));
      ledgers.push(await together(one, "ledger", seconds, round));
    }
    const raw = median(raws.map(rate));
    const ledger = median(ledgers.map(rate));
    const latencies = ledgers.flatMap(({ latenciesMs }) => latenciesMs).toSorted((a, b) => a - b);
    rows.push([
      one.name,
      String(one.task.callers * one.processes),
      raw.toFixed(0),
      ledger.toFixed(0),
      `${(ledger / raw).toFixed(2)} (${ratios(raws, ledgers)})`,
      quantile(latencies, 0.5).toFixed(1),
      quantile(latencies, 0.99).toFixed(1),
    ]);
  }
  rmSync(folder, { recursive: true, force: true });
  console.log(table(["Ledger", "callers", "raw/s", "acks/s", "ratio (least to most)", "p50 ms", "p99 ms"], rows));
}

function sqliteTask(at: string): Case["task"] {
  // Calls are synchronous inside: more callers would only wait for each other.
  return { kind: "sqlite", at, groupCommit: false, callers: 1 };
}

function mongodbTask(at: string): Case["task"] {
  return { kind: "mongodb", at, groupCommit: false, callers: 16 };
}

/** All processes of one round, as if they were one. */
async function together(one: Case, what: LoadTask["what"], seconds: number, round: number): Promise<LoadResult> {
  const group = one.task.groupCommit ? "g" : "p";
  const results = await Promise.all(
    Array.from({ length: one.processes }, async (_, index) => {
      const name = `${what[0]}${group}${one.processes}${round}${index}${Date.now() % 1_000_000}`;
      const task: LoadTask = { ...one.task, what, seconds, name };
      const { stdout } = await run(process.execPath, [LOAD, JSON.stringify(task)], { maxBuffer: 256 * 1024 * 1024 });
      const result: LoadResult = JSON.parse(stdout);
      return result;
    }),
  );
  return {
    done: results.reduce((sum, { done }) => sum + done, 0),
    seconds: Math.max(...results.map((result) => result.seconds)),
    latenciesMs: results.flatMap(({ latenciesMs }) => latenciesMs),
  };
}

const rate = ({ done, seconds }: LoadResult): number => done / seconds;

function ratios(raws: readonly LoadResult[], ledgers: readonly LoadResult[]): string {
  const each = raws.map((raw, index) => rate(ledgers[index] ?? raw) / rate(raw)).toSorted((a, b) => a - b);
  return `${each.at(0)?.toFixed(2)} to ${each.at(-1)?.toFixed(2)}`;
}
