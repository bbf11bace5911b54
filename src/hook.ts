import { OwnlineError } from "./errors.ts";

/**
 * Asks what the service itself has written: a policy, a resolver, a hook. What it throws is reported as the
 * service's own mistake, under its name, and not as one of the ledger or the AI.
 *
 * @throws OwnlineError `invalid_options`, retryable, with what was thrown as its cause
 */
export async function hook<Result>(name: string, call: () => Promise<Result> | Result): Promise<Result> {
  try {
    return await call();
  } catch (cause) {
    throw mistakeOf(name, cause);
  }
}

/** As {@link hook}, for what answers at once. */
export function hookNow<Result>(name: string, call: () => Result): Result {
  try {
    return call();
  } catch (cause) {
    throw mistakeOf(name, cause);
  }
}

function mistakeOf(name: string, cause: unknown): OwnlineError {
  return new OwnlineError("invalid_options", `${name} threw an error: correct it; see the cause`, {
    cause,
    retryable: true,
  });
}
