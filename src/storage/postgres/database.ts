import { OwnlineError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { StorageClock } from "../clock.ts";
import type { Decided, LedgerDatabase, Loaded, Plan } from "../database.ts";
import { isHeartbeat } from "../ledger/plans.ts";
import { MOST_DECISIONS } from "../ledger/rules/limits.ts";
import { clientOver, listenToErrors, type PostgresClient, type PostgresPool } from "./client.ts";
import { isUndone, movedIn, takenIn } from "./conflicts.ts";
import { competingAttempts, due } from "./due.ts";
import { erase, purge } from "./erasure.ts";
import { loadOf, type Read, readFrom } from "./loaded.ts";
import { migrate, openLedger } from "./migrate.ts";
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
import { textOf } from "./statements.ts";
import { story } from "./story.ts";
import { writeOf } from "./written.ts";

const LONGEST_STEP_BACK_MS = 100;

/** How calls of one process share a decision, and with it one commit. */
export interface GroupCommit {
  /**
   * The greatest number of calls in one decision.
   * @default 64
   */
  readonly maxBatch?: number;
  /**
   * How long a call for a webhook or of the application waits for others before its decision begins, in milliseconds.
   * Calls that arrive while a decision is under way share the next one in any case.
   * @default 0
   */
  readonly maxDelayMs?: number;
}

export interface PostgresDatabaseOptions {
  readonly pool: PostgresPool;
  readonly schema: string;
  readonly logger: Logger;
  readonly clock: StorageClock | null;
  readonly maxBatch: number;
  readonly maxDelayMs: number;
}

/**
 * The rows of a ledger in PostgreSQL. A decision is two calls of the pool. The first reads the clock and the rows of
 * the plans in one snapshot, and locks nothing. The second takes the locks, checks that these rows have not changed,
 * and writes. So no transaction is open while this process decides, is busy, or has crashed.
 */
export function postgresDatabase(options: PostgresDatabaseOptions): LedgerDatabase {
  const { pool, schema, logger, clock, maxBatch, maxDelayMs } = options;
  const client = clientOver({ pool, schema, clock });
  listenToErrors(pool, logger);
  return {
    name: "postgres",
    migrate: () => migrate(client),
    open: () => openLedger(client, logger),
    close: async () => {},

    maxPlans: maxBatch,
    ...(maxDelayMs > 0 && maxBatch > 1 ? { nextTurn: (run: () => void) => setTimeout(run, maxDelayMs) } : {}),
    decide: (plans, judge) => decide(client, plans, judge),

    due: (query) => due(client, query),
    competingAttempts: (query) => competingAttempts(client, query),
    counters: (keys) => counters(client, keys),
    consent: (key) => consent(client, key),
    conversation: (id) => conversation(client, id),
    conversations: (page) => conversations(client, page),
    messages: (page) => messages(client, page),
    changes: (page) => changes(client, page),
    story: (messageId) => story(client, messageId),
    unrecorded: (keys) => unrecorded(client, keys),
    unread: (rows) => unread(client, rows),
    discard: (row) => discard(client, row),

    erase: (order) => erase(client, order),
    purge: (order) => purge(client, order),
  };
}

async function decide<Answer>(
  client: PostgresClient,
  plans: readonly Plan[],
  judge: (loaded: Loaded) => Decided<Answer>,
): Promise<Answer> {
  const prunes = plans.some(isHeartbeat);
  const taken = new Set<string>();
  let reason: unknown;
  for (let decisions = 1; decisions <= MOST_DECISIONS; decisions += 1) {
    const begun = performance.now();
    const read = await load(client, plans, decisions);
    const { answer, changes: written } = judge(read.loaded);
    if (written === null) return answer;
    const parameter = JSON.stringify(writeOf(written, { now: read.loaded.now, clock: read.clock, prunes }));
    try {
      const moved = movedIn(await client.call("apply", parameter));
      if (moved.length === 0) return answer;
      reason = new Error(`Moved: ${[...new Set(moved.map((guard) => guard.split(" ")[0]))].join(", ")}`);
    } catch (error) {
      reason = reasonToDecideAnew(error, taken);
    }
    await stepBack(performance.now() - begun, decisions);
  }
  throw new OwnlineError(
    "storage_unavailable",
    `Other processes changed the same rows of the postgres ledger ${MOST_DECISIONS} times while this call was ` +
      "decided. Nothing was written, and the same call may be repeated.",
    { cause: reason, retryable: true },
  );
}

/**
 * Waits for a random time before the next decision. Without the wait, processes that failed on the same row together
 * would decide together again. The first wait is at most as long as one decision; later waits may be longer.
 */
function stepBack(decisionMs: number, decisions: number): Promise<void> {
  const longest = Math.min(decisionMs * decisions, LONGEST_STEP_BACK_MS);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * longest));
}

/** @throws the error itself, if another decision would fail with it too */
function reasonToDecideAnew(error: unknown, taken: Set<string>): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  if (isUndone(cause)) return cause;
  const row = takenIn(cause);
  if (row === null) throw error;
  // If another process inserted the row after the load, the next decision sees it. If the same error comes twice, an id
  // is not unique.
  if (taken.has(row)) {
    throw new OwnlineError(
      "storage_unavailable",
      "An id of this call belongs to another row of the postgres ledger already, so nothing was written: the caller must " +
        "make ids that are new and unique, such as crypto.randomUUID().",
      { cause, retryable: false },
    );
  }
  taken.add(row);
  return cause;
}

async function load(client: PostgresClient, plans: readonly Plan[], decisions: number): Promise<Read> {
  const now = client.now();
  const parameter = textOf(decisions === 1 ? loadOf(plans, now) : loadOf(plans, now, Math.random()));
  return readFrom(await client.call("load", parameter), plans);
}
