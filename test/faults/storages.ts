import { mongodb } from "../../src/storage/mongodb.ts";
import { postgres } from "../../src/storage/postgres.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";

/**
 * The ledger at a URL: `postgres://…`, `mongodb://…`, or `sqlite:<path>`. For SQLite, `?busy=<ms>` sets how long it
 * waits for a file that another connection has locked.
 */
export async function openStorage(url: string): Promise<Storage> {
  switch (url.split(":", 1)[0]) {
    case "postgres": {
      const { default: pg } = await import("pg");
      const pool = new pg.Pool({ connectionString: url, max: 8 });
      // An idle connection broke. The pool opens another one at its next use.
      pool.on("error", () => {});
      return closing(postgres(pool), () => pool.end());
    }
    case "mongodb": {
      const { default: driver } = await import("mongodb");
      // Longer than `mongodb()` waits for a server (4.5 s). So the ledger's own limit reports an unreachable server, as
      // with the driver's default of 30 s. A slow answer of a busy machine does not count as one.
      const client = new driver.MongoClient(url, { serverSelectionTimeoutMS: 10_000 });
      return closing(mongodb(client.db()), () => client.close());
    }
    case "sqlite": {
      const [path = "", query] = url.slice("sqlite:".length).split("?");
      return sqlite(path, { busyTimeoutMs: Number(new URLSearchParams(query).get("busy") ?? 5000) });
    }
    default:
      throw new Error("the storage's URL must begin with postgres:, mongodb: or sqlite:");
  }
}

function closing(storage: Storage, close: () => Promise<void>): Storage {
  return {
    ...storage,
    async close() {
      await storage.close();
      await close();
    },
  };
}
