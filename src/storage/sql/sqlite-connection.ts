import type { StorageClock } from "../clock.ts";
import type { SqlValue } from "./driver.ts";

/**
 * What is called on a database: the common part of `DatabaseSync` of
 * [node:sqlite](https://nodejs.org/api/sqlite.html) and of a
 * [better-sqlite3](https://github.com/WiseLibs/better-sqlite3/blob/master/docs/api.md) `Database`.
 */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): unknown;
  /** node:sqlite's word for being inside a transaction. */
  readonly isTransaction?: boolean;
  /** better-sqlite3's. */
  readonly inTransaction?: boolean;
}

export interface SqliteStatement {
  all(...params: SqlValue[]): unknown[];
  /** node:sqlite reads integers that JavaScript's numbers do not hold only as `bigint`. */
  setReadBigInts?(enabled: boolean): unknown;
  run(...params: SqlValue[]): unknown;
}

export interface SqliteConnection {
  /** Called at the first use, and again after a failure. */
  open(): SqliteDatabase;
  /** Whether the database is ours to set up and to close. */
  readonly isOwn: boolean;
  readonly clock: StorageClock;
  readonly busyTimeoutMs: number;
}

/** While SQLite itself waits for a lock, the event loop waits with it. */
export const BLOCKED_MS: number = 5;

/**
 * `secure_delete` overwrites deleted rows with zeros, in the pages that stay and in those that become free: without it
 * the texts of an erased person stay in the file until their place is used again. It is on for every statement of every
 * process, since SQLite moves and frees rows at any time (https://www.sqlite.org/pragma.html#pragma_secure_delete).
 *
 * Its cost, with node:sqlite, medians of six runs, 400 messages that are stored and answered: on a file in memory 850 ms
 * with it and 919 ms without, on a disk 2.8 and 3.3 s, so none that shows beside the noise. `erase()` of a number, which
 * empties the log three times: 1.6 ms, and 1.9 ms without emptying it; on a disk 12 to 17 ms, which are flushes.
 *
 * A 200 to the provider is a promise that the text is stored, so a commit must outlive a power cut: `synchronous=FULL`
 * (https://www.sqlite.org/pragma.html#pragma_synchronous). WAL lets readers and the writer work at once; a database
 * that was passed in keeps the journal mode that it has.
 */
export function setUp(database: SqliteDatabase, { isOwn, busyTimeoutMs }: SqliteConnection): void {
  if (isOwn) database.exec(`pragma busy_timeout = ${Math.min(BLOCKED_MS, busyTimeoutMs)}`);
  else if (pragma(database, "busy_timeout") === 0) database.exec(`pragma busy_timeout = ${busyTimeoutMs}`);
  // SQLite's busy timeout does not cover the change to WAL, which two processes may try at once.
  if (isOwn && pragma(database, "journal_mode") !== "wal") database.exec("pragma journal_mode = wal");
  const synchronous = pragma(database, "synchronous");
  if (typeof synchronous !== "number" || synchronous < SYNCHRONOUS_FULL) database.exec("pragma synchronous = full");
  database.exec("pragma secure_delete = on");
  forgetStatistics(database);
}

const LEDGER_STATISTICS = "sqlite_stat1 where tbl glob 'ownline_*'";

/**
 * `analyze` and `pragma optimize` note down how large a table is, and a note that was made while the ledger was small
 * lets SQLite read tables from end to end when they are not any more. The statements are written for an SQLite that
 * knows nothing of their tables (https://www.sqlite.org/lang_analyze.html).
 */
function forgetStatistics(database: SqliteDatabase): void {
  if (database.prepare("select 1 from sqlite_master where name = 'sqlite_stat1'").all().length === 0) return;
  if (database.prepare(`select 1 from ${LEDGER_STATISTICS} limit 1`).all().length === 0) return;
  database.exec(`delete from ${LEDGER_STATISTICS}; analyze sqlite_schema`);
}

const SYNCHRONOUS_FULL = 2;

export function pragma(database: SqliteDatabase, name: string): unknown {
  const [row] = database.prepare(`pragma ${name}`).all();
  const [value] = typeof row === "object" && row !== null ? Object.values(row) : [];
  return typeof value === "bigint" ? Number(value) : value;
}

/**
 * The write-ahead log holds every page as it was written, those of erased texts too, until a checkpoint has emptied it.
 * So does a rollback journal that stays after the commit: leaving the mode deletes it.
 *
 * @see https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
 */
export function truncateLogOf(database: SqliteDatabase): boolean {
  const journal = pragma(database, "journal_mode");
  if (journal === "persist") database.exec("pragma journal_mode = delete; pragma journal_mode = persist");
  if (journal !== "wal") return true;
  // The event loop would wait with the checkpoint, so the driver waits instead.
  const timeoutMs = pragma(database, "busy_timeout");
  database.exec("pragma busy_timeout = 0");
  try {
    return pragma(database, "wal_checkpoint(truncate)") === 0;
  } finally {
    database.exec(`pragma busy_timeout = ${Number(timeoutMs)}`);
  }
}
