import { OwnlineError } from "../../errors.ts";
import type { StorageClock } from "../clock.ts";
import type { SqlDriver, SqlRow, SqlStatement, SqlValue } from "./driver.ts";
import { isBusy, storageError } from "./sqlite-errors.ts";

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

/** Begins a transaction with the lock for writing. */
const IMMEDIATE = "begin immediate";

const RETRY_MS = 20;

/** While SQLite itself waits for a lock, the event loop waits with it. */
const BLOCKED_MS = 5;

/** Read at once: a test that replaces timers must not stop the ledger. */
const nextTurn = globalThis.setImmediate;

/** So many calls share one commit at most: the event loop waits while they are decided. */
const MOST_PLANS = 64;

/** Runs transactions on an embedded SQLite, each in one `begin immediate`. */
export function sqliteDriver(connection: SqliteConnection): SqlDriver {
  let session: Promise<Session> | null = null;
  let isClosed = false;

  function connected(): Promise<Session> {
    if (isClosed) return Promise.reject(closedError());
    session ??= connect(connection, patiently).catch((error: unknown) => {
      session = null;
      throw storageError(error);
    });
    return session;
  }

  /**
   * Tries again what found the file locked. Meanwhile the event loop goes on: SQLite's own busy timeout would block it.
   */
  async function patiently<Result>(timeoutMs: number, act: () => Result): Promise<Result> {
    const since = performance.now();
    for (;;) {
      try {
        return act();
      } catch (error) {
        if (!isBusy(error) || performance.now() - since >= timeoutMs) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      if (isClosed) throw closedError();
    }
  }

  async function within<Result>(begin: string, act: (transaction: Transaction) => Result): Promise<Result> {
    const { transact, timeoutMs } = await connected();
    return await patiently(timeoutMs, () => transact(begin, act));
  }

  return {
    name: "sqlite",
    maxPlans: MOST_PLANS,
    nextTurn,
    isSerial: true,
    batch: (statements) => within(IMMEDIATE, ({ execute }) => statements.map(execute)),
    async read(statements) {
      const [only] = statements;
      if (only === undefined || statements.length > 1) {
        return await within("begin", ({ execute }) => statements.map(execute));
      }
      const { run, timeoutMs } = await connected();
      return [await patiently(timeoutMs, () => run(only))];
    },
    async transact(reads, write) {
      const answer = await within(IMMEDIATE, ({ execute }) => {
        const written = write(reads.map(execute));
        const results = written.statements.map(execute);
        return () => written.answer(results);
      });
      return answer();
    },
    now: () => Math.trunc(connection.clock.now()),
    async removeCopies({ wait }) {
      const { truncateLog, timeoutMs } = await connected();
      const since = performance.now();
      while (!truncateLog()) {
        if (!wait) return;
        if (performance.now() - since >= timeoutMs) throw copiesLeftError();
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        if (isClosed) throw closedError();
      }
    },
    async close() {
      isClosed = true;
      const open = await session?.catch(() => null);
      session = null;
      open?.close();
    },
  };
}

interface Transaction {
  execute(statement: SqlStatement): readonly SqlRow[];
}

interface Session {
  /** How long to wait for a lock. */
  readonly timeoutMs: number;
  run(statement: SqlStatement): readonly SqlRow[];
  /** Commits what `act` does, or nothing of it. */
  transact<Answer>(begin: string, act: (transaction: Transaction) => Answer): Answer;
  /** Empties the file that holds old pages; `false` where another connection still needs it. Never waits. */
  truncateLog(): boolean;
  close(): void;
}

async function connect(
  connection: SqliteConnection,
  patiently: <Result>(timeoutMs: number, act: () => Result) => Promise<Result>,
): Promise<Session> {
  const { isOwn, busyTimeoutMs } = connection;
  const database = connection.open();
  try {
    await patiently(busyTimeoutMs, () => setUp(database, connection));
    return sessionOf(database, isOwn, isOwn ? busyTimeoutMs : Number(pragma(database, "busy_timeout")));
  } catch (error) {
    if (isOwn) database.close();
    throw error;
  }
}

/**
 * `secure_delete` overwrites deleted rows with zeros, in the pages that stay and in those that become free: without it
 * the texts of an erased person stay in the file until their place is used again. It is on for every statement of every
 * process, since SQLite moves and frees rows at any time (https://www.sqlite.org/pragma.html#pragma_secure_delete).
 *
 * Its cost, with node:sqlite, medians of six runs, 400 messages that are stored and answered: on a file in memory 850 ms
 * with it and 919 ms without, on a disk 2.8 and 3.3 s, so none that shows beside the noise. `erase()` of a number, which
 * empties the log three times: 1.6 ms, and 1.9 ms without emptying it; on a disk 12 to 17 ms, which are flushes.
 *
 * A 200 to the carrier is a promise that the text is stored, so a commit must outlive a power cut: `synchronous=FULL`
 * (https://www.sqlite.org/pragma.html#pragma_synchronous). WAL lets readers and the writer work at once; a database
 * that was passed in keeps the journal mode that it has.
 */
function setUp(database: SqliteDatabase, { isOwn, busyTimeoutMs }: SqliteConnection): void {
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

function pragma(database: SqliteDatabase, name: string): unknown {
  const [row] = database.prepare(`pragma ${name}`).all();
  const [value] = typeof row === "object" && row !== null ? Object.values(row) : [];
  return typeof value === "bigint" ? Number(value) : value;
}

function sessionOf(database: SqliteDatabase, isOwn: boolean, timeoutMs: number): Session {
  const prepared = new Map<string, SqliteStatement>();

  function prepare(sql: string): SqliteStatement {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const fresh = database.prepare(sql);
    prepared.set(sql, fresh);
    return fresh;
  }

  function execute({ sql, params }: SqlStatement): readonly SqlRow[] {
    const statement = prepare(sql);
    if (sql.startsWith("select ")) return statement.all(...params).map(rowOf);
    statement.run(...params);
    return [];
  }

  /** A database that was passed in has a timeout for which SQLite would block the event loop. */
  function takeLock(begin: string): void {
    const givenMs = isOwn || begin !== IMMEDIATE ? 0 : Number(pragma(database, "busy_timeout"));
    if (givenMs > BLOCKED_MS) database.exec(`pragma busy_timeout = ${BLOCKED_MS}`);
    try {
      prepare(begin).run();
    } finally {
      if (givenMs > BLOCKED_MS) database.exec(`pragma busy_timeout = ${givenMs}`);
    }
  }

  return {
    timeoutMs,
    run(statement) {
      try {
        return execute(statement);
      } catch (error) {
        throw storageError(error);
      }
    },
    transact(begin, act) {
      if (isInTransaction(database)) throw foreignTransactionError();
      try {
        takeLock(begin);
        try {
          const answer = act({ execute });
          prepare("commit").run();
          return answer;
        } catch (error) {
          rollBack(database, error);
          throw error;
        }
      } catch (error) {
        throw storageError(error);
      }
    },
    truncateLog() {
      // The caller of a database that was passed in has begun a transaction since.
      if (isInTransaction(database)) return false;
      try {
        return truncateLogOf(database);
      } catch (error) {
        if (isBusy(error)) return false;
        throw storageError(error);
      }
    },
    close() {
      prepared.clear();
      if (isOwn) database.close();
    },
  };
}

/**
 * The write-ahead log holds every page as it was written, those of erased texts too, until a checkpoint has emptied it.
 * So does a rollback journal that stays after the commit: leaving the mode deletes it.
 *
 * @see https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
 */
function truncateLogOf(database: SqliteDatabase): boolean {
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

/** SQLite itself has rolled back after some errors, as a full disk: then there is nothing left to roll back. */
function rollBack(database: SqliteDatabase, reason: unknown): void {
  if (isInTransaction(database) === false) return;
  try {
    database.exec("rollback");
  } catch (error) {
    throw new AggregateError([reason, error], "The transaction failed, and so did its rollback.", { cause: error });
  }
}

/** `undefined` where the driver does not say (node:sqlite before Node 22.16). */
function isInTransaction(database: SqliteDatabase): boolean | undefined {
  return database.isTransaction ?? database.inTransaction;
}

function rowOf(row: unknown): SqlRow {
  if (isRow(row)) return row;
  throw new OwnlineError(
    "storage_unsupported",
    "The SQLite database that was passed in returns rows that are not objects: pass one without raw or array mode.",
  );
}

function isRow(row: unknown): row is SqlRow {
  return typeof row === "object" && row !== null && !Array.isArray(row);
}

function foreignTransactionError(): OwnlineError {
  return new OwnlineError(
    "invalid_state",
    "The database that was passed to sqlite() is inside a transaction of the caller's: commit it before calling " +
      "ownline, or give ownline a connection of its own.",
  );
}

function copiesLeftError(): OwnlineError {
  return new OwnlineError(
    "storage_unavailable",
    "The person's rows are deleted, but copies of them are left in the SQLite file's -wal, since another connection " +
      "has been reading from it all the while: end that read (a long query, a backup), and call erase() again.",
    { retryable: true },
  );
}

function closedError(): OwnlineError {
  return new OwnlineError("invalid_state", "This sqlite() storage was closed: make a new one to go on.");
}
