import { DatabaseSync } from "node:sqlite";
import { MongoClient } from "mongodb";
import pg from "pg";
import type { InboundRecord, Storage } from "../src/index.ts";
import { memory } from "../src/storage/memory.ts";
import { mongodb } from "../src/storage/mongodb.ts";
import { postgres } from "../src/storage/postgres.ts";
import { sqlite } from "../src/storage/sqlite.ts";

/** Which database a ledger uses, how to reach it, and how the ledger is set up on it. */
export type LedgerSpec =
  | { readonly kind: "memory" }
  /** `at` is a file, or a URL. */
  | { readonly kind: "sqlite" | "mongodb"; readonly at: string }
  | { readonly kind: "postgres"; readonly at: string; readonly groupCommit: boolean };

/** The storage factories of a build of the package. */
export interface Factories {
  readonly memory: typeof memory;
  readonly sqlite: typeof sqlite;
  readonly postgres: typeof postgres;
  readonly mongodb: typeof mongodb;
}

/** A ledger, and the cheapest possible durable acknowledgement in the same database over the same client. */
export interface Ledger {
  readonly storage: Storage;
  /** Inserts one row with a text of the same size under a unique key, and commits it. */
  raw(key: string, body: string): Promise<void>;
  close(): Promise<void>;
}

/** The number of clients of each process, for the ledger and for raw inserts. */
const CONNECTIONS = 16;

/** Opens a ledger and migrates it. The storage factories are those of this checkout, or of another build. */
export async function openLedger(
  spec: LedgerSpec,
  factories: Factories = { memory, sqlite, postgres, mongodb },
): Promise<Ledger> {
  const ledger = await ledgerOn(spec, factories);
  await ledger.storage.migrate();
  await ledger.storage.open();
  return ledger;
}

async function ledgerOn(spec: LedgerSpec, factories: Factories): Promise<Ledger> {
  switch (spec.kind) {
    case "memory":
      return onMemory(factories.memory());
    case "sqlite":
      return onSqlite(spec.at, factories.sqlite(spec.at));
    case "postgres":
      return onPostgres(spec.at, (pool) => factories.postgres(pool, spec.groupCommit ? {} : { groupCommit: false }));
    case "mongodb":
      return onMongodb(spec.at, factories);
    default:
      return spec satisfies never;
  }
}

function onMemory(storage: Storage): Ledger {
  const seen = new Map<string, string>();
  return {
    storage,
    async raw(key, body) {
      seen.set(key, body);
    },
    close: () => storage.close(),
  };
}

function onSqlite(file: string, storage: Storage): Ledger {
  const database = new DatabaseSync(file);
  database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 10000");
  database.exec("create table if not exists raw_texts (key text primary key, body text not null) strict");
  const insert = database.prepare("insert into raw_texts (key, body) values (?, ?)");
  return {
    storage,
    async raw(key, body) {
      insert.run(key, body);
    },
    async close() {
      await storage.close();
      database.close();
    },
  };
}

async function onPostgres(url: string, make: (pool: pg.Pool) => Storage): Promise<Ledger> {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  pool.on("error", (error) => console.error(error.message));
  const storage = make(pool);
  // Several processes begin at once. Without the lock, two that create the same table would disturb each other.
  await pool.query(
    "select pg_advisory_xact_lock(7); create table if not exists raw_texts (key text primary key, body text not null)",
  );
  return {
    storage,
    async raw(key, body) {
      await pool.query("insert into raw_texts (key, body) values ($1, $2)", [key, body]);
    },
    async close() {
      await storage.close();
      await pool.end();
    },
  };
}

function onMongodb(url: string, factories: Factories): Ledger {
  const client = new MongoClient(url, { maxPoolSize: CONNECTIONS });
  const db = client.db();
  const storage = factories.mongodb(db);
  const raw = db.collection<{ _id: string; body: string }>("raw_texts");
  return {
    storage,
    async raw(key, body) {
      await raw.insertOne({ _id: key, body }, { writeConcern: { w: "majority", journal: true } });
    },
    async close() {
      await storage.close();
      await client.close();
    },
  };
}

/** The text that each measurement stores: of usual length, and in one segment. */
export const TEXT = "Is there a table for two tonight at eight? We would love one near the window.";

/** One text of one of `people` persons, as the engine gives it to the ledger. */
export function inboundOf(key: string, person: string): InboundRecord {
  return {
    key,
    messageId: `m${key}`,
    conversationId: `c${person}`,
    scope: "default",
    line: "+15703251809",
    sender: "+15703251809",
    participant: person,
    consentKey: `consent ${person}`,
    origin: "webhook",
    providerMessageId: `SM${key}`,
    body: TEXT,
    media: [],
    occurredAt: null,
    needsAnswer: true,
    debounceMs: 2000,
    maxWaitMs: 15_000,
    consent: null,
    autoReply: null,
  };
}
