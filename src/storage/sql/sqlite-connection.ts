import type { StorageClock } from "../clock.ts";
import type { SqlValue } from "./driver.ts";

/**
 * The methods that the driver calls on a database: the common part of `DatabaseSync` of
 * [node:sqlite](https://nodejs.org/api/sqlite.html) and of a
 * [better-sqlite3](https://github.com/WiseLibs/better-sqlite3/blob/master/docs/api.md) `Database`.
 */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): unknown;
  /** Whether the database is inside a transaction, in node:sqlite. */
  readonly isTransaction?: boolean;
  /** Whether the database is inside a transaction, in better-sqlite3. */
  readonly inTransaction?: boolean;
}

export interface SqliteStatement {
  all(...params: SqlValue[]): unknown[];
  /** node:sqlite returns integers beyond JavaScript's safe integers only as `bigint`. */
  setReadBigInts?(enabled: boolean): unknown;
  run(...params: SqlValue[]): unknown;
}

export interface SqliteConnection {
  /** Called at the first use, and again after a failure. */
  open(): SqliteDatabase;
  /** Whether ownline opened the database, so that it may set it up and close it. */
  readonly isOwn: boolean;
  readonly clock: StorageClock;
  readonly busyTimeoutMs: number;
}

/** The longest time that SQLite itself waits for a lock, because this wait blocks the event loop. */
export const BLOCKED_MS: number = 5;

/**
 * `secure_delete` overwrites deleted rows with zeros, in used pages and in free pages. Without it, the texts of an
 * erased person stay in the file until SQLite uses their place again. It is on for every statement of every process,
 * because SQLite may move and free rows at any time (https://www.sqlite.org/pragma.html#pragma_secure_delete).
 *
 * Its cost was measured with node:sqlite (medians of six runs, 400 messages stored and answered). On a file in memory:
 * 850 ms with it, 919 ms without. On a disk: 2.8 s and 3.3 s. So the cost is smaller than the noise. `erase()` of a
 * number empties the log three times. In memory it took 1.6 ms, and 1.9 ms without emptying the log. On a disk it took
 * 12 to 17 ms, the time of the flushes.
 *
 * A 200 to the provider promises that the text is stored, so a commit must survive a power cut: `synchronous=FULL`
 * (https://www.sqlite.org/pragma.html#pragma_synchronous). WAL lets readers and the writer work at once; a database
 * that the user passes in keeps its journal mode.
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
 * Deletes SQLite's statistics of the ledger's tables. `analyze` and `pragma optimize` store the size of each table. If
 * the ledger was small then, SQLite still scans whole tables when they are large. The ledger's statements are written
 * for an SQLite without statistics of their tables (https://www.sqlite.org/lang_analyze.html).
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
 * Empties the log that holds old pages; `false` if another connection still reads it. The write-ahead log holds every
 * written page, also of erased texts, until a checkpoint empties it. A rollback journal that stays after the commit
 * also holds such pages; leaving its mode deletes it.
 *
 * @see https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
 */
export function truncateLogOf(database: SqliteDatabase): boolean {
  const journal = pragma(database, "journal_mode");
  if (journal === "persist") database.exec("pragma journal_mode = delete; pragma journal_mode = persist");
  if (journal !== "wal") return true;
  // A waiting checkpoint would block the event loop, so the driver waits and tries again.
  const timeoutMs = pragma(database, "busy_timeout");
  database.exec("pragma busy_timeout = 0");
  try {
    return pragma(database, "wal_checkpoint(truncate)") === 0;
  } finally {
    database.exec(`pragma busy_timeout = ${Number(timeoutMs)}`);
  }
}
