import { MongoClient } from "mongodb";
import { COLLECTIONS, type CollectionName } from "../../src/storage/mongodb/schema.ts";
import { type MongoDb, mongodb } from "../../src/storage/mongodb.ts";
import type { CorruptedRow, RowName, StorageHarness } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";

/** What a test file needs of the server. */
export interface MongodbForTests {
  /** A ledger for each case in one database, since indexes are slow to build. */
  readonly harness: StorageHarness;
  /** Another connection's view of the database. */
  db(): MongoDb;
  /** Migrates from both connections at once. */
  start(): Promise<void>;
  /** Breaks a row. */
  corrupt(row: RowName): Promise<CorruptedRow>;
  /** Makes the ledger as new, but for its indexes. */
  empty(): Promise<void>;
  indexesOf(table: CollectionName): Promise<readonly unknown[]>;
  stop(): Promise<void>;
}

export const WITHOUT_MONGODB: string =
  "start a server that speaks MongoDB's protocol, and name it in OWNLINE_TEST_MONGODB_URL";

/** Behind a test's name: why it is skipped, where it is. */
export function skipNote(url: string): string {
  return url === "" ? ` (skipped: ${WITHOUT_MONGODB})` : "";
}

/** A field of each collection that no index leads by. */
const BREAKS: { readonly [table: string]: string } = {
  conversations: "fence",
  messages: "media",
  attempts: "error",
  events: "rawStatus",
  turns: "error",
  keys: "content",
  consents: "state",
  counters: "endsAt",
  rateLimits: "epoch",
  workers: "writtenAt",
  answers: "answer",
};

let databases = 0;

/** A database of the calling test file's own, with two connections. */
export function mongodbForTests(url: string): MongodbForTests {
  databases += 1;
  const name = `ownline_test_${process.pid}_${databases}`;
  const clients = url === "" ? [] : [new MongoClient(url), new MongoClient(url)];
  const dbs = clients.map((client) => client.db(name));
  let next = 0;
  const db = (): MongoDb => {
    const chosen = dbs[next % dbs.length];
    next += 1;
    if (chosen === undefined) throw new Error("There is no MongoDB server for these tests.");
    return chosen;
  };
  const empty = async (): Promise<void> => {
    const filled = COLLECTIONS.filter((table) => table !== "meta");
    await Promise.all(filled.map((table) => dbs[0]?.collection(`ownline_${table}`).deleteMany({})));
  };
  /** A field of another type. */
  const corrupt = async ({ table, id }: RowName): Promise<CorruptedRow> => {
    const collection = dbs[0]?.collection<{ readonly _id: string }>(`ownline_${table}`);
    const column = BREAKS[table];
    const before = await collection?.findOne({ _id: id });
    if (column === undefined || before === null || before === undefined) throw new Error(`${table} has no ${id}.`);
    await collection?.updateOne({ _id: id }, { $set: { [column]: { broken: true } } });
    return { column, mend: async () => void (await collection?.replaceOne({ _id: id }, before)) };
  };
  return {
    db,
    corrupt,
    async start() {
      await Promise.all(clients.map((client) => client.connect()));
      await Promise.all([mongodb(db()).migrate(), mongodb(db()).migrate()]);
    },
    empty,
    async indexesOf(table) {
      return (await dbs[0]?.collection(`ownline_${table}`).listIndexes().toArray()) ?? [];
    },
    async stop() {
      await dbs[0]?.dropDatabase();
      await Promise.all(clients.map((client) => client.close()));
    },
    harness: {
      corruptible: true,
      async create() {
        const clock = manualClock();
        return {
          storage: mongodb(db(), { clock }),
          advance: (ms) => clock.advance(ms),
          second: async () => mongodb(db(), { clock }),
          corrupt,
          dispose: empty,
        };
      },
    },
  };
}
