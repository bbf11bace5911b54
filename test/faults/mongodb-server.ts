import { MongoClient } from "mongodb";
import { COLLECTIONS } from "../../src/storage/mongodb/schema.ts";
import { type MongodbProxy, mongodbProxy } from "./mongodb-proxy.ts";
import { openStorage } from "./storages.ts";

/**
 * What docs/reliability.md asks people to set: MongoDB's own 60 s are a minute in which the conversations stand still
 * that a killed process was writing to.
 */
const TRANSACTION_LIFETIME_MS = 3000;

/** A database on the server that `OWNLINE_TEST_MONGODB_URL` names, which is dropped in the end. */
export interface MongodbDatabase extends AsyncDisposable {
  readonly url: string;
  /** Takes the server away while something happens, and brings it back. */
  away(meanwhile: () => Promise<unknown>): Promise<void>;
}

/** @throws Error where no server is named. */
export async function openMongodb(name: string): Promise<MongodbDatabase> {
  const url = process.env.OWNLINE_TEST_MONGODB_URL;
  if (url === undefined || url === "") {
    throw new Error("Name a server that speaks MongoDB's protocol in OWNLINE_TEST_MONGODB_URL.");
  }
  const proxy = await mongodbProxy({ url, lifetimeMs: TRANSACTION_LIFETIME_MS });
  const client = new MongoClient(url);
  const db = client.db(name);
  return {
    url: proxy.urlOf(name),
    async away(meanwhile) {
      proxy.cut();
      await meanwhile();
      proxy.restore();
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await db.dropDatabase();
      await client.close();
    },
  };
}

/** Empty ledgers, which are used one after another: indexes are slow to build. */
export interface MongodbLedgers extends AsyncDisposable {
  /** One that no other test uses. Its disposal empties it and gives it back. */
  take(): Promise<MongodbDatabase>;
}

export function mongodbLedgers(server: string): MongodbLedgers {
  const client = new MongoClient(server);
  const names: string[] = [];
  const free: string[] = [];
  // One for all, since the server has so many connections and no more.
  let proxy: Promise<MongodbProxy> | undefined;
  const shared = (): Promise<MongodbProxy> => {
    proxy ??= mongodbProxy({ url: server, lifetimeMs: TRANSACTION_LIFETIME_MS });
    return proxy;
  };

  async function migrated(): Promise<string> {
    const name = `ownline_matrix_${process.pid}_${names.length}`;
    names.push(name);
    const storage = await openStorage((await shared()).urlOf(name));
    await storage.migrate();
    await storage.close();
    return name;
  }

  return {
    async take() {
      const name = free.pop() ?? (await migrated());
      // What one case loses, others keep.
      const own = await mongodbProxy({ url: (await shared()).urlOf(name), lifetimeMs: TRANSACTION_LIFETIME_MS });
      return {
        url: own.urlOf(name),
        async away(meanwhile) {
          own.cut();
          await meanwhile();
          own.restore();
        },
        async [Symbol.asyncDispose]() {
          await own[Symbol.asyncDispose]();
          const filled = COLLECTIONS.filter((table) => table !== "meta");
          await Promise.all(filled.map((table) => client.db(name).collection(`ownline_${table}`).deleteMany({})));
          free.push(name);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      if (proxy !== undefined) await (await proxy)[Symbol.asyncDispose]();
      for (const name of names) await client.db(name).dropDatabase();
      await client.close();
    },
  };
}
