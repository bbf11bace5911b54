import { participantKeyOf } from "../../../model/person-address.ts";
import type { OutboundRecord, RecordedOutbound } from "../../storage.ts";
import { isOutbound } from "../directions.ts";
import type { KeyRow } from "../rows.ts";
import { conversationOf, outboundOf } from "../shown.ts";
import type { WorkingSet } from "../working-set.ts";
import { isOptedOut, onlyKey } from "./consent.ts";
import { fileGroup, findOrMakeConversation } from "./filing.ts";
import { inMs, refreshDue } from "./order.ts";

/** See `Storage.recordOutbound`. */
export function recordOutbound(set: WorkingSet, record: OutboundRecord, call: string): RecordedOutbound {
  const known = set.key("outbound", record.key);
  if (known !== undefined) return recordedBefore(set, known, record, call);
  if (isOptedOut(set, record.consents ?? onlyKey(record.consentKey))) {
    const existing = set.conversationAt(record.line, participantKeyOf(record.participant));
    return {
      outcome: "opted-out",
      messages: [],
      conversation: existing === undefined ? null : conversationOf(existing),
      dueInMs: null,
    };
  }
  const conversation = findOrMakeConversation(set, record);
  const { key, groupId, origin, sender, parts, expiryMs, content } = record;
  const group = fileGroup(set, conversation, { key, groupId, origin, sender, turnId: null, parts, expiryMs });
  set.addKey({ kind: "outbound", key, ref: groupId, attempt: null, content, call });
  refreshDue(set, conversation.id);
  return {
    outcome: "recorded",
    messages: group.map(outboundOf),
    conversation: conversationOf(conversation),
    dueInMs: inMs(set, group[0]?.dueAt ?? null),
  };
}

/**
 * The answer for a key that was recorded before. A known key with different content is `reused`. The content of an
 * erased message is gone, so it is not compared.
 */
function recordedBefore(
  set: WorkingSet,
  { ref, content, call: firstCall }: KeyRow,
  record: OutboundRecord,
  call: string,
): RecordedOutbound {
  if (ref === null) return { outcome: "erased", messages: [], conversation: null, dueInMs: null };
  const rows = [...set.messages.rows.values()].filter(isOutbound).filter((row) => row.groupId === ref);
  const parts = rows.toSorted((one, other) => one.part - other.part);
  const conversation = set.conversations.get(parts[0]?.conversationId ?? "");
  return {
    outcome: content !== record.content ? "reused" : firstCall === call ? "recorded" : "repeated",
    messages: parts.map(outboundOf),
    conversation: conversation === undefined ? null : conversationOf(conversation),
    dueInMs: inMs(set, parts[0]?.dueAt ?? null),
  };
}
