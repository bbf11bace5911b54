import type { Decided, LedgerDatabase, Loaded, Plan } from "../database.ts";
import type { SqlDriver } from "./driver.ts";
import { competingAttempts, due } from "./due.ts";
import { erase, purge } from "./erasure.ts";
import { loadedFrom } from "./loaded.ts";
import { loadsOf } from "./loads.ts";
import { openLedger } from "./meta.ts";
import { pruneWith } from "./prune.ts";
import {
  changes,
  consent,
  conversation,
  conversations,
  counters,
  discard,
  messages,
  unread,
  unrecorded,
} from "./reads.ts";
import { story } from "./story.ts";
import { writesOf } from "./writes.ts";

export interface SqlDatabaseOptions {
  /** See `Storage.migrate`. */
  readonly migrate: (driver: SqlDriver) => Promise<void>;
  /** Whether `open()` migrates, as is usual for an embedded database. */
  readonly migratesAtOpen: boolean;
}

/** The rows of a ledger in a database that uses SQLite's SQL. */
export function sqlDatabase(driver: SqlDriver, { migrate, migratesAtOpen }: SqlDatabaseOptions): LedgerDatabase {
  return {
    name: driver.name,
    migrate: () => migrate(driver),
    async open() {
      if (migratesAtOpen) await migrate(driver);
      return await openLedger(driver);
    },
    close: () => driver.close(),

    maxPlans: driver.maxPlans,
    ...(driver.nextTurn === undefined ? {} : { nextTurn: driver.nextTurn }),
    decide: (plans, judge) => decide(driver, plans, judge),

    due: (query) => due(driver, query),
    competingAttempts: (query) => competingAttempts(driver, query),
    counters: (keys) => counters(driver, keys),
    consent: (key) => consent(driver, key),
    conversation: (id) => conversation(driver, id),
    conversations: (page) => conversations(driver, page),
    messages: (page) => messages(driver, page),
    changes: (page) => changes(driver, page),
    story: (messageId) => story(driver, messageId),
    unrecorded: (keys) => unrecorded(driver, keys),
    unread: (rows) => unread(driver, rows),
    discard: (row) => discard(driver, row),

    async erase(order) {
      const erased = await erase(driver, order);
      await driver.removeCopies?.({ wait: true });
      return erased;
    },
    async purge(order) {
      const purged = await purge(driver, order);
      // The next purge() empties the log, so this call does not fail if another connection reads the log.
      await driver.removeCopies?.({ wait: false });
      return purged;
    },
  };
}

async function decide<Answer>(
  driver: SqlDriver,
  plans: readonly Plan[],
  judge: (loaded: Loaded) => Decided<Answer>,
): Promise<Answer> {
  const now = driver.now();
  const loads = plans.map((plan) => loadsOf(driver.isSerial ? withoutSpares(plan) : plan, now));
  const reads = loads.flatMap(({ statements }) => statements);
  return await driver.transact(reads, (results) => {
    const loaded = loadedFrom(loads, results);
    const { answer, changes: written } = judge(loaded);
    if (written === null) return { statements: [], guard: null, answer: () => answer };
    // A serial database needs no guards, and computing them takes time.
    const guard = driver.isSerial ? null : { guards: written.guards, charges: written.charges, now: loaded.now };
    const statements = [...writesOf(written, loaded.now), ...pruneWith(plans, loaded.now)];
    return { statements, guard, answer: () => answer };
  });
}

/** Asks for `wanted` candidates only, because in a serial database no other process can take the first ones. */
function withoutSpares(plan: Plan): Plan {
  return plan.root.by === "due" ? { ...plan, root: { ...plan.root, limit: plan.root.wanted } } : plan;
}
