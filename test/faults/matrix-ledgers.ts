import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { inject } from "vitest";
import { startPostgres } from "../databases/embedded-postgres.ts";
import { type MongodbLedgers, mongodbLedgers } from "./mongodb-server.ts";
import { openStorage } from "./storages.ts";

/** MongoDB only where `OWNLINE_TEST_MONGODB_URL` names a server. */
export const LEDGERS = ["sqlite", "postgres", "mongodb"] as const;
export type LedgerKind = (typeof LEDGERS)[number];

/** The ledger of one case. It is empty at first, and is deleted afterwards. */
export interface CaseLedger extends AsyncDisposable {
  readonly url: string;
  /** Makes the ledger unreachable while a function runs, and reachable again afterwards. */
  away(meanwhile: () => Promise<unknown>): Promise<void>;
}

/** The ledgers of all cases. */
export interface MatrixLedgers extends AsyncDisposable {
  /** `crashes`: with a server of its own, if the database has a server. */
  open(kind: LedgerKind, name: string, crashes: boolean): Promise<CaseLedger>;
}

export function matrixLedgers(dir: string, mongodbUrl: string): MatrixLedgers {
  let onMongodb: MongodbLedgers | undefined;
  return {
    async open(kind, name, crashes) {
      switch (kind) {
        case "sqlite":
          return inFile(join(dir, `${name}.db`));
        case "postgres":
          return crashes ? onOwnServer() : onSharedServer(`faults_${name}`);
        case "mongodb":
          onMongodb ??= mongodbLedgers(mongodbUrl);
          return onMongodb.take();
        default:
          return kind satisfies never;
      }
    },
    async [Symbol.asyncDispose]() {
      await onMongodb?.[Symbol.asyncDispose]();
    },
  };
}

function inFile(file: string): CaseLedger {
  return {
    url: `sqlite:${file}?busy=300`,
    /** Locks all other connections out of the file. */
    async away(meanwhile) {
      using database = new DatabaseSync(file);
      database.exec("pragma busy_timeout = 5000");
      database.exec("begin immediate");
      await meanwhile();
      database.exec("rollback");
    },
    async [Symbol.asyncDispose]() {
      for (const part of ["", "-wal", "-shm"]) rmSync(file + part, { force: true });
    },
  };
}

async function onSharedServer(name: string): Promise<CaseLedger> {
  const url = new URL(inject("postgresUrl"));
  await query(url.href, `create database ${name}`);
  url.pathname = `/${name}`;
  return {
    url: await migrated(url.href),
    away: () => Promise.reject(new Error("others need this server")),
    // The server may still have connections of killed processes.
    [Symbol.asyncDispose]: () => query(inject("postgresUrl"), `drop database ${name} with (force)`),
  };
}

async function onOwnServer(): Promise<CaseLedger> {
  const server = await startPostgres();
  return {
    url: await migrated(server.url),
    async away(meanwhile) {
      const back = server.crash();
      await meanwhile();
      await back;
    },
    [Symbol.asyncDispose]: server.stop,
  };
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}

async function migrated(url: string): Promise<string> {
  const storage = await openStorage(url);
  await storage.migrate();
  await storage.close();
  return url;
}
