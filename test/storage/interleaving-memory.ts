import { OwnlineError } from "../../src/errors.ts";
import type { StorageClock } from "../../src/storage/clock.ts";
import type { Changes, Charge, Decided, Guard, LedgerDatabase, Loaded, Plan } from "../../src/storage/database.ts";
import { nameOf } from "../../src/storage/ledger/held.ts";
import { isAhead } from "../../src/storage/ledger/rules/clock.ts";
import { readsAndDeletions } from "../../src/storage/memory/database.ts";
import { load } from "../../src/storage/memory/loads.ts";
import { MemoryTables } from "../../src/storage/memory/tables.ts";
import { ReplayOracle } from "./replay-oracle.ts";

/** How many plans one decision may have: enough for groups, few enough for many groups. */
const MAX_PLANS = 8;
/** See `LedgerDatabase.decide`. */
const MOST_TRIES = 20;

export interface Interleaving {
  readonly clock: StorageClock;
  /** Begins a decision: its time, and how it lets other calls run between its load and its write. */
  begin(): { readonly now: number; pause(): Promise<void> };
  /** Chances that come from a seed. */
  chance(probability: number): boolean;
  /** How often a write fails, before anything is written. */
  readonly failing: number;
  /** How often an answer is lost, after the commit. */
  readonly losing: number;
}

/** How often what happened. */
export interface InterleavingCounts {
  decisions: number;
  /** Decisions with several plans. */
  groups: number;
  commits: number;
  /** Decisions that were made anew, by what had moved. */
  readonly moved: Map<string, number>;
  failed: number;
  lost: number;
}

export interface InterleavingMemory {
  readonly database: LedgerDatabase;
  readonly oracle: ReplayOracle;
  readonly counts: InterleavingCounts;
}

/**
 * Rows in memory, as a database of many processes keeps them: other calls run between the load of a decision and its
 * write, writes fail, answers get lost. It writes only if every guard holds, and the oracle replays what it writes.
 */
export function interleavingMemory({ clock, begin, chance, failing, losing }: Interleaving): InterleavingMemory {
  const tables = new MemoryTables();
  const oracle = new ReplayOracle(tables);
  const counts: InterleavingCounts = { decisions: 0, groups: 0, commits: 0, moved: new Map(), failed: 0, lost: 0 };

  async function decide<Answer>(plans: readonly Plan[], judge: (loaded: Loaded) => Decided<Answer>): Promise<Answer> {
    counts.decisions += 1;
    if (plans.length > 1) counts.groups += 1;
    for (let tried = 0; tried < MOST_TRIES; tried += 1) {
      const { now, pause } = begin();
      tables.answers.forgetOld(now);
      const loaded = load(tables, plans, now);
      const decided = judge(loaded);
      oracle.checkLoad(plans, judge, loaded, decided);
      await pause();
      if (chance(failing)) {
        counts.failed += 1;
        throw unavailable("The simulated database failed before the commit.");
      }
      const { answer, changes } = decided;
      if (changes === null) return answer;
      const moved = firstMoved(tables, changes, now);
      if (moved !== null) {
        counts.moved.set(moved, (counts.moved.get(moved) ?? 0) + 1);
        continue;
      }
      oracle.checkCommit(plans, judge, loaded, decided);
      tables.apply(changes, now);
      counts.commits += 1;
      if (chance(losing)) {
        counts.lost += 1;
        throw unavailable("The answer of the simulated database was lost after the commit.");
      }
      return answer;
    }
    throw unavailable(`The rows of a decision moved ${MOST_TRIES} times.`);
  }

  const database = { ...readsAndDeletions(tables, clock), name: "interleaving", maxPlans: MAX_PLANS, decide };
  return { database, oracle, counts };
}

function unavailable(message: string): OwnlineError {
  return new OwnlineError("storage_unavailable", message, { retryable: true });
}

/** What the first guard stands on that is not as it was loaded; `null` where all are. */
function firstMoved(tables: MemoryTables, { guards, charges }: Changes, now: number): string | null {
  const moved = guards.find((guard) => !holds(tables, guard));
  if (moved !== undefined) return moved.on;
  return hasRoom(tables, charges, now) ? null : "counter";
}

/** Whether what a guard stands on is as it was loaded. */
export function holds(tables: MemoryTables, { on, key, version }: Guard): boolean {
  switch (on) {
    case "conversation":
      return tables.conversations.get(key)?.row.version === version;
    case "address":
      return !tables.byAddress.has(nameOf(...pairIn(key)));
    case "consent":
      return versionOf(tables.consents.get(key)) === version;
    case "rateLimit":
      return versionOf(tables.rateLimits.get(key)) === version;
    case "sweep":
      return versionOf(tables.sweeps.get(key)) === version;
    case "filed":
      return (tables.byConsent.get(key)?.size ?? 0) === version;
    case "key":
      return (tables.keys.has(nameOf(...pairIn(key))) ? 0 : null) === version;
    case "worker":
      return tables.workers.get(key)?.aliveUntil === version;
    case "call":
      return !tables.answers.has(key);
    default:
      return on satisfies never;
  }
}

function versionOf(row: { readonly version: number } | undefined): number | null {
  return row?.version ?? null;
}

function pairIn(key: string): readonly [string, string] {
  const [one, other]: readonly unknown[] = JSON.parse(key);
  if (typeof one !== "string" || typeof other !== "string") throw new TypeError(`A guard's key is not a pair: ${key}`);
  return [one, other];
}

function hasRoom({ counters }: MemoryTables, charges: readonly Charge[], now: number): boolean {
  const added = new Map<string, number>();
  return charges.every(({ key, charge, max }) => {
    const row = counters.get(key);
    const charged = row !== undefined && row.endsAt > now && !isAhead(row.writtenAt, now) ? row.charged : 0;
    const sum = (added.get(key) ?? 0) + charge;
    added.set(key, sum);
    return charged + sum <= max;
  });
}
