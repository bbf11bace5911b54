import type { InboundRecord, OutboundRecord } from "../../src/storage/storage.ts";
import { inboundRecord } from "./inbound-record.ts";

const LINE = "+15550100001";

/** A text from one of many people. */
export function text(id: string, person: number | string = 1, overrides: Partial<InboundRecord> = {}): InboundRecord {
  return inboundRecord(id, { participant: `+1555019900${person}`, consentKey: `consent ${person}`, ...overrides });
}

/** A text of the service to one of many people, in two parts. */
export function post(id: string, person: number | string = 1): OutboundRecord {
  const part = { body: "Your table is ready.", media: [], encoding: "GSM-7", segments: 1 } as const;
  return {
    key: `send:${id}`,
    groupId: id,
    conversationId: `c-${id}`,
    scope: "default",
    line: LINE,
    sender: LINE,
    participant: `+1555019900${person}`,
    consentKey: `consent ${person}`,
    origin: "api",
    content: "digest",
    parts: [
      { ...part, id: `${id}-1` },
      { ...part, id: `${id}-2` },
    ],
    expiryMs: 3_600_000,
  };
}
