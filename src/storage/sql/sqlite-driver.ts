import { OwnlineError } from "../../errors.ts";
import type { SqlDriver, SqlRow, SqlStatement } from "./driver.ts";
import {
  BLOCKED_MS,
  pragma,
  type SqliteConnection,
  type SqliteDatabase,
  type SqliteStatement,
  setUp,
  truncateLogOf,
} from "./sqlite-connection.ts";
import { isBusy, storageError } from "./sqlite-errors.ts";

/** Begins a transaction with the lock for writing. */
const IMMEDIATE = "begin immediate";

const RETRY_MS = 20;

/** Read when the module loads, so that a test that replaces timers does not stop the ledger. */
const nextTurn = globalThis.setImmediate;

/** The greatest number of calls in one commit. Deciding them blocks the event loop. */
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
   * Repeats an action while the file is locked. The event loop is not blocked meanwhile; SQLite's own busy timeout
   * would block it.
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
  /** Commits everything that `act` does, or nothing. */
  transact<Answer>(begin: string, act: (transaction: Transaction) => Answer): Answer;
  /** Empties the file that holds old pages; `false` if another connection still needs it. Never waits. */
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
    if (sql.startsWith("select ")) return allOf(statement, params).map(rowOf);
    statement.run(...params);
    return [];
  }

  /**
   * Begins a transaction. A database that the user passed in may have a longer busy timeout, which would block the
   * event loop, so it is shortened meanwhile.
   */
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
      // The user who passed the database in may have begun a transaction meanwhile.
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

/** Reads all rows, even if one of them has a number beyond the safe integers, which ownline never writes. */
function allOf(statement: SqliteStatement, params: SqlStatement["params"]): unknown[] {
  try {
    return statement.all(...params);
  } catch (error) {
    if (!(error instanceof RangeError) || statement.setReadBigInts === undefined) throw error;
    statement.setReadBigInts(true);
    try {
      return statement.all(...params);
    } finally {
      statement.setReadBigInts(false);
    }
  }
}

/**
 * Rolls a transaction back. After some errors, such as a full disk, SQLite has rolled back itself, and nothing is left
 * to do.
 */
function rollBack(database: SqliteDatabase, reason: unknown): void {
  if (isInTransaction(database) === false) return;
  try {
    database.exec("rollback");
  } catch (error) {
    throw new AggregateError([reason, error], "The transaction failed, and so did its rollback.", { cause: error });
  }
}

/** `undefined` if the driver does not show it (node:sqlite before Node 22.16). */
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
    "The database that was passed to sqlite() is inside a transaction that the caller began: commit it before calling " +
      "ownline, or give ownline a connection of its own.",
  );
}

function copiesLeftError(): OwnlineError {
  return new OwnlineError(
    "storage_unavailable",
    "The person's rows are deleted, but the SQLite file's -wal still holds copies of them, because another connection " +
      "was reading from it the whole time: end that read (a long query, a backup), and call erase() again.",
    { retryable: true },
  );
}

function closedError(): OwnlineError {
  return new OwnlineError("invalid_state", "This sqlite() storage was closed: create a new one.");
}
