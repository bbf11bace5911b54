import type { StorageClock } from "../clock.ts";
import { type Admission, admission } from "./admission.ts";
import type { MongoClientLike, MongoCollection, MongoDb, MongoDocument, MongoSession } from "./client.ts";
import { moment } from "./fields.ts";
import { COLLECTIONS, type CollectionName } from "./schema.ts";

/** The database as the ledger uses it, independent of the settings of the `Db`. */
export interface Store {
  readonly db: MongoDb;
  collection(name: CollectionName): MongoCollection;
  /** `null` for the server's clock. */
  readonly clock: StorageClock | null;
  /** Limits how many decisions, deletions and stories run at once. Heartbeats do not use it. */
  readonly admit: Admission;
}

/**
 * How many transactions are under way at once over one client. A transaction that waits for a lock keeps a connection
 * busy. If such transactions used all connections, the transactions that hold the locks could not send their next
 * command. Then the server would abort them for their age. The same happens with more transactions than the server can
 * handle.
 */
const MOST_TRANSACTIONS = 8;

/**
 * Twilio waits 15 s for a webhook's response, and not every account retries after a 503. So a text may wait for most of
 * this time, and its transaction has the rest.
 * @see https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
 */
const LONGEST_WAIT_MS = 10_000;

/** How long a majority may take to confirm a write. After that, the ledger counts as unavailable. */
const CONFIRM_WITHIN_MS = 10_000;

/** A commit must survive a failover. Otherwise an acknowledged text could be lost. */
const DURABLE = { w: "majority", journal: true, wtimeoutMS: CONFIRM_WITHIN_MS } as const;

/** The options of every transaction. */
export const TRANSACTION: object = {
  readConcern: { level: "snapshot" },
  writeConcern: DURABLE,
  readPreference: "primary",
};

/** The options of every collection. They override a `Db` that is set to read from secondaries or to return bigints. */
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
  const opened = new Map(COLLECTIONS.map((name) => [name, db.collection(nameOf(name), COLLECTION)]));
  return {
    db,
    collection(name) {
      const collection = opened.get(name);
      if (collection === undefined) throw new TypeError(`The ledger has no collection ${name}.`);
      return collection;
    },
    clock,
    admit: admissionOf(db.client),
  };
}

/** Ledgers over one client share its connections, so they also share its waiting lines. */
const admissions = new WeakMap<MongoClientLike, Admission>();

function admissionOf(client: MongoClientLike): Admission {
  const known = admissions.get(client);
  if (known !== undefined) return known;
  const made = admission({ places: placesIn(client), longestWaitMs: LONGEST_WAIT_MS });
  admissions.set(client, made);
  return made;
}

function placesIn({ options }: MongoClientLike): number {
  const connections = options?.maxPoolSize ?? 0;
  // For the driver, 0 means no limit.
  if (connections === 0) return MOST_TRANSACTIONS;
  // One connection stays free for heartbeats and pages, which do not wait in a line.
  return Math.min(MOST_TRANSACTIONS, Math.max(1, connections - 1));
}

/** The collection's name in the database. */
export function nameOf(name: CollectionName): string {
  return `ownline_${name}`;
}

/** Large enough that a read needs only one reply of the server if it fits, because rows are small. */
const BATCH_SIZE = 5_000;

/** Reads documents; in a transaction if a session is given. */
export async function find(
  store: Store,
  name: CollectionName,
  filter: object,
  options: object = {},
  session: MongoSession | null = null,
): Promise<readonly MongoDocument[]> {
  const all = { batchSize: BATCH_SIZE, ...options, ...sessionOf(session) };
  return await store.collection(name).find(filter, all).toArray();
}

/** The documents whose field has one of these values. Without values there is no query. */
export async function findIn(
  store: Store,
  name: CollectionName,
  field: string,
  values: Iterable<string>,
  { session = null, ...options }: { readonly session?: MongoSession | null; readonly projection?: object } = {},
): Promise<readonly MongoDocument[]> {
  const asked = [...new Set(values)];
  return asked.length === 0 ? [] : await find(store, name, { [field]: { $in: asked } }, options, session);
}

/** Reads the ledger's clock. Unix milliseconds. */
export async function readClock(store: Store, session: MongoSession | null = null): Promise<number> {
  if (store.clock !== null) return store.clock.now();
  const pipeline = [{ $match: { _id: "ledger" } }, { $project: { now: "$$NOW" } }];
  const [doc] = await store.collection("meta").aggregate(pipeline, sessionOf(session)).toArray();
  return moment(doc ?? {}, "now");
}

export function sessionOf(session: MongoSession | null): { readonly session?: MongoSession } {
  return session === null ? {} : { session };
}
