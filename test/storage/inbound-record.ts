import type { InboundRecord } from "../../src/storage/storage.ts";

const LINE = "+15550100001";

/** A text that waits for an answer, from one person on one line unless it says otherwise. */
export function inboundRecord(id: string, overrides: Partial<InboundRecord> = {}): InboundRecord {
  return {
    key: `account:${id}`,
    messageId: id,
    conversationId: `c-${id}`,
    scope: "default",
    line: LINE,
    sender: LINE,
    participant: "+15550199001",
    consentKey: "consent",
    origin: "webhook",
    providerMessageId: `SM-${id}`,
    body: "Hello!",
    media: [],
    occurredAt: null,
    needsAnswer: true,
    debounceMs: 0,
    maxWaitMs: 0,
    consent: null,
    autoReply: null,
    ...overrides,
  };
}
