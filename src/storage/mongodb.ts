import { OwnlineError } from "../errors.ts";
import { refuseUnknownOptions } from "../unknown-fields.ts";
import type { StorageClock } from "./clock.ts";
import { ledgerOver } from "./ledger/ledger.ts";
import type { MongoDb } from "./mongodb/client.ts";
import { mongodbDatabase } from "./mongodb/database.ts";
import type { Storage } from "./storage.ts";

export type { StorageClock } from "./clock.ts";
export type {
  MongoClientLike,
  MongoCollection,
  MongoDb,
  MongoDocument,
  MongoSession,
  MongoWritten,
} from "./mongodb/client.ts";

/** Options of {@link mongodb}. */
export interface MongodbOptions {
  /**
   * A clock for tests that move the time. Without it, the ledger reads the server's clock, which is the same for all
   * processes.
   * @default the server's clock
   */
  readonly clock?: StorageClock;
}

/**
 * The ledger in MongoDB, over a `Db` of the official driver (`mongodb` 6 or 7). A call reads its documents, and then
 * checks and writes in one transaction; up to 16 calls share a transaction. Writes are journaled and acknowledged by a
 * majority of the members, even if the `Db` has another write concern. Reads go to the primary. If other processes
 * change the same documents meanwhile, the call is decided anew, up to 20 times. Times come from the server's own
 * clock. The names of all collections begin with `ownline_`. If the server cannot be reached, calls fail with
 * `storage_unavailable` within 5 s, even if `serverSelectionTimeoutMS` is longer.
 *
 * At most 8 decisions are under way at once over one client, or one fewer than its `maxPoolSize` if that is smaller.
 * Further decisions wait in two queues that take turns: one for the worker's calls, one for messages and other calls
 * from outside. Heartbeats never wait. A decision that has waited for 10 s fails with `storage_unavailable`, retryable.
 *
 * It needs a replica set (one member is enough) or a sharded cluster of MongoDB 5.0 or later, because only these have
 * transactions. `storage.migrate()` creates the collections and indexes, as a step of the deployment. You connect and
 * close the client; the ledger does not.
 *
 * It is tested against DocumentDB, the open-source database that speaks MongoDB's protocol, and not against MongoDB's
 * own server. If two transactions write one document, MongoDB's server fails one of them at once; DocumentDB makes the
 * second one wait. The tests inject the conflicts of MongoDB's server.
 *
 * @throws OwnlineError at once: `invalid_options` if there is no `Db`, and for an unknown option.
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
  return ledgerOver(mongodbDatabase(db, options.clock ?? null));
}

/** Refuses a client in place of a `Db`, and a missing `Db`. */
function refuseMistakes(db: unknown): void {
  const isDb = typeof db === "object" && db !== null && "collection" in db && "client" in db;
  if (isDb) return;
  throw new OwnlineError(
    "invalid_options",
    'mongodb() needs a Db of the official driver, for example mongodb(new MongoClient(uri).db("sms")): pass the database, not the client.',
  );
}
