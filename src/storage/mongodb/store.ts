import type { StorageClock } from "../clock.ts";
import type { MongoCollection, MongoDb, MongoSession } from "./client.ts";
import { moment } from "./fields.ts";
import type { Table } from "./schema.ts";

/** The database as the ledger uses it, whatever the `Db` was set to. */
export interface Store {
  readonly db: MongoDb;
  readonly tables: Readonly<Record<Table, MongoCollection>>;
  /** `null` for the server's own. */
  readonly clock: StorageClock | null;
}

/** How long a majority may take to confirm a write before the ledger counts as out of reach. */
const CONFIRM_WITHIN_MS = 10_000;

/** A commit that a failover could take back would be a promise broken: an acknowledged text, gone. */
const DURABLE = { w: "majority", journal: true, wtimeoutMS: CONFIRM_WITHIN_MS } as const;

/** Every transaction. */
export const TRANSACTION: object = {
  readConcern: { level: "snapshot" },
  writeConcern: DURABLE,
  readPreference: "primary",
};

/** Every collection. A `Db` may be set to read from secondaries, or to hand out bigints: the ledger does neither. */
const COLLECTION = {
  readPreference: "primary",
  readConcern: { level: "majority" },
  writeConcern: DURABLE,
  promoteLongs: true,
  promoteValues: true,
  promoteBuffers: false,
  useBigInt64: false,
  bsonRegExp: false,
  raw: false,
  ignoreUndefined: false,
} as const;

export function storeOver(db: MongoDb, clock: StorageClock | null): Store {
  const open = (table: Table): MongoCollection => db.collection(nameOf(table), COLLECTION);
  const tables = {
    meta: open("meta"),
    conversations: open("conversations"),
    messages: open("messages"),
    turns: open("turns"),
    keys: open("keys"),
    consents: open("consents"),
    counters: open("counters"),
    paces: open("paces"),
    workers: open("workers"),
    sweeps: open("sweeps"),
    operations: open("operations"),
  };
  return { db, tables, clock };
}

/** The collection's name in the database. */
export function nameOf(table: Table): string {
  return `ownline_${table}`;
}

/** Reads the clock, for what begins without a document to lock. */
export async function readClock(store: Store, session: MongoSession | null): Promise<number> {
  if (store.clock !== null) return store.clock.now();
  const pipeline = [{ $match: { _id: "ledger" } }, { $project: { now: "$$NOW" } }];
  const [doc] = await store.tables.meta.aggregate(pipeline, sessionOf(session)).toArray();
  return moment(doc ?? {}, "now");
}

export function sessionOf(session: MongoSession | null): { readonly session?: MongoSession } {
  return session === null ? {} : { session };
}
