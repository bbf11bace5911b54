import type { OutboundMessage } from "../../model/message.ts";
import type { Policy, SendSnapshot } from "../../policy/policy.ts";
import type { SendConditions } from "../../storage/storage.ts";
import type { SendRequest } from "../../transport/transport.ts";
import { verdictsOf } from "../support/verdicts.ts";

/** The conditions of a message that no policy has judged. */
export const UNJUDGED: SendConditions = {
  consent: false,
  unpaused: false,
  delayMs: 0,
  cancel: null,
  counters: [],
  rateLimit: null,
};

/**
 * Joins the policies' verdicts on a message into conditions that the ledger checks and charges in one step. The
 * conditions have any demand for consent, any cancellation, the longest delay and every counter. A message charges the
 * counters at its first attempt, and not at a later one.
 *
 * @throws OwnlineError `invalid_options` where a policy throws, or returns something other than a verdict
 */
export function conditionsOf(policies: readonly Policy[], snapshot: SendSnapshot): SendConditions {
  const verdicts = verdictsOf(
    policies,
    (policy) => policy.send?.(structuredClone(snapshot)),
    (verdict) => typeof verdict === "object" && !("then" in verdict) && (verdict.delayMs ?? 0) >= 0,
  );
  const charge = (snapshot.message?.attempts ?? 0) === 0 ? 1 : 0;
  return {
    consent: verdicts.some((verdict) => verdict.consent === true),
    unpaused: snapshot.origin === "ai" || snapshot.origin === "auto-reply",
    delayMs: Math.max(0, ...verdicts.map((verdict) => verdict.delayMs ?? 0)),
    cancel: verdicts.find((verdict) => verdict.cancel !== undefined)?.cancel ?? null,
    counters: verdicts.flatMap((verdict) => verdict.counters ?? []).map((rule) => ({ ...rule, charge })),
    rateLimit: null,
  };
}

/**
 * The request to the provider for one attempt of a message. An auto-reply has one too, although the webhook's answer
 * carries it.
 */
export function requestFor(
  message: OutboundMessage,
  attempt: number,
  line: string,
  more: Pick<SendRequest, "validityMs" | "signal"> = {},
): SendRequest {
  return {
    outboundId: message.id,
    attempt,
    line,
    from: message.from,
    to: message.to,
    body: message.body,
    media: message.media,
    ...more,
  };
}
