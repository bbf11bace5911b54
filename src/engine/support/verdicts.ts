import { OwnlineError } from "../../errors.ts";
import { hookNow } from "../../hook.ts";
import type { Policy } from "../../policy/policy.ts";

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
    const verdict = hookNow(name, () => ask(policy)) ?? null;
    if (verdict === null) return [];
    if (!Array.isArray(verdict) && isVerdict(verdict)) return [verdict];
    // The mistake is reported here; what the promise fails with later must not end the process.
    if (verdict instanceof Promise) verdict.catch(() => {});
    throw new OwnlineError("invalid_options", `${name} returned no verdict: return one, or null, at once`, {
      retryable: true,
    });
  });
}
