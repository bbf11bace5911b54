import { isOwnlineError, OwnlineError } from "../../errors.ts";
import type { SqlDriver, SqlRow, SqlStatement, SqlValue } from "./driver.ts";
import { optimistic } from "./optimistic.ts";

/**
 * The part that the ledger uses of a [D1 database](https://developers.cloudflare.com/d1/worker-api/d1-database/), such
 * as `env.DB` of a Worker.
 */
export interface D1DatabaseLike {
  prepare(sql: string): D1StatementLike;
  batch(statements: D1StatementLike[]): Promise<D1ResultLike[]>;
}

/** A [prepared statement](https://developers.cloudflare.com/d1/worker-api/prepared-statements/) of D1. */
export interface D1StatementLike {
  bind(...params: SqlValue[]): D1StatementLike;
}

/** What D1 [returns](https://developers.cloudflare.com/d1/worker-api/return-object/#d1result) for a statement. */
export interface D1ResultLike {
  readonly results: unknown[];
}

const MIGRATION =
  "apply its migrations once, as a step of the deployment: `wrangler d1 migrations apply` with " +
  '"migrations_dir": "node_modules/ownline/migrations/d1", or storage.migrate() of d1(env.DB, { migrations }), with ' +
  'migrations of "ownline/storage/d1-migrations".';

const FIND_SCHEMA: SqlStatement = {
  sql: "select name from sqlite_master where type = 'table' and name = 'ownline_meta'",
  params: [],
};

/**
 * Runs batches on D1, which runs each batch as one transaction. Times come from D1's clock: many Workers write, and the
 * clock of a Worker does not advance while code runs
 * (https://developers.cloudflare.com/workers/reference/security-model/).
 */
export function d1Driver(database: D1DatabaseLike): SqlDriver {
  async function execute(statements: readonly SqlStatement[]): Promise<readonly (readonly SqlRow[])[]> {
    const prepared = statements.map(({ sql, params }) => database.prepare(sql).bind(...params));
    const results = await database.batch(prepared);
    return results.map((result) => result.results.map(rowOf));
  }

  /** Whether the ledger's tables exist. The error of a statement on a missing table does not help the caller. */
  async function hasSchema(): Promise<boolean> {
    const [tables = []] = await execute([FIND_SCHEMA]);
    return tables.length > 0;
  }

  async function run(statements: readonly SqlStatement[]): Promise<readonly (readonly SqlRow[])[]> {
    try {
      return await execute(statements);
    } catch (error) {
      if (isOwnlineError(error)) throw error;
      if (resultCode(error) === "SQLITE_ERROR" && !(await hasSchema().catch(() => true))) {
        throw unmigrated("has no schema yet", error);
      }
      throw unavailable(error);
    }
  }

  return {
    name: "d1",
    migration: MIGRATION,
    maxPlans: 1,
    isSerial: false,
    transact: optimistic({ name: "d1", batch: run, now: () => null, isMoved }),
    batch: run,
    read: run,
    now: () => null,
    close: async () => {},
  };
}

function rowOf(row: unknown): SqlRow {
  if (isRow(row)) return row;
  throw new OwnlineError(
    "storage_unsupported",
    "The database that was passed to d1() returns rows that are not objects: pass the D1 binding itself.",
  );
}

function isRow(row: unknown): row is SqlRow {
  return typeof row === "object" && row !== null && !Array.isArray(row);
}

/**
 * SQLite's result code, which D1 gives only inside the message
 * (https://developers.cloudflare.com/d1/observability/debug-d1/). `null` for errors of D1 itself, which have no such
 * code.
 */
function resultCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  return /\bSQLITE_[A-Z]+/.exec(error.message)?.[0] ?? null;
}

/**
 * Whether a guard stopped the batch: the message contains the name of the constraint that the guard's statement
 * violates.
 */
function isMoved(error: unknown): boolean {
  const cause = isOwnlineError(error) ? error.cause : error;
  return cause instanceof Error && cause.message.includes("ownline_guard_moved");
}

/** The codes of temporary errors. `null`, an error without a code, is for example a lost connection. */
const PASSING: ReadonlySet<string | null> = new Set([
  null,
  "SQLITE_BUSY",
  "SQLITE_LOCKED",
  "SQLITE_IOERR",
  "SQLITE_NOMEM",
  "SQLITE_INTERRUPT",
  "SQLITE_CANTOPEN",
]);

/** The error that happened, who must do what, and whether the same call may succeed after that. */
const REMEDIES: ReadonlyMap<string, { readonly message: string; readonly retryable: boolean }> = new Map([
  [
    "SQLITE_FULL",
    {
      message:
        "The D1 database has reached its maximum size: call purge() for old messages, or move to a larger plan. Nothing was " +
        "written, and the same call may be repeated.",
      retryable: true,
    },
  ],
  [
    "SQLITE_TOOBIG",
    {
      message:
        "A text or a reply of the ledger is larger than the 2 MB that D1 stores in a row. Nothing was written: the " +
        "caller must pass less.",
      retryable: false,
    },
  ],
]);

function unavailable(error: unknown): OwnlineError {
  const code = resultCode(error);
  if (PASSING.has(code)) {
    // Overload, a reset, a lost connection or a quota. D1 may have written all the same; a repetition of the call does
    // not write again.
    return new OwnlineError(
      "storage_unavailable",
      "D1 did not answer, or refused the call before it ran: see the cause. The same call may be repeated. If the error " +
        "continues, check the database's metrics and limits in the Cloudflare dashboard.",
      { cause: error, retryable: true },
    );
  }
  const remedy = REMEDIES.get(code ?? "");
  return new OwnlineError(
    "storage_unavailable",
    remedy?.message ??
      "D1 refused a statement of the ledger, so nothing was written: see the cause. Ids must be new and unique.",
    { cause: error, retryable: remedy?.retryable ?? false },
  );
}

function unmigrated(what: string, cause?: unknown): OwnlineError {
  return new OwnlineError("storage_unmigrated", `The d1 ledger ${what}: ${MIGRATION}`, { cause });
}
