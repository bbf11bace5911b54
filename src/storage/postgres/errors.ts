import { isOwnlineError, OwnlineError } from "../../errors.ts";

/** The error that happened, who must do what, and whether the same call may succeed after that. */
interface Remedy {
  /** SQLSTATEs, or their classes (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
  readonly states: RegExp;
  readonly message: string;
  readonly retryable: boolean;
}

const AGAIN = "The same call may be repeated.";

const REMEDIES: readonly Remedy[] = [
  {
    states: /^57P/,
    message: `The PostgreSQL server is shutting down, starting or recovering, or ended the connection. ${AGAIN}`,
    retryable: true,
  },
  {
    states: /^53300$/,
    message:
      "The PostgreSQL server accepts no more connections: lower the pools' max, put a pooler before the server, or raise " +
      `max_connections. ${AGAIN}`,
    retryable: true,
  },
  {
    states: /^53100$/,
    message: `The PostgreSQL server's disk is full, so nothing was written: free some space there. ${AGAIN}`,
    retryable: true,
  },
  {
    states: /^53/,
    message: `The PostgreSQL server lacks memory or another resource, so nothing was written: see the cause. ${AGAIN}`,
    retryable: true,
  },
  {
    states: /^25006$/,
    message:
      "The PostgreSQL server is read-only (a standby, or default_transaction_read_only), so nothing was written: " +
      `connect the pool to the primary. ${AGAIN}`,
    retryable: true,
  },
  {
    states: /^(57014|55P03)$/,
    message:
      "PostgreSQL cancelled the statement after statement_timeout or lock_timeout, so nothing was written: look for a " +
      `transaction that stays open and holds locks, or raise the timeout. ${AGAIN}`,
    retryable: true,
  },
  {
    states: /^40/,
    message: `PostgreSQL undid the operation several times in a row because of other transactions. ${AGAIN}`,
    retryable: true,
  },
  { states: /^08/, message: `The connection to PostgreSQL failed. ${AGAIN}`, retryable: true },
  {
    states: /^58/,
    message: `The operating system of the PostgreSQL server reported an error: check the server's disk and log. ${AGAIN}`,
    retryable: true,
  },
  {
    states: /^(28|3D)/,
    message:
      "PostgreSQL refused the connection: the database, the user or the password is wrong. Correct the settings of " +
      "the pool that was passed to postgres().",
    retryable: false,
  },
  {
    states: /^42501$/,
    message:
      "The database user lacks a privilege on the ledger's tables or functions: grant it, or make the user a " +
      "member of the role that runs migrate() and owns them.",
    retryable: false,
  },
  {
    states: /^XX00[12]$/,
    message:
      "PostgreSQL reports damaged data: stop the service and restore a backup, or ask for help with the server's log.",
    retryable: false,
  },
];

/** The SQLSTATEs of a missing schema, table or function. */
const UNMIGRATED = /^(42P01|42883|3F000)$/;

/** A SQLSTATE: five digits or capital letters. Excludes error codes of the operating system such as `EPIPE`. */
const SQLSTATE = /^(?!E[A-Z]{4}$)[0-9A-Z]{5}$/;

/** The SQLSTATE that the server gave; `null` if the server gave none. */
export function sqlState(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("code" in error)) return null;
  return typeof error.code === "string" && SQLSTATE.test(error.code) ? error.code : null;
}

/** Whether PostgreSQL undid everything because of another transaction: a failed serialization or a deadlock. */
export function isConflict(error: unknown): boolean {
  const state = sqlState(error);
  return state === "40001" || state === "40P01";
}

/** Whether a schema, a table or a function is missing. */
export function isMissing(error: unknown): boolean {
  return UNMIGRATED.test(sqlState(error) ?? "");
}

/**
 * Turns an error of the pool into an `OwnlineError` that says what to do. Errors of ownline's own code stay unchanged.
 */
export function postgresError(error: unknown): unknown {
  if (isOwnlineError(error)) return error;
  const state = sqlState(error);
  if (state === null) return unanswered(error);
  if (UNMIGRATED.test(state)) {
    return new OwnlineError(
      "storage_unmigrated",
      "A table or function of the PostgreSQL ledger is missing: call storage.migrate() before the service starts, as " +
        "a step of its deployment, and check the schema option of postgres().",
      { cause: error },
    );
  }
  const remedy = REMEDIES.find(({ states }) => states.test(state));
  return new OwnlineError(
    "storage_unavailable",
    remedy?.message ??
      "PostgreSQL refused a statement of the ledger, so nothing was written: see the cause. Ids must be new and unique.",
    { cause: error, retryable: remedy?.retryable ?? false },
  );
}

/** An error without a SQLSTATE: the connection was refused, reset or ended, or timed out. */
function unanswered(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof SyntaxError) return error;
  return new OwnlineError(
    "storage_unavailable",
    "PostgreSQL could not be reached, or the connection broke before it answered: check that the server runs and that " +
      `the pool's host, port and timeouts are right. ${AGAIN}`,
    { cause: error, retryable: true },
  );
}
