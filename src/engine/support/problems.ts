import { isOwnlineError, OwnlineError } from "../../errors.ts";
import type { EngineContext } from "./context.ts";

/**
 * How long a turn waits where a row of its conversation cannot be read. The ledger skips the conversation until the row
 * is repaired. The wait is for a process that has not met the row yet.
 */
export const CORRUPT_WAIT_MS: number = 60_000;
/**
 * More keys than a process usually meets. Beyond this number, the oldest key is forgotten and may be reported again.
 */
const MOST_KEYS = 10_000;

/**
 * Whether a call failed because of a row that cannot be read. A repetition fails too until an operator repairs the row.
 */
export function isCorrupt(error: unknown): error is OwnlineError & { readonly code: "storage_corrupt" } {
  return isOwnlineError(error) && error.code === "storage_corrupt";
}

/**
 * Makes a function that says whether an error is to be reported. An error of the list of problems is reported once. The
 * calls that meet its row throw the same object.
 */
export function onceForEachProblem(): (error: OwnlineError) => boolean {
  const reported = new WeakSet<OwnlineError>();
  return (error) => {
    if (error.code !== "storage_corrupt" && error.code !== "storage_clock") return true;
    if (reported.has(error)) return false;
    reported.add(error);
    return true;
  };
}

/** Reports the ledger's problems in this process that an operator must look at, each problem once. */
export function reportProblems({ storage, reporter }: Pick<EngineContext, "storage" | "reporter">): void {
  for (const error of storage.problems) reporter.error(error);
}

/** Makes a function that says whether a key is new to this process. It is for problems that are reported only once. */
export function firstTime(limit: number = MOST_KEYS): (key: string) => boolean {
  const known = new Set<string>();
  return (key) => {
    if (known.has(key)) return false;
    known.add(key);
    const [oldest] = known.size > limit ? known : [];
    if (oldest !== undefined) known.delete(oldest);
    return true;
  };
}

/** The error as an `OwnlineError`. Any other error is wrapped in one. */
export function trouble(error: unknown): OwnlineError {
  if (isOwnlineError(error)) return error;
  return new OwnlineError("storage_unavailable", "the worker met an unexpected error, and it goes on; see the cause", {
    cause: error,
    retryable: true,
  });
}
