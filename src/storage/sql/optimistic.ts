import { OwnlineError } from "../../errors.ts";
import { MOST_DECISIONS } from "../ledger/rules/limits.ts";
import type { Results, SqlDriver, SqlStatement } from "./driver.ts";
import { guardOf } from "./guards.ts";

interface Batches {
  readonly name: string;
  batch(statements: readonly SqlStatement[]): Promise<Results>;
  now(): number | null;
  /** Whether a batch failed because a guard no longer holds. */
  isMoved(error: unknown): boolean;
}

/**
 * Transactions over a database that runs only whole batches: the first batch reads, and the second one checks the
 * guards and writes.
 */
export function optimistic({ name, batch, now, isMoved }: Batches): SqlDriver["transact"] {
  return async (reads, write) => {
    for (let decisions = 1; ; decisions += 1) {
      const { statements, guard, answer } = write(await batch(reads));
      if (guard === null) return answer([]);
      try {
        const results = await batch([guardOf(guard, guard.now, now() === null), ...statements]);
        return answer(results.slice(1));
      } catch (error) {
        if (!isMoved(error)) throw error;
        if (decisions < MOST_DECISIONS) continue;
        throw new OwnlineError(
          "storage_unavailable",
          `Other processes changed the same rows of the ${name} ledger ${MOST_DECISIONS} times while this call was ` +
            "decided. Nothing was written, and the same call may be repeated.",
          { cause: error, retryable: true },
        );
      }
    }
  };
}
