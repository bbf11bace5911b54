import type { Policy, SendSnapshot } from "../policy/policy.ts";
import type { SendConditions } from "../storage/storage.ts";

/**
 * Joins what the policies demand of a message into conditions that the ledger judges and charges in one step: any
 * consent, any cancellation, the longest delay, every counter.
 */
export function conditionsOf(policies: readonly Policy[], snapshot: SendSnapshot): SendConditions {
  const verdicts = policies.flatMap((policy) => policy.send?.(snapshot) ?? []);
  return {
    consent: verdicts.some((verdict) => verdict.consent === true),
    unpaused: snapshot.origin === "ai" || snapshot.origin === "auto-reply",
    delayMs: Math.max(0, ...verdicts.map((verdict) => verdict.delayMs ?? 0)),
    cancel: verdicts.find((verdict) => verdict.cancel !== undefined)?.cancel ?? null,
    counters: verdicts.flatMap((verdict) => verdict.counters ?? []).map((rule) => ({ ...rule, charge: 1 })),
  };
}
