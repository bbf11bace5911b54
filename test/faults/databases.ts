import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { startPostgres } from "../databases/embedded-postgres.ts";
import { openMongodb } from "./mongodb-server.ts";
import type { StorageKind } from "./run-options.ts";
import { openStorage } from "./storages.ts";

/** As long as another member of a replica set needs to take over. */
const CUT_MS = 2000;

/** A database for one run, with the ledger's schema. */
export interface Database extends AsyncDisposable {
  readonly url: string;
  /** Whether the ledger takes its time from the database, and not from the process. */
  readonly hasClock: boolean;
  /** Stops the database without warning and starts it again; `null` where the run has no server of its own. */
  readonly restart: (() => Promise<void>) | null;
}

export async function openDatabase(kind: StorageKind, dir: string): Promise<Database> {
  const database = await create(kind, dir);
  const storage = await openStorage(database.url);
  await storage.migrate();
  await storage.close();
  return database;
}

async function create(kind: StorageKind, dir: string): Promise<Database> {
  switch (kind) {
    case "sqlite":
      return {
        url: `sqlite:${join(dir, "ledger.db")}`,
        hasClock: false,
        restart: null,
        async [Symbol.asyncDispose]() {},
      };
    case "postgres": {
      // With fsync, as in production: an acknowledged commit is on the disk.
      const server = await startPostgres();
      return { url: server.url, hasClock: true, restart: server.crash, [Symbol.asyncDispose]: server.stop };
    }
    case "mongodb": {
      const server = await openMongodb(`ownline_faults_${process.pid}`);
      return { ...server, hasClock: true, restart: () => server.away(() => wait(CUT_MS)) };
    }
    default:
      return kind satisfies never;
  }
}
