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
   * For tests that move the time. Without it the ledger reads the server's clock, the same for all processes.
   * @default the server's clock
   */
  readonly clock?: StorageClock;
}

/**
 * The ledger in MongoDB, over a `Db` of the official driver (`mongodb` 6 or 7). A call reads what it needs, and then
 * checks and writes in one transaction; up to 16 calls share one. It is acknowledged by a majority of the members,
 * journaled, also where the `Db` has another write concern, and read from the primary. Where other processes change the
 * same documents, it is decided anew, up to 20 times. Times come from the server's own clock. All collections begin with
 * `ownline_`. A server that cannot be reached is `storage_unavailable` within 5 s, also where
 * `serverSelectionTimeoutMS` is longer.
 *
 * At most 8 decisions are under way at once over one client, and one fewer than its `maxPoolSize` where that is small.
 * Further ones wait for their turn: the worker's in one line, messages and what else comes from outside in another,
 * served by turns; heartbeats never wait. One that has waited for 10 s is refused as `storage_unavailable`, retryable.
 *
 * It needs a replica set (one member is enough) or a sharded cluster, of MongoDB 5.0 or later: only they have
 * transactions. `storage.migrate()` creates the collections and indexes, as a step of the deployment. You connect and
 * close the client; the ledger does neither.
 *
 * Tested against DocumentDB, the open-source database that speaks MongoDB's protocol, and not against MongoDB's own
 * server. There, of two transactions that write one document one fails at once; here the second one waits. Such
 * conflicts are injected in the tests.
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
  return ledgerOver(mongodbDatabase(db, options.clock ?? null));
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
