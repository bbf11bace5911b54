import { OwnlineError } from "../../../src/errors.ts";
import type { Logger } from "../../../src/logger.ts";
import type { StorageClock } from "../../../src/storage/clock.ts";
import type { Decided, LedgerDatabase, Loaded, Plan } from "../../../src/storage/database.ts";
import {
  ledgerOver as connectionOver,
  type PostgresLedger,
  type PostgresPool,
} from "../../../src/storage/postgres/ledger.ts";
import { migrate, openLedger } from "../../../src/storage/postgres/migrate.ts";
import { due, rivals } from "./due.ts";
import { erase, purge } from "./erasure.ts";
import { loadOf, type Read, readFrom } from "./loads.ts";
import { changes, consent, conversation, conversations, counters, messages, unrecorded } from "./reads.ts";
import { STEPS } from "./schema.ts";
import { textOf } from "./statements.ts";
import { story } from "./story.ts";
import { isMoved, movedIn, writeOf } from "./writes.ts";

/** A guard that moves this often is a row that many processes write at once. */
const MOST_DECISIONS = 20;

/** More calls in one decision gain little, and each of them is decided anew when one guard moves. */
const MAX_PLANS = 64;

const LOAD = "select ownline_1_load($1::jsonb)::text as answer";
const APPLY = "select ownline_1_apply($1::jsonb)::text as answer";

export interface PostgresDatabaseOptions {
  readonly pool: PostgresPool;
  readonly schema: string;
  readonly logger: Logger;
  readonly clock: StorageClock | null;
}

/**
 * The rows of a ledger in PostgreSQL. A decision is two calls of the pool: one reads what the plans name and the clock
 * in one snapshot, and locks nothing; the other takes the locks, checks that all of it is as it was, and writes. No
 * transaction stays open while this process thinks, or is busy, or is dead.
 */
export function postgresDatabase({ pool, schema, logger, clock }: PostgresDatabaseOptions): LedgerDatabase {
  const connection = connectionOver({ pool, schema, clock });
  return {
    name: "postgres",
    migrate: () => migrate(connection, STEPS),
    open: () => openLedger(connection, logger),
    close: async () => {},

    maxPlans: MAX_PLANS,
    decide: (plans, judge) => decide(connection, plans, judge),

    due: (limit) => due(connection, limit),
    rivals: (query) => rivals(connection, query),
    counters: (keys) => counters(connection, keys),
    consent: (key) => consent(connection, key),
    conversation: (id) => conversation(connection, id),
    conversations: (page) => conversations(connection, page),
    messages: (page) => messages(connection, page),
    changes: (page) => changes(connection, page),
    story: (messageId) => story(connection, messageId),
    unrecorded: (keys) => unrecorded(connection, keys),

    erase: (order) => erase(connection, order),
    purge: (order) => purge(connection, order),
  };
}

async function decide<Answer>(
  connection: PostgresLedger,
  plans: readonly Plan[],
  judge: (loaded: Loaded) => Decided<Answer>,
): Promise<Answer> {
  let reason: unknown;
  for (let decisions = 1; decisions <= MOST_DECISIONS; decisions += 1) {
    const read = await load(connection, plans, decisions);
    const { answer, changes: written } = judge(read.loaded);
    if (written === null) return answer;
    const parameter = JSON.stringify(writeOf(written, { now: read.loaded.now, clock: read.clock }));
    try {
      const moved = movedIn(await connection.read(APPLY, [parameter]));
      if (moved.length === 0) return answer;
      reason = new Error(`Moved: ${[...new Set(moved.map((guard) => guard.split(" ")[0]))].join(", ")}`);
    } catch (error) {
      if (!(error instanceof Error) || !isMoved(error.cause)) throw error;
      reason = error.cause;
    }
  }
  throw new OwnlineError(
    "storage_unavailable",
    `Other processes changed the same rows of the postgres ledger ${MOST_DECISIONS} times while this call was ` +
      "decided. Nothing was written, and the same call may be repeated.",
    { cause: reason, retryable: true },
  );
}

async function load(connection: PostgresLedger, plans: readonly Plan[], decisions: number): Promise<Read> {
  const now = connection.now();
  const parameter = textOf(loadOf(plans, now));
  const read = readFrom(await connection.read(LOAD, [parameter]), plans);
  return decisions === 1 ? read : fromAnotherPlace(read, plans);
}

/** Another process has taken the first candidate: those that come after it are asked in another order. */
function fromAnotherPlace(read: Read, plans: readonly Plan[]): Read {
  const [ids = []] = read.loaded.found;
  if (plans[0]?.root.by !== "due" || ids.length < 2) return read;
  const place = Math.floor(Math.random() * ids.length);
  const found = [[...ids.slice(place), ...ids.slice(0, place)]];
  return { ...read, loaded: { ...read.loaded, found } };
}
