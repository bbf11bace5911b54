import { isOwnlineError } from "../../errors.ts";
import type { EngineContext } from "./context.ts";

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2000;

export interface RetryLimits {
  /** Gives up after this time. @default never */
  readonly forMs?: number;
  /** Gives up when the signal is aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Makes a call to the ledger, and repeats it while the storage says that it may be repeated. Each call carries a call
 * id, so a repetition after a lost answer changes nothing again. When it gives up, it throws the last error.
 */
export async function retrying<Result>(
  { clock }: Pick<EngineContext, "clock">,
  { forMs = Number.POSITIVE_INFINITY, signal }: RetryLimits,
  call: () => Promise<Result>,
): Promise<Result> {
  const startedAt = clock.now();
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await call();
    } catch (error) {
      if (!isTemporary(error) || signal?.aborted || clock.now() - startedAt + waitMs > forMs) throw error;
      await clock.sleep(waitMs, signal === undefined ? {} : { signal });
    }
  }
}

/** Whether the storage says that the same call may succeed later. Any other error is permanent. */
export function isTemporary(error: unknown): boolean {
  return isOwnlineError(error) && error.party === "storage" && error.retryable;
}
