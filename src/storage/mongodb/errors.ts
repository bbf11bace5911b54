import { isOwnlineError, OwnlineError } from "../../errors.ts";

/** @see https://www.mongodb.com/docs/manual/reference/error-codes/ */
const CODES: Readonly<Record<string, readonly number[]>> = {
  conflict: [112, 251, 24, 246],
  duplicate: [11000],
  unsupported: [20, 263],
  refused: [13, 18, 8000],
  full: [14031, 12501, 39],
};

/** What a decision read is not as it was: nothing is written. */
export class Moved extends Error {
  override readonly name = "Moved";

  constructor(guard: string) {
    super(`Another process changed what was read: ${guard}.`);
  }
}

/** The driver's errors for a server that it cannot reach. They carry no code. */
const OUT_OF_REACH = /^Mongo(Network|ServerSelection|Topology|PoolCl|WaitQueue|Connection|NotConnected|Client)/;

interface ServerError {
  readonly name: string;
  readonly code: number | null;
  readonly labels: readonly unknown[];
}

/** What the driver says about an error: `null` where it is not about the server. */
export function serverErrorOf(error: unknown): ServerError | null {
  if (!(error instanceof Error)) return null;
  // A write to a connection that has just broken: the driver (7.9) lets the socket's own error through.
  if ("syscall" in error) return { name: "MongoNetworkError", code: null, labels: [] };
  if (!error.name.startsWith("Mongo")) return null;
  const code = "code" in error && typeof error.code === "number" ? error.code : null;
  const labels = "errorLabels" in error && Array.isArray(error.errorLabels) ? error.errorLabels : [];
  return { name: error.name, code, labels };
}

/**
 * What to do about an error of a decision that was not committed. A document that is there already is a conflict: what
 * was absent when it was read came from another process, unless an id was given twice.
 */
export function mayRunAgain(error: unknown): "conflict" | "unsure" | "no" {
  if (error instanceof Moved) return "conflict";
  const known = serverErrorOf(error);
  if (known === null) return "no";
  if (known.code !== null && (isOf("conflict", known.code) || isOf("duplicate", known.code))) return "conflict";
  // Once more after a broken connection: the next run finds another primary, or that there is none.
  if (known.name.startsWith("MongoNetwork")) return "unsure";
  if (OUT_OF_REACH.test(known.name)) return "no";
  if (known.labels.includes("TransientTransactionError")) return "conflict";
  if (known.code === null || isOf("unsupported", known.code) || isOf("refused", known.code)) return "no";
  return "unsure";
}

/**
 * What a failed commit threw, as an error about the server. When a connection breaks at the driver's own repetition of
 * a commit, the driver (7.9) takes the socket's error for one of its own, and throws a `TypeError` about that.
 */
export function commitErrorOf(thrown: unknown): unknown {
  if (serverErrorOf(thrown) !== null) return thrown;
  return Object.assign(new Error("the connection broke at a commit", { cause: thrown }), { name: "MongoNetworkError" });
}

/** Whether it is not known what became of a commit. */
export function isUnknownCommit(error: unknown): boolean {
  const known = serverErrorOf(error);
  return known !== null && (known.labels.includes("UnknownTransactionCommitResult") || OUT_OF_REACH.test(known.name));
}

function isOf(kind: keyof typeof CODES, code: number): boolean {
  return CODES[kind]?.includes(code) ?? false;
}

/** An error of the driver as the ledger's own, with the driver's as its cause. Any other value as it is. */
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
  "MongoDB refused the ledger's user: give it the right to read and write its database, or correct its credentials.";

const MOVED =
  "Other processes changed the same documents of the MongoDB ledger again and again while this call was decided. " +
  "Nothing was written, and the same call may be repeated.";

const DUPLICATE =
  "MongoDB holds a document with such an id already, so nothing was written: ids must be new and unique.";

const UNREACHABLE =
  "MongoDB cannot be reached: see that its primary is up and that this process may connect to it. The same call may be repeated.";

/** The error of a call whose server does not answer at all. */
export function outOfReach(): OwnlineError {
  return new OwnlineError("storage_unavailable", UNREACHABLE, { retryable: true });
}

function sentenceOf({ name, code }: ServerError): string {
  if (OUT_OF_REACH.test(name)) return UNREACHABLE;
  if (code !== null && isOf("full", code)) {
    return "MongoDB has no space left to write: free some on its disk. The same call may be repeated.";
  }
  if (code !== null && isOf("conflict", code)) {
    return "MongoDB could not commit because others kept writing to the same documents. The same call may be repeated.";
  }
  return "MongoDB did not confirm a commit of the ledger: see the cause, and that a primary and a majority of its members are up. The same call may be repeated.";
}

/** The error about a server without transactions. */
export function unsupported(cause?: unknown): OwnlineError {
  return new OwnlineError(
    "storage_unsupported",
    "This MongoDB server has no transactions, without which a text and its answer could come apart: run it as a " +
      "replica set (one member is enough: start it with --replSet and call rs.initiate() once), in version 5.0 or later.",
    cause === undefined ? {} : { cause },
  );
}
