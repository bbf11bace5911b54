import { DatabaseSync } from "node:sqlite";
import { MongoClient } from "mongodb";
import pg from "pg";
import type { InboundRecord, Storage } from "../src/index.ts";
import { mongodb } from "../src/storage/mongodb.ts";
import { postgres } from "../src/storage/postgres.ts";
import { sqlite } from "../src/storage/sqlite.ts";

/** Which database, how it is reached, and how the ledger is set up on it. */
export interface LedgerSpec {
  readonly kind: "sqlite" | "postgres" | "mongodb";
  /** A URL, or a file. */
  readonly at: string;
  readonly groupCommit: boolean;
}

/** A ledger and, in the same database over the same client, the least that a durable acknowledgement can cost. */
export interface Ledger {
  readonly storage: Storage;
  /** Inserts one row with a text of the same size under a unique key, and commits it. */
  raw(key: string, body: string): Promise<void>;
  close(): Promise<void>;
}

/** Clients of each process, for ledger and raw inserts alike. */
const CONNECTIONS = 16;

export async function openLedger(spec: LedgerSpec): Promise<Ledger> {
  switch (spec.kind) {
    case "sqlite":
      return openSqlite(spec.at);
    case "postgres":
      return openPostgres(spec.at, spec.groupCommit);
    case "mongodb":
      return openMongodb(spec.at);
    default:
      return spec.kind satisfies never;
  }
}

async function openSqlite(file: string): Promise<Ledger> {
  const database = new DatabaseSync(file);
  database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 10000");
  database.exec("create table if not exists raw_texts (key text primary key, body text not null) strict");
  const insert = database.prepare("insert into raw_texts (key, body) values (?, ?)");
  const storage = sqlite(file);
  await storage.migrate();
  await storage.open();
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

async function openPostgres(url: string, groupCommit: boolean): Promise<Ledger> {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  pool.on("error", (error) => console.error(error.message));
  const storage = postgres(pool, { groupCommit: groupCommit ? {} : false });
  await storage.migrate();
  await pool.query("create table if not exists raw_texts (key text primary key, body text not null)");
  await storage.open();
  return {
    storage,
    async raw(key, body) {
      await pool.query("insert into raw_texts (key, body) values ($1, $2)", [key, body]);
    },
    close: () => pool.end(),
  };
}

async function openMongodb(url: string): Promise<Ledger> {
  const client = new MongoClient(url, { maxPoolSize: CONNECTIONS });
  const db = client.db("ownline_bench");
  const storage = mongodb(db);
  await storage.migrate();
  await storage.open();
  const raw = db.collection<{ _id: string; body: string }>("raw_texts");
  return {
    storage,
    async raw(key, body) {
      await raw.insertOne({ _id: key, body }, { writeConcern: { w: "majority", journal: true } });
    },
    close: () => client.close(),
  };
}

const BODY = "Is there a table for two tonight at eight? We would love one near the window.";

/** The text that each measurement stores: of everyday length, and in one segment. */
export const TEXT: string = BODY;

/** One text of one of `people` persons, as the engine hands it over. */
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
    carrierId: `SM${key}`,
    body: BODY,
    media: [],
    occurredAt: null,
    needsAnswer: true,
    debounceMs: 2000,
    maxWaitMs: 15_000,
    consent: null,
    autoReply: null,
  };
}
