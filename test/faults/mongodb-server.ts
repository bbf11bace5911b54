import { MongoClient } from "mongodb";
import { mongodbProxy } from "./mongodb-proxy.ts";

/**
 * What docs/reliability.md tells people to set: MongoDB's own 60 s are a minute in which the conversations stand still
 * that a dead process was writing to.
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
  const proxy = await mongodbProxy({ url, database: name, lifetimeMs: TRANSACTION_LIFETIME_MS });
  const client = new MongoClient(url);
  const db = client.db(name);
  return {
    url: proxy.url,
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
