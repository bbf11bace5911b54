import { OwnlineError } from "../errors.ts";
import { refuseUnknownOptions } from "../unknown-fields.ts";
import type { StorageClock } from "./clock.ts";
import type { MongoDb } from "./mongodb/client.ts";
import { consentOf, conversationOf } from "./mongodb/documents.ts";
import { ERASE, PURGE } from "./mongodb/erasure.ts";
import { CLAIM_SEND, RECORD_SEND, RECORD_STATUS, RESOLVE } from "./mongodb/facts.ts";
import { migrate, openLedger } from "./mongodb/migrate.ts";
import { once } from "./mongodb/operations.ts";
import { changes, conversations, counters, due, messages, rivals, story, unrecorded } from "./mongodb/queries.ts";
import { CLAIM_SWEEP, COMMIT_SWEEP, REQUEUE_TURN, SUSPECT } from "./mongodb/repair.ts";
import { storeOver } from "./mongodb/store.ts";
import { recordInbound, recordOutbound } from "./mongodb/texts.ts";
import { CLAIM_TURN, COMMIT_TURN, RELEASE_TURN, SET_PAUSED } from "./mongodb/turns.ts";
import { withinReach } from "./mongodb/within-reach.ts";
import { HEARTBEAT } from "./mongodb/workers.ts";
import { WorkingSet } from "./mongodb/working-set.ts";
import { keepable } from "./sql/statement.ts";
import type { Storage } from "./storage.ts";

export type { StorageClock } from "./clock.ts";
export type {
  MongoClientLike,
  MongoCollection,
  MongoDb,
  MongoDocument,
  MongoSession,
  MongoUpdate,
  MongoWrite,
} from "./mongodb/client.ts";

/** Options of {@link mongodb}. */
export interface MongodbOptions {
  /**
   * For tests that move the time. Without it the ledger reads the server's clock, the same for all processes.
   * @default the server's clock
   */
  readonly clock?: StorageClock;
}

/**
 * The ledger in MongoDB, over a `Db` of the official driver (`mongodb` 6 or 7). Every operation is one transaction, which
 * locks the conversation first, so conversations never wait for each other; it is acknowledged by a majority of the
 * members, journaled, whatever write concern the `Db` has, and read from the primary. Times come from the server's
 * own clock. All collections begin with `ownline_`. A server that cannot be reached is `storage_unavailable` within 5 s,
 * whatever `serverSelectionTimeoutMS` says.
 *
 * At most 8 transactions are under way at once over one client, and one fewer than its `maxPoolSize` where that is
 * small. Further calls wait for their turn: the worker's in one line, texts and what else comes from outside in another,
 * served by turns; heartbeats never wait. Who has waited for 10 s is refused as `storage_unavailable`, retryable.
 *
 * It needs a replica set (one member is enough) or a sharded cluster, of MongoDB 5.0 or later: only they have
 * transactions. `storage.migrate()` creates the collections and indexes, as a step of the deployment. You connect and
 * close the client; the ledger does neither.
 *
 * Tested against DocumentDB, the open-source database that speaks MongoDB's protocol, and not against MongoDB's own
 * server; MongoDB's conflicts between transactions are injected in the tests.
 *
 * @throws OwnlineError at once: `invalid_options` when there is no `Db`, and for an option that is not known.
 *
 * @example
 * ```ts
 * import { MongoClient } from "mongodb";
 * import { mongodb } from "ownline/storage/mongodb";
 *
 * const client = new MongoClient("mongodb://127.0.0.1:27017/?replicaSet=rs0");
 * const storage = mongodb(client.db("sms"));
 * ```
 */
export function mongodb(db: MongoDb, options: MongodbOptions = {}): Storage {
  refuseMistakes(db);
  refuseUnknownOptions("mongodb()", options, { clock: true });
  const store = storeOver(db, options.clock ?? null);

  return {
    name: "mongodb",
    migrate: () => withinReach(db, () => migrate(store)),
    open: () => withinReach(db, () => openLedger(store)),
    close: async () => {},

    recordInbound: (record) => recordInbound(store, record),
    recordOutbound: (record) => recordOutbound(store, record),

    async claimTurns({ op, workerId, leaseMs }) {
      const claimed = await once(store, CLAIM_TURN)({ op, workerId, leaseMs });
      return claimed === null ? [] : [claimed];
    },
    commitTurn: once(store, COMMIT_TURN),
    releaseTurn: once(store, RELEASE_TURN),
    heartbeat: once(store, HEARTBEAT),
    setPaused: once(store, SET_PAUSED),

    due: (limit) => due(store, limit),
    claimSend: once(store, CLAIM_SEND),
    recordSend: once(store, RECORD_SEND),
    recordStatus: once(store, RECORD_STATUS),
    rivals: (query) => rivals(store, query),
    resolve: once(store, RESOLVE),
    requeueTurn: once(store, REQUEUE_TURN),
    suspect: once(store, SUSPECT),

    async consent(consentKey) {
      const [doc] = await find("consents", consentKey);
      return doc === undefined ? null : consentOf(doc);
    },
    async conversation(id) {
      const [doc] = await find("conversations", id);
      return doc === undefined ? null : conversationOf(doc);
    },
    conversations: (page) => withinReach(db, () => conversations(store, page)),
    messages: (page) => withinReach(db, () => messages(store, page)),
    changes: (page) => withinReach(db, () => changes(store, page)),
    story: (messageId) => story(store, messageId),

    erase: once(store, ERASE),
    purge: once(store, PURGE),

    claimSweep: once(store, CLAIM_SWEEP),
    counters: (keys) => withinReach(db, () => counters(store, keys)),
    unrecorded: (keys) => withinReach(db, () => unrecorded(store, keys)),
    commitSweep: once(store, COMMIT_SWEEP),
  };

  function find(table: "consents" | "conversations", id: string) {
    return withinReach(db, () => new WorkingSet(store, null).find(table, { _id: keepable(id) }));
  }
}

/** A client is not a database, and a missing one is `undefined`. */
function refuseMistakes(db: unknown): void {
  const isDb = typeof db === "object" && db !== null && "collection" in db && "client" in db;
  if (isDb) return;
  throw new OwnlineError(
    "invalid_options",
    'mongodb() needs a Db of the official driver, for example mongodb(new MongoClient(uri).db("sms")): pass the database, not the client.',
  );
}
