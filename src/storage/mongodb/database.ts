import type { StorageClock } from "../clock.ts";
import type { Decided, LedgerDatabase, Loaded, Plan } from "../database.ts";
import type { Line } from "./admission.ts";
import type { MongoDb } from "./client.ts";
import { commit } from "./commit.ts";
import { competingAttempts } from "./competing-attempts.ts";
import { due } from "./due.ts";
import { erase, purge } from "./erasure.ts";
import { load } from "./loads.ts";
import { migrate, openLedger } from "./migrate.ts";
import { DOCUMENTS_A_HEARTBEAT, prune } from "./prune.ts";
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

/** A conflict aborts the whole group, so it stays small. */
const MAX_PLANS = 16;

/**
 * The rows of a ledger in MongoDB. A decision reads what its plans name, and then writes in one transaction that checks
 * all of it: no transaction stays open while this process thinks.
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
    // With a heartbeat, so that the collections do not grow where the service never calls `purge()`.
    if (plans.some(isHeartbeat)) await prune(store, loaded.now, DOCUMENTS_A_HEARTBEAT);
    return answer;
  });
}

function isHeartbeat({ root }: Plan): boolean {
  return root.by === "workers";
}

/** A process has one heartbeat at a time. Behind others it would come too late, and every lease would be lost. */
function lineOf(plans: readonly Plan[]): Line | null {
  if (plans.some(isHeartbeat)) return null;
  return plans.some(({ root: { by } }) => by === "address" || by === "attempt") ? "outside" : "worker";
}
