import type { AutoReplyRecord, InboundRecord, RecordedInbound } from "../storage.ts";
import { answerOf } from "./answer.ts";
import { countersText } from "./counters.ts";
import type { Ledger } from "./operation.ts";
import { REASONS } from "./reasons.ts";
import { contentText, inboundOf, oneOf, outboundOf, reasonText } from "./rows.ts";

const OUTCOMES: readonly RecordedInbound["outcome"][] = ["recorded", "repeated", "erased"];

/** See `Storage.recordInbound`. */
export async function recordInbound(ledger: Ledger, inbound: InboundRecord): Promise<RecordedInbound> {
  const reply = possibleReply(inbound.autoReply);
  const isOptOut = inbound.consent?.state === "opted-out";
  const answer = await ledger.commit(
    [
      "inbound.take",
      inbound.consent !== null && "inbound.consent",
      "inbound.message",
      inbound.needsAnswer && "inbound.pending",
      isOptOut && "inbound.silence",
      reply !== null && "inbound.autoReply",
      isOptOut && "inbound.cancel",
      isOptOut && "common.settle",
      "inbound.answer",
      "common.answerOnce",
    ],
    {
      op: crypto.randomUUID(),
      key: inbound.key,
      messageId: inbound.messageId,
      conversationId: inbound.conversationId,
      line: inbound.line,
      sender: inbound.sender,
      participant: inbound.participant,
      consentKey: inbound.consentKey,
      origin: inbound.origin,
      carrierId: inbound.carrierId,
      content: contentText(inbound),
      occurredAt: inbound.occurredAt,
      needsAnswer: inbound.needsAnswer ? 1 : 0,
      debounceMs: inbound.debounceMs,
      maxWaitMs: inbound.maxWaitMs,
      consentState: inbound.consent?.state ?? null,
      unlessSince: inbound.consent?.unlessSince ?? null,
      consentSource: inbound.consent?.source ?? null,
      cancelReason: reasonText(REASONS.optedOut),
      replyId: reply?.id,
      replyContent: reply === null ? undefined : contentText(reply),
      replyEncoding: reply?.encoding,
      replySegments: reply?.segments,
      replyUnpaused: reply?.conditions.unpaused ? 1 : 0,
      replyConsent: reply?.conditions.consent ? 1 : 0,
      counters: countersText(reply?.conditions.counters ?? []),
    },
  );
  const { outcome, detail, messages, conversation } = answerOf(answer);
  const [first] = messages("message");
  const [autoReply] = messages("autoReply");
  return {
    outcome: oneOf(outcome, "outcome", OUTCOMES),
    message: first === undefined ? null : inboundOf(first),
    conversation,
    autoReply: autoReply === undefined ? null : outboundOf(autoReply),
    cancelled: messages("cancelled").map(outboundOf),
    consentChanged: outcome === "recorded" && detail.consentChanged === 1,
  };
}

/** A reply whose conditions can still hold: it cannot wait. */
function possibleReply(reply: AutoReplyRecord | null): AutoReplyRecord | null {
  return reply === null || reply.conditions.cancel !== null || reply.conditions.delayMs > 0 ? null : reply;
}
