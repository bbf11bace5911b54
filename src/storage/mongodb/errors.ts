import { isOwnlineError, OwnlineError } from "../../errors.ts";

/** @see https://www.mongodb.com/docs/manual/reference/error-codes/ */
const CODES: Readonly<Record<string, readonly number[]>> = {
  conflict: [112, 251, 24, 246],
  duplicate: [11000],
  unsupported: [20, 263],
  refused: [13, 18, 8000],
  full: [14031, 12501, 39],
};

/** Thrown if a guard no longer holds. Then nothing is written. */
export class Moved extends Error {
  override readonly name = "Moved";

  constructor(guard: string) {
    super(`Another process changed what was read: ${guard}.`);
  }
}

/** The names of the driver's errors for a server that it cannot reach. These errors have no code. */
const OUT_OF_REACH = /^Mongo(Network|ServerSelection|Topology|PoolCl|WaitQueue|Connection|NotConnected|Client)/;

interface ServerError {
  readonly name: string;
  readonly code: number | null;
  readonly labels: readonly unknown[];
}

/** The driver's details of an error; `null` if the error is not about the server. */
export function serverErrorOf(error: unknown): ServerError | null {
  if (!(error instanceof Error)) return null;
  // If a connection has just broken, the driver (7.9) passes the socket's own error on.
  if ("syscall" in error) return { name: "MongoNetworkError", code: null, labels: [] };
  if (!error.name.startsWith("Mongo")) return null;
  const code = "code" in error && typeof error.code === "number" ? error.code : null;
  const labels = "errorLabels" in error && Array.isArray(error.errorLabels) ? error.errorLabels : [];
  return { name: error.name, code, labels };
}

/**
 * Whether a decision that failed with this error may run again. A duplicate document counts as a conflict: another
 * process has inserted it since the read, unless an id was used twice.
 */
export function mayRunAgain(error: unknown): "conflict" | "unsure" | "no" {
  if (error instanceof Moved) return "conflict";
  const known = serverErrorOf(error);
  if (known === null) return "no";
  if (known.code !== null && (isOf("conflict", known.code) || isOf("duplicate", known.code))) return "conflict";
  // After a broken connection it may run again: the next run finds another primary, or fails because there is none.
  if (known.name.startsWith("MongoNetwork")) return "unsure";
  if (OUT_OF_REACH.test(known.name)) return "no";
  if (known.labels.includes("TransientTransactionError")) return "conflict";
  if (known.code === null || isOf("unsupported", known.code) || isOf("refused", known.code)) return "no";
  return "unsure";
}

/**
 * The error of a failed commit, as an error about the server. If the connection breaks while the driver (7.9) repeats a
 * commit, the driver treats the socket's error as one of its own, and throws a `TypeError`.
 */
export function commitErrorOf(thrown: unknown): unknown {
  if (serverErrorOf(thrown) !== null) return thrown;
  return Object.assign(new Error("the connection broke at a commit", { cause: thrown }), { name: "MongoNetworkError" });
}

/** Whether the server may have committed the transaction although the commit failed with this error. */
export function isUnknownCommit(error: unknown): boolean {
  const known = serverErrorOf(error);
  return known !== null && (known.labels.includes("UnknownTransactionCommitResult") || OUT_OF_REACH.test(known.name));
}

function isOf(kind: keyof typeof CODES, code: number): boolean {
  return CODES[kind]?.includes(code) ?? false;
}

/**
 * Turns an error of the driver into an `OwnlineError` that has the driver's error as its cause. Returns any other value
 * unchanged.
 */
export function storageError(error: unknown): unknown {
  if (isOwnlineError(error)) return error;
  if (error instanceof Moved) return new OwnlineError("storage_unavailable", MOVED, { cause: error, retryable: true });
  const known = serverErrorOf(error);
  if (known === null) return error;
  if (known.code !== null && isOf("unsupported", known.code)) return unsupported(error);
  if (known.code !== null && isOf("duplicate", known.code)) {
    return new OwnlineError("storage_unavailable", DUPLICATE, { cause: error });
  }
  const refused = known.code !== null && isOf("refused", known.code);
  return new OwnlineError("storage_unavailable", refused ? REFUSED : sentenceOf(known), {
    cause: error,
    retryable: true,
  });
}

const REFUSED =
  "MongoDB refused the ledger's user: give the user the right to read and write the ledger's database, or correct its credentials.";

const MOVED =
  "Other processes changed the same documents of the MongoDB ledger several times while this call was decided. " +
  "Nothing was written, and the same call may be repeated.";

const DUPLICATE = "MongoDB already holds a document with this id, so nothing was written: ids must be new and unique.";

const UNREACHABLE =
  "MongoDB cannot be reached: check that its primary is up and that this process can connect to it. The same call may be repeated.";

/** The error of a call if the server does not answer at all. */
export function outOfReach(): OwnlineError {
  return new OwnlineError("storage_unavailable", UNREACHABLE, { retryable: true });
}

function sentenceOf({ name, code }: ServerError): string {
  if (OUT_OF_REACH.test(name)) return UNREACHABLE;
  if (code !== null && isOf("full", code)) {
    return "MongoDB has no disk space left: free space on the server's disk. The same call may be repeated.";
  }
  if (code !== null && isOf("conflict", code)) {
    return "MongoDB could not commit, because other processes wrote to the same documents again and again. The same call may be repeated.";
  }
  return "MongoDB did not confirm a commit of the ledger: see the cause, and check that a primary and a majority of its members are up. The same call may be repeated.";
}

/** The error for a server without transactions. */
export function unsupported(cause?: unknown): OwnlineError {
  return new OwnlineError(
    "storage_unsupported",
    "This MongoDB server has no transactions, which the ledger needs to store a text and its answer together: run it as a " +
      "replica set (one member is enough: start it with --replSet and call rs.initiate() once), in version 5.0 or later.",
    cause === undefined ? {} : { cause },
  );
}
