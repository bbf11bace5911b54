import { OwnlineError } from "../../errors.ts";
import { hookNow } from "../../hook.ts";
import type { Policy } from "../../policy/policy.ts";

/**
 * The verdicts of the policies on one question. A policy answers at once: a promise is not a verdict, because its
 * result would come too late.
 *
 * @throws OwnlineError `invalid_options` where a policy throws, or returns something other than a verdict or null
 */
export function verdictsOf<Verdict extends object>(
  policies: readonly Policy[],
  ask: (policy: Policy) => Verdict | null | undefined,
  isVerdict: (verdict: Verdict) => boolean,
): Verdict[] {
  return policies.flatMap((policy) => {
    const name = `the policy "${policy.name}"`;
    const verdict = hookNow(name, () => ask(policy)) ?? null;
    if (verdict === null) return [];
    if (!Array.isArray(verdict) && isVerdict(verdict)) return [verdict];
    // The error below reports the mistake. A later rejection of the promise must not end the process.
    if (verdict instanceof Promise) verdict.catch(() => {});
    throw new OwnlineError("invalid_options", `${name} returned no verdict: return one, or null, at once`, {
      retryable: true,
    });
  });
}
