import { OwnlineError } from "./errors.ts";

/**
 * Calls a function of the service: a policy, a resolver, a hook. Its error is reported as a mistake of the service,
 * with the function's name, and not as an error of the ledger or the AI.
 *
 * @throws OwnlineError `invalid_options`, retryable, with the thrown error as its cause
 */
export async function hook<Result>(name: string, call: () => Promise<Result> | Result): Promise<Result> {
  try {
    return await call();
  } catch (cause) {
    throw mistakeOf(name, cause);
  }
}

/** {@link hook} for a synchronous function. */
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
