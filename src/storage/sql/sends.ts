import type { ClaimedSend, SendClaim } from "../storage.ts";
import { answerOf } from "./answer.ts";
import { countersText } from "./counters.ts";
import type { Ledger, Run } from "./operation.ts";
import { REASONS } from "./reasons.ts";
import { integer, integerOrNull, outboundOf, reasonText, text } from "./rows.ts";

const END: Run = ["send.move", "common.settle", "send.finish", "common.answer"];

const STEPS: Run = ["send.judge", ...END];

/** Where the sender has a pace. */
const PACED_STEPS: Run = ["send.judge", "send.pace", ...END];

/** See `Storage.claimSend`. */
export async function claimSend(ledger: Ledger, claim: SendClaim): Promise<ClaimedSend> {
  const { conditions } = claim;
  const { pace } = conditions;
  const results = await ledger.commit(pace === null ? STEPS : PACED_STEPS, {
    op: claim.op,
    workerId: claim.workerId,
    leaseMs: claim.leaseMs,
    outboundId: claim.outboundId,
    orderWaitMs: claim.orderWaitMs,
    consent: conditions.consent ? 1 : 0,
    unpaused: conditions.unpaused ? 1 : 0,
    delayMs: conditions.delayMs,
    cancel: conditions.cancel === null ? null : 1,
    counters: countersText(conditions.counters),
    paceKey: pace?.key ?? null,
    costMs: pace?.costMs,
    paceReason: pace?.reason ?? null,
    errors: JSON.stringify({
      expired: reasonText(REASONS.expired),
      cancel: conditions.cancel === null ? null : reasonText(conditions.cancel),
      optedOut: reasonText(REASONS.optedOut),
      paused: reasonText(REASONS.paused),
      earlierPart: reasonText(REASONS.earlierPart),
    }),
    cancelReason: reasonText(REASONS.earlierPart),
  });
  const { outcome, at, detail, messages } = answerOf(results);
  switch (outcome) {
    case "waiting": {
      const until = integerOrNull(detail, "until");
      return { outcome, retryInMs: until === null ? null : until - at, reason: waitReason(detail) };
    }
    case "cancelled":
      return { outcome, messages: messages("cancelled").map(outboundOf) };
    default:
      break;
  }
  const [message] = messages("message");
  if (outcome !== "claimed" || message === undefined) return { outcome: "gone" };
  const overtook = Array.isArray(detail.overtook) ? detail.overtook.map(String) : [];
  return { outcome, message: outboundOf(message), attempt: integer(detail, "attempt"), overtook };
}

const WAITS: Readonly<Record<string, string>> = { behind: REASONS.behind, order: REASONS.order, delay: REASONS.delay };

function waitReason(detail: Readonly<Record<string, unknown>>): string {
  return WAITS[text(detail, "why")] ?? text(detail, "reason");
}
