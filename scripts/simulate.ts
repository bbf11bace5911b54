import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ledgerOver } from "../src/storage/ledger/ledger.ts";
import { memory } from "../src/storage/memory.ts";
import { sqlDatabase } from "../src/storage/sql/database.ts";
import { migrate } from "../src/storage/sql/migrate.ts";
import { sqlite } from "../src/storage/sqlite.ts";
import type { SimulationOptions } from "../src/testing/simulation.ts";
import { simulate } from "../src/testing/simulation.ts";
import { batchOnly } from "../test/storage/batch-only-shim.ts";
import { type SimulatedInterleaving, simulatedInterleaving } from "../test/storage/simulated-interleaving.ts";

/*
 * Plays many seeds of the simulation, on all cores: `npm run simulate -- --seeds 20000 --first 1 --storage memory`.
 * For a seed that breaks a promise, the run prints the steps that led to it, and the command that plays it again.
 */
const STORAGES: Readonly<Record<string, NonNullable<SimulationOptions["storage"]>>> = {
  memory: (clock) => memory({ clock }),
  sqlite: (clock) => sqlite(":memory:", { clock }),
  // Only batches, without interactive transactions, as on D1.
  batch: (clock) => ledgerOver(sqlDatabase(batchOnly(":memory:", clock), { migrate, migratesAtOpen: true })),
  // Other calls run between load and write, and an oracle replays each decision.
  interleaving(clock) {
    interleaving = simulatedInterleaving(clock);
    return interleaving.storage;
  },
};

/** The steps of the last run. */
let interleaving: SimulatedInterleaving | null = null;

/** An answer without seeds: all of them are played. */
const STOP = { from: 0, to: 0 };
/** A worker asks for this many seeds at a time. */
const CHUNK = 25;
/** From this many calls on, a fault that never hit one of them is a defect of the simulation. */
const ENOUGH_CALLS = 4000;
const LINES_AROUND = 40;

interface Failure {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly lines: readonly string[];
}

interface Outcome {
  readonly seeds: number;
  readonly texts: number;
  readonly taken: number;
  readonly duplicates: number;
  readonly steps: number;
  readonly faults: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly failures: readonly Failure[];
}

const ownFile = fileURLToPath(import.meta.url);

if (process.send === undefined) await main();
else work();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "2000" },
      first: { type: "string", default: "1" },
      storage: { type: "string", default: "memory" },
      workers: { type: "string", default: String(Math.min(availableParallelism(), 8)) },
      trace: { type: "boolean", default: false },
      "stop-at-first": { type: "boolean", default: false },
    },
  });
  const first = Number(values.first);
  const seeds = Number(values.seeds);
  if (!(values.storage in STORAGES)) throw new Error(`--storage is one of ${Object.keys(STORAGES).join(", ")}`);
  if (!(seeds >= 1) || !Number.isInteger(first)) throw new Error("--seeds and --first are whole numbers");
  const startedAt = performance.now();
  const outcomes: Outcome[] = [];
  let next = first;
  const end = first + seeds;
  const threads = Math.min(Number(values.workers), Math.ceil(seeds / CHUNK));
  await Promise.all(
    Array.from({ length: threads }, () => {
      const worker = fork(ownFile, [values.storage, String(values.trace)], { serialization: "advanced" });
      return new Promise<void>((resolve, reject) => {
        const give = () => {
          const failed = outcomes.some(({ failures }) => failures.length > 0);
          if (next >= end || (failed && values["stop-at-first"])) {
            worker.send(STOP);
            return;
          }
          worker.send({ from: next, to: Math.min(next + CHUNK, end) });
          next += CHUNK;
        };
        worker.on("message", (outcome: Outcome) => {
          outcomes.push(outcome);
          give();
        });
        worker.on("error", reject);
        worker.on("exit", (status) => (status === 0 ? resolve() : reject(new Error(`a worker ended with ${status}`))));
        give();
      });
    }),
  );
  process.exitCode = report(outcomes, values.storage, (performance.now() - startedAt) / 1000) ? 0 : 1;
}

function report(outcomes: readonly Outcome[], storage: string, seconds: number): boolean {
  const failures = outcomes.flatMap((outcome) => outcome.failures).toSorted((one, other) => one.seed - other.seed);
  for (const { seed, violations, lines } of failures.slice(0, 5)) {
    console.log(`\nSeed ${seed} breaks ${violations.length} promise(s):`);
    for (const violation of violations) console.log(`  ${violation}`);
    console.log(
      `${lines.join("\n")}\nPlay it again: npm run simulate -- --first ${seed} --seeds 1 --storage ${storage} --trace`,
    );
  }
  const table = new Map<string, Map<string, number>>();
  for (const { faults } of outcomes) {
    for (const [call, row] of Object.entries(faults)) {
      const sums = table.get(call) ?? new Map<string, number>();
      table.set(call, sums);
      for (const [fault, count] of Object.entries(row)) sums.set(fault, (sums.get(fault) ?? 0) + count);
    }
  }
  const missing = printTable(table);
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const seeds = sum((outcome) => outcome.seeds);
  console.log(
    `\n${seeds} seeds on ${storage}, ${sum(({ texts }) => texts)} texts, ${sum(({ taken }) => taken)} SMS of which ` +
      `${sum(({ duplicates }) => duplicates)} second copies after a silent window, ${sum(({ steps }) => steps)} steps: ` +
      `${failures.length} seeds with violations. ${seconds.toFixed(1)} s, ${(seeds / seconds).toFixed(0)} seeds/s`,
  );
  for (const cell of missing) console.log(`Never hit, which is a defect of the simulation: ${cell}`);
  return failures.length === 0 && missing.length === 0;
}

/** Prints calls as rows and faults as columns. Returns the cells that should not be empty. */
function printTable(table: ReadonlyMap<string, ReadonlyMap<string, number>>): string[] {
  const callFaults = [
    "error before",
    "error after",
    "slow",
    "late",
    "crash before",
    "crash after",
    "freeze",
    "twice",
    "cut off",
    "frozen",
  ];
  const groups: [string, (call: string) => boolean][] = [
    [
      "ledger and lists",
      (call) => call.startsWith("storage.") || call.startsWith("provider.find") || call.startsWith("provider.list"),
    ],
    [
      "provider, AI, callers, processes",
      (call) => !call.startsWith("storage.") && !/^provider\.(find|list)/.test(call),
    ],
  ];
  const missing: string[] = [];
  for (const [title, belongs] of groups) {
    const rows = [...table].filter(([call]) => belongs(call)).toSorted(([one], [other]) => one.localeCompare(other));
    console.log(`\n${title}`);
    for (const [call, row] of rows) {
      const calls = row.get("calls");
      const cells = [...row].filter(([fault]) => fault !== "calls").map(([fault, count]) => `${fault} ${count}`);
      console.log(`  ${call.padEnd(24)} ${String(calls ?? "").padStart(9)}  ${cells.toSorted().join(" · ")}`);
      if (!call.startsWith("storage.") || (calls ?? 0) < ENOUGH_CALLS) continue;
      // Faults hit whole processes more rarely than calls.
      const wanted = callFaults.filter(
        (fault) => !/^(cut off|frozen)$/.test(fault) || (calls ?? 0) >= 10 * ENOUGH_CALLS,
      );
      for (const fault of wanted) if (!row.has(fault)) missing.push(`${call}: ${fault}`);
    }
  }
  return missing;
}

function work(): void {
  // The simulation makes many errors on purpose, and their stack traces would cost more time than the run.
  Error.stackTraceLimit = 0;
  const [, , storage = "memory", trace] = process.argv;
  const unhandled: string[] = [];
  process.on("unhandledRejection", (reason) => unhandled.push(`no unhandled rejection: ${String(reason)}`));
  process.on("message", async (chunk: { readonly from: number; readonly to: number }) => {
    if (chunk.to <= chunk.from) process.disconnect();
    else
      process.send?.(
        await play(chunk.from, chunk.to, STORAGES[storage] ?? STORAGES.memory, trace === "true", unhandled),
      );
  });
}

async function play(
  from: number,
  to: number,
  storage: SimulationOptions["storage"],
  trace: boolean,
  unhandled: string[],
): Promise<Outcome> {
  const faults: Record<string, Record<string, number>> = {};
  const failures: Failure[] = [];
  const sums = { seeds: 0, texts: 0, taken: 0, duplicates: 0, steps: 0 };
  for (let seed = from; seed < to; seed += 1) {
    const run = await simulate({ seed, ...(storage === undefined ? {} : { storage }) });
    // Node reports an unhandled rejection when the queue of microtasks is empty.
    await new Promise((resolve) => setImmediate(resolve));
    const violations = [
      ...run.violations.map(({ rule, detail }) => `${rule}: ${detail}`),
      ...unhandled.splice(0),
      ...(interleaving?.faults() ?? []),
    ];
    if (violations.length > 0 || trace) {
      failures.push({ seed, violations, lines: trace ? run.lines() : run.around(LINES_AROUND) });
    }
    sums.seeds += 1;
    sums.texts += run.texts;
    sums.taken += run.taken;
    sums.duplicates += run.duplicates;
    sums.steps += run.steps;
    for (const [call, row] of Object.entries(run.faults)) {
      const into = faults[call] ?? {};
      faults[call] = into;
      for (const [fault, count] of Object.entries(row)) into[fault] = (into[fault] ?? 0) + count;
    }
  }
  return { ...sums, faults, failures };
}
