import type { StorageClock } from "../clock.ts";
import { type Admission, admission } from "./admission.ts";
import type { MongoClientLike, MongoCollection, MongoDb, MongoDocument, MongoSession } from "./client.ts";
import { moment } from "./fields.ts";
import { COLLECTIONS, type CollectionName } from "./schema.ts";

/** The database as the ledger uses it, with any settings of the `Db`. */
export interface Store {
  readonly db: MongoDb;
  collection(name: CollectionName): MongoCollection;
  /** `null` for the server's own. */
  readonly clock: StorageClock | null;
  /** Through which decisions, deletions and stories go: all but the heartbeat's. */
  readonly admit: Admission;
}

/**
 * The transactions under way at once over one client. One that waits for a lock keeps a connection busy. Were there as
 * many of them as connections, those that hold the locks could not send their next command, and would grow old and be
 * aborted by the server. More of them than the server carries grow old in the same way.
 */
const MOST_TRANSACTIONS = 8;

/**
 * Twilio gives a webhook 15 s, and not every account retries after a 503: so a text waits for as long as it may, and
 * its transaction has the rest.
 * @see https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
 */
const LONGEST_WAIT_MS = 10_000;

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

/** Ledgers over one client share its connections, so they wait in the same lines. */
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
  // To the driver, 0 is no limit.
  if (connections === 0) return MOST_TRANSACTIONS;
  // One is for what is asked beside transactions: heartbeats, and pages.
  return Math.min(MOST_TRANSACTIONS, Math.max(1, connections - 1));
}

/** The collection's name in the database. */
export function nameOf(name: CollectionName): string {
  return `ownline_${name}`;
}

/** One answer for what is read, as long as it fits into one: a row is small. */
const BATCH_SIZE = 5_000;

/** Reads documents; in a transaction where a session is given. */
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

/** The documents whose field has one of these values. Nothing is asked where there are none. */
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
