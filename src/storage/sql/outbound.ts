import type { OutboundRecord, RecordedOutbound } from "../storage.ts";
import { answerOf } from "./answer.ts";
import type { Ledger } from "./operation.ts";
import { oneOf, outboundOf, partsText } from "./rows.ts";

const OUTCOMES: readonly RecordedOutbound["outcome"][] = ["recorded", "repeated", "opted-out", "erased"];

/** See `Storage.recordOutbound`. */
export async function recordOutbound(ledger: Ledger, outbound: OutboundRecord): Promise<RecordedOutbound> {
  const results = await ledger.commit(["outbound.record", "common.answerOnce"], {
    op: crypto.randomUUID(),
    key: outbound.key,
    groupId: outbound.groupId,
    conversationId: outbound.conversationId,
    line: outbound.line,
    sender: outbound.sender,
    participant: outbound.participant,
    consentKey: outbound.consentKey,
    origin: outbound.origin,
    parts: partsText(outbound.parts),
    expiryMs: outbound.expiryMs,
  });
  const { outcome, messages, conversation } = answerOf(results);
  return {
    outcome: oneOf(outcome, "outcome", OUTCOMES),
    messages: messages("message").map(outboundOf),
    conversation,
  };
}
