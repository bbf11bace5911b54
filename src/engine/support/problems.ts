import { isOwnlineError, OwnlineError } from "../../errors.ts";
import type { EngineContext } from "./context.ts";

/**
 * How long a turn waits whose conversation has a row that cannot be read. The ledger passes the conversation over until
 * the row is mended; this is for a process that has not met the row yet.
 */
export const CORRUPT_WAIT_MS: number = 60_000;
/** More keys than any process meets; beyond, the oldest one is forgotten and may be reported again. */
const MOST_KEYS = 10_000;

/** Whether a call failed because of a row that cannot be read: no repetition helps until an operator mends it. */
export function isCorrupt(error: unknown): error is OwnlineError & { readonly code: "storage_corrupt" } {
  return isOwnlineError(error) && error.code === "storage_corrupt";
}

/**
 * Whether an error is to be reported. One about a row of the ledger is so once, however often the row is met. One about
 * its clock is made once, and stays in the list of problems.
 */
export function onceForEachProblem(): (error: OwnlineError) => boolean {
  const isNewRow = firstTime();
  const clocks = new WeakSet<OwnlineError>();
  return (error) => {
    if (error.row !== undefined) return isNewRow(`${error.row.table} ${error.row.id}`);
    if (error.code !== "storage_clock") return true;
    if (clocks.has(error)) return false;
    clocks.add(error);
    return true;
  };
}

/** Reports what the ledger has met in this process that an operator must look at: each problem once. */
export function reportProblems({ storage, reporter }: Pick<EngineContext, "storage" | "reporter">): void {
  for (const error of storage.problems) reporter.error(error);
}

/** Whether a key is new to this process: for what is reported once, however often it is met. */
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

/** An error met at work, in ownline's own form. */
export function trouble(error: unknown): OwnlineError {
  if (isOwnlineError(error)) return error;
  return new OwnlineError(
    "storage_unavailable",
    "the worker met an error that it did not expect; it goes on; see the cause",
    {
      cause: error,
      retryable: true,
    },
  );
}
