import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Storage } from "ownline";
import { memory } from "ownline/storage/memory";
import { mongodb } from "ownline/storage/mongodb";
import { postgres } from "ownline/storage/postgres";
import { sqlite } from "ownline/storage/sqlite";
import type { Config } from "./config.ts";

/** The ledger, ready for use, and a function that closes its client. */
export interface OpenStorage {
  readonly storage: Storage;
  close(): Promise<void>;
}

/** Opens the ledger and migrates it. Only the driver of the chosen database is loaded. */
export async function openStorage(config: Config["storage"]): Promise<OpenStorage> {
  switch (config.kind) {
    case "memory":
      return { storage: memory(), close: async () => {} };
    case "sqlite":
      mkdirSync(dirname(config.file), { recursive: true });
      return { storage: sqlite(config.file), close: async () => {} };
    case "postgres": {
      const { default: pg } = await import("pg");
      const pool = new pg.Pool({ connectionString: config.url });
      // Without a listener, this process would crash when the server ends an idle connection.
      pool.on("error", (error) => console.error(`a connection to the database ended: ${error.message}`));
      return migrated(postgres(pool), () => pool.end());
    }
    case "mongodb": {
      const { MongoClient } = await import("mongodb");
      const client = new MongoClient(config.url);
      return migrated(mongodb(client.db()), () => client.close());
    }
    default:
      return config satisfies never;
  }
}

async function migrated(storage: Storage, close: () => Promise<void>): Promise<OpenStorage> {
  try {
    await storage.migrate();
  } catch (error) {
    await close();
    throw error;
  }
  return { storage, close };
}
