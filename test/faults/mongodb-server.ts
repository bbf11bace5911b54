import { MongoClient } from "mongodb";
import { COLLECTIONS } from "../../src/storage/mongodb/schema.ts";
import { type MongodbProxy, mongodbProxy } from "./mongodb-proxy.ts";
import { openStorage } from "./storages.ts";

/**
 * The value that docs/reliability.md recommends. With MongoDB's own 60 s, the conversations to which a killed process
 * was writing would stand still for a minute.
 */
const TRANSACTION_LIFETIME_MS = 3000;

/** A database on the server that `OWNLINE_TEST_MONGODB_URL` names. It is dropped at the end. */
export interface MongodbDatabase extends AsyncDisposable {
  readonly url: string;
  /** Makes the server unreachable while a function runs, and reachable again afterwards. */
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

/** Empty ledgers, which tests use one after another, because building indexes is slow. */
export interface MongodbLedgers extends AsyncDisposable {
  /** Lends a ledger that no other test uses. Its disposal empties the ledger and returns it. */
  take(): Promise<MongodbDatabase>;
}

export function mongodbLedgers(server: string): MongodbLedgers {
  const client = new MongoClient(server);
  const names: string[] = [];
  const free: string[] = [];
  // One proxy for all, since the server has a fixed number of connections.
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
      // A case that loses its connections must not break those of the others.
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
