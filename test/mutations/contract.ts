import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory } from "../../src/storage/memory.ts";
import { mongodb } from "../../src/storage/mongodb.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type CorruptedRow, type RowName, storageContract } from "../../src/testing/contracts/storage.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { diceOf } from "../../src/testing/simulation/dice.ts";
import { mongodbForTests } from "../databases/mongodb.ts";
import { agreement } from "../storage/agreement.ts";
import { corruptFile } from "../storage/corrupt-file.ts";
import { RACES, runRace } from "../storage/interleaved-races.ts";
import { playTogether, sharedLedger } from "../storage/interleaved-story.ts";
import { postgresLedgers } from "../storage/postgres-ledgers.ts";

/** The ledgers whose own code has guards. */
export const LEDGERS = ["memory", "sqlite", "postgres", "mongodb"] as const;

export type LedgerName = (typeof LEDGERS)[number];

/** An empty ledger at a time. */
interface Bench {
  open(clock: ManualClock): Storage;
  /** Another handle on the same ledger. */
  second(clock: ManualClock): Storage;
  /** Breaks a row, where other programs can. */
  corrupt?(row: RowName): Promise<CorruptedRow>;
  /** Removes what the handles wrote. */
  clear(): Promise<void>;
  end(): Promise<void>;
  /** Made-up stories in which the ledger must answer like the reference. */
  readonly stories: readonly number[];
}

const STORY_CALLS = 120;
const STORIES_TOGETHER = 60;
const RACE_SEEDS = 12;

/**
 * Runs the storage contract on a ledger, and then made-up stories beside the reference. Returns the name of the first
 * that is broken; `null` where all hold. `url` is the server's, where there is one.
 */
export async function firstBroken(name: LedgerName, url: string): Promise<string | null> {
  const bench = await benchOf(name, url);
  try {
    const cases = storageContract({
      corruptible: bench.corrupt !== undefined,
      async create() {
        const clock = manualClock();
        return {
          storage: bench.open(clock),
          advance: (ms) => clock.advance(ms),
          second: async () => bench.second(clock),
          ...(bench.corrupt === undefined ? {} : { corrupt: bench.corrupt }),
          dispose: () => bench.clear(),
        };
      },
    });
    for (const { name: promise, run } of cases) if (!(await holds(run))) return `storage contract: ${promise}`;
    for (const story of bench.stories) {
      if (!(await holds(() => agrees(bench, story)))) return `agreement with the reference: story ${story}`;
    }
    return name === "memory" ? await firstBrokenTogether() : null;
  } finally {
    await bench.end();
  }
}

/** Runs the contract on the interleaving memory, then stories of several callers. The oracle must agree with each. */
async function firstBrokenTogether(): Promise<string | null> {
  let number = 0;
  const cases = storageContract({
    async create() {
      number += 1;
      const { clock, memory: shared, open } = sharedLedger(diceOf(number));
      return {
        storage: open(),
        second: async () => open(),
        advance: (ms) => clock.advance(ms),
        async dispose() {
          for (const { kind } of shared.oracle.faults) throw new Error(kind);
        },
      };
    },
  });
  for (const { name, run } of cases) if (!(await holds(run))) return `contract on the interleaving memory: ${name}`;
  for (const race of RACES) {
    for (let seed = 1; seed <= 2 * RACE_SEEDS; seed += 1) {
      const { faults } = await runRace(race, seed, { inOneProcess: seed > RACE_SEEDS });
      if (faults.length > 0) return `race of ${race.name}, on the interleaving memory`;
    }
  }
  for (let story = 1; story <= STORIES_TOGETHER; story += 1) {
    const broken = await brokenInStory(story);
    if (broken !== null) return `interleaving memory, story ${story}: ${broken}`;
  }
  return null;
}

async function brokenInStory(story: number): Promise<string | null> {
  try {
    const { oracle, unlike } = await playTogether(story);
    const [fault] = oracle.faults;
    if (fault !== undefined) return `${fault.kind}: ${fault.calls.join(", ")}`;
    return unlike.length > 0 ? "two answers to one call" : null;
  } catch (error) {
    return String(error);
  }
}

async function holds(run: () => Promise<void>): Promise<boolean> {
  try {
    await run();
    return true;
  } catch {
    return false;
  }
}

async function agrees(bench: Bench, story: number): Promise<void> {
  const clock = manualClock();
  const storage = bench.open(clock);
  await storage.open();
  const pair = { reference: memory({ clock }), storage, advance: (ms: number) => clock.advance(ms) };
  const { differences } = await agreement(pair, story, STORY_CALLS);
  await bench.clear();
  if (differences.length > 0) throw new Error(`The ledger answers otherwise in story ${story}.`);
}

async function benchOf(name: LedgerName, url: string): Promise<Bench> {
  switch (name) {
    case "memory":
      return inMemory();
    case "sqlite":
      return onFile();
    case "postgres": {
      const ledgers = await postgresLedgers(url);
      const other = ledgers.connect();
      return {
        open: (clock) => ledgers.open({ clock }),
        second: (clock) => ledgers.open({ clock, groupCommit: false }, other),
        corrupt: (row) => ledgers.corrupt(row),
        clear: () => ledgers.empty(),
        end: () => ledgers.dispose(),
        stories: [3, 9130],
      };
    }
    case "mongodb": {
      const database = mongodbForTests(url);
      await database.start();
      const open = (clock: ManualClock) => mongodb(database.db(), { clock });
      // Each handle is on the other one of two connections.
      const { corrupt, empty: clear, stop: end } = database;
      return { open, second: open, corrupt, clear, end, stories: [2, 5] };
    }
    default:
      return name satisfies never;
  }
}

function inMemory(): Bench {
  let ledger: Storage | null = null;
  const open = (clock: ManualClock) => {
    ledger ??= memory({ clock });
    return ledger;
  };
  const clear = async () => {
    ledger = null;
  };
  return { open, second: open, clear, end: clear, stories: [] };
}

function onFile(): Bench {
  const opened: Storage[] = [];
  let folder: string | null = null;
  const open = (clock: ManualClock) => {
    folder ??= mkdtempSync(join(tmpdir(), "ownline-mutation-"));
    const storage = sqlite(join(folder, "ledger.db"), { clock });
    opened.push(storage);
    return storage;
  };
  const clear = async () => {
    for (const storage of opened.splice(0)) await storage.close();
    if (folder !== null) rmSync(folder, { recursive: true });
    folder = null;
  };
  const corrupt = (row: RowName) => corruptFile(join(folder ?? "", "ledger.db"), row);
  return { open, second: open, corrupt, clear, end: clear, stories: [1, 2, 3, 9130] };
}
