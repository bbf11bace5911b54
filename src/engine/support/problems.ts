import { isOwnlineError, type OwnlineError } from "../../errors.ts";
import type { EngineContext } from "./context.ts";
import { firstTime } from "./once.ts";

/**
 * How long a turn waits whose conversation has a row that cannot be read. The ledger passes the conversation over until
 * the row is mended; this is for a process that has not met the row yet.
 */
export const CORRUPT_WAIT_MS: number = 60_000;

/** Whether a call failed because of a row that cannot be read: no repetition helps until an operator mends it. */
export function isCorrupt(error: unknown): error is OwnlineError & { readonly code: "storage_corrupt" } {
  return isOwnlineError(error) && error.code === "storage_corrupt";
}

/** Whether an error is to be reported: one about a row of the ledger is so once, however often the row is met. */
export function onceForEachRow(): (error: OwnlineError) => boolean {
  const isNew = firstTime();
  return ({ row }) => row === undefined || isNew(`${row.table} ${row.id}`);
}

/** Reports what the ledger has met in this process that an operator must look at. */
export function reportProblems({ storage, reporter }: Pick<EngineContext, "storage" | "reporter">): void {
  for (const error of storage.problems) reporter.error(error);
}
