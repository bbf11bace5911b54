import { OwnlineError } from "../errors.ts";
import type { Policy } from "../policy/policy.ts";

/**
 * Asks what the service itself has written: a policy, a resolver, a hook. Whatever it throws is told as the service's
 * own mistake, under its name, and not as one of the ledger or the AI.
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

/**
 * What the policies say to one question, each by its name. They answer at once: a promise is no verdict, and what it
 * promises would come too late.
 *
 * @throws OwnlineError `invalid_options` where a policy throws, or returns neither a verdict nor null
 */
export function verdictsOf<Verdict extends object>(
  policies: readonly Policy[],
  ask: (policy: Policy) => Verdict | null | undefined,
  isVerdict: (verdict: Verdict) => boolean,
): Verdict[] {
  return policies.flatMap((policy) => {
    const name = `the policy "${policy.name}"`;
    const verdict = hookNow(name, () => ask(policy)) ?? [];
    if (Array.isArray(verdict) || isVerdict(verdict)) return verdict;
    // The mistake is told here; what the promise fails with later must not end the process.
    if (verdict instanceof Promise) verdict.catch(() => {});
    throw new OwnlineError("invalid_options", `${name} returned no verdict: return one, or null, at once`, {
      retryable: true,
    });
  });
}

function mistakeOf(name: string, cause: unknown): OwnlineError {
  return new OwnlineError("invalid_options", `${name} threw an error: correct it; see the cause`, {
    cause,
    retryable: true,
  });
}
