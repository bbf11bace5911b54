import type { StorageClock } from "../clock.ts";
import type { Decided, LedgerDatabase, Loaded, Plan } from "../database.ts";
import { comesFromOutside, isHeartbeat } from "../ledger/plans.ts";
import { ROWS_A_HEARTBEAT } from "../ledger/rules/limits.ts";
import type { Line } from "./admission.ts";
import type { MongoDb } from "./client.ts";
import { commit } from "./commit.ts";
import { competingAttempts } from "./competing-attempts.ts";
import { due } from "./due.ts";
import { erase, purge } from "./erasure.ts";
import { load } from "./loads.ts";
import { migrate, openLedger } from "./migrate.ts";
import { prune } from "./prune.ts";
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
import { type Store, storeOver } from "./store.ts";
import { story } from "./story.ts";
import { untilCommitted } from "./transaction.ts";
import { withinReach } from "./within-reach.ts";

/** The largest group of calls. It is small, because a conflict aborts the whole group. */
const MAX_PLANS = 16;

/**
 * The rows of a ledger in MongoDB. A decision reads the rows of its plans without a transaction. Then one transaction
 * checks these rows and writes. So no transaction is open while this process decides.
 */
export function mongodbDatabase(db: MongoDb, clock: StorageClock | null): LedgerDatabase {
  const store = storeOver(db, clock);
  const within = <R>(read: () => Promise<R>): Promise<R> => withinReach(db, read);
  return {
    name: "mongodb",
    migrate: () => within(() => migrate(store)),
    open: () => within(() => openLedger(store)),
    close: async () => {},

    maxPlans: MAX_PLANS,
    decide: (plans, judge) => decide(store, plans, judge),

    due: (query) => within(() => due(store, query)),
    competingAttempts: (query) => competingAttempts(store, query),
    counters: (keys) => within(() => counters(store, keys)),
    consent: (key) => within(() => consent(store, key)),
    conversation: (id) => within(() => conversation(store, id)),
    conversations: (page) => within(() => conversations(store, page)),
    messages: (page) => within(() => messages(store, page)),
    changes: (page) => within(() => changes(store, page)),
    story: (messageId) => story(store, messageId),
    unrecorded: (keys) => within(() => unrecorded(store, keys)),
    unread: (rows) => within(() => unread(store, rows)),
    discard: (row) => within(() => discard(store, row)),

    erase: (order) => erase(store, order),
    purge: (order) => purge(store, order),
  };
}

function decide<Answer>(
  store: Store,
  plans: readonly Plan[],
  judge: (loaded: Loaded) => Decided<Answer>,
): Promise<Answer> {
  return untilCommitted(store, lineOf(plans), async (runs) => {
    const startedAt = performance.now();
    const loaded = await load(store, plans, runs);
    const { answer, changes: written } = judge(loaded);
    if (written !== null) await commit(store, loaded, written, () => performance.now() - startedAt);
    if (plans.some(isHeartbeat)) await prune(store, loaded.now, ROWS_A_HEARTBEAT);
    return answer;
  });
}

/**
 * The line of a call; `null` for a heartbeat, which does not wait. A heartbeat that waited for other calls would come
 * too late, and its worker would lose every lease. A process sends one heartbeat at a time.
 */
function lineOf(plans: readonly Plan[]): Line | null {
  if (plans.some(isHeartbeat)) return null;
  return plans.some(comesFromOutside) ? "outside" : "worker";
}
