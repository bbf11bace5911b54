import type { Conversation } from "../../../model/conversation.ts";
import type { InboundMessage, OutboundMessage } from "../../../model/message.ts";
import type {
  AutoReplyRecord,
  Consent,
  InboundRecord,
  OutboundRecord,
  PartRecord,
  RecordedInbound,
  RecordedOutbound,
} from "../../storage.ts";
import { chargeCounters, judgeCounters } from "./counters.ts";
import {
  addressOf,
  fileMessage,
  type Ledger,
  nextPosition,
  refreshDue,
  setConsent,
  show,
  stopForOptOut,
} from "./ledger.ts";
import type { ConversationRow, InboundRow, OutboundRow, TurnRow } from "./rows.ts";
import { shownMessages } from "./rows.ts";

const NOTHING_RECORDED = { autoReply: null, cancelled: [], consentChanged: false } as const;

/** See {@link Storage.recordInbound}. */
export function recordInbound(ledger: Ledger, record: InboundRecord): RecordedInbound {
  const known = ledger.inboundByKey.get(record.key);
  if (known === "erased") return { ...NOTHING_RECORDED, outcome: "erased", message: null, conversation: null };
  if (known !== undefined) {
    const { message, conversation, autoReply } = known;
    const first = { message, conversation: conversation.shown, autoReply: autoReply?.message ?? null };
    return { ...NOTHING_RECORDED, outcome: "repeated", ...first };
  }
  const now = ledger.clock.now();
  const conversation = findOrMakeConversation(ledger, record, now);
  show(ledger, conversation, { sender: record.sender });
  const consent = consentThatCounts(ledger, record);
  const consentChanged = consent !== null && setConsent(ledger, record.consentKey, { ...consent, changedAt: now });
  const isOptedOut = ledger.consents.get(record.consentKey)?.state === "opted-out";
  const text = fileText(ledger, conversation, record, record.needsAnswer && !isOptedOut, now);
  const autoReply =
    record.autoReply === null ? null : fileAutoReply(ledger, conversation, record, record.autoReply, now);
  text.autoReply = autoReply;
  const { seq } = text.message;
  if (text.message.needsAnswer) askForAnswer(conversation, text, record, now);
  const isOptOut = consent?.state === "opted-out";
  const cancelled = isOptOut ? stopForOptOut(ledger, conversation, seq, now) : [];
  refreshDue(ledger, conversation);
  return {
    outcome: "recorded",
    message: text.message,
    conversation: conversation.shown,
    autoReply: autoReply?.message ?? null,
    cancelled: shownMessages(cancelled),
    consentChanged,
  };
}

/** A change of consent that came late does not undo the person's later word. */
function consentThatCounts(
  ledger: Ledger,
  { consent, consentKey }: InboundRecord,
): Pick<Consent, "state" | "source"> | null {
  if (consent === null) return null;
  const { state, source, unlessSince, whereBlocked } = consent;
  // This ledger does not keep whether the provider blocks.
  if (whereBlocked === true) return null;
  const filed = ledger.consents.get(consentKey);
  const isOutlived = filed?.state === "opted-in" && unlessSince !== undefined && filed.changedAt > unlessSince;
  return isOutlived ? null : { state, source };
}

/** See {@link Storage.recordOutbound}. */
export function recordOutbound(ledger: Ledger, record: OutboundRecord): RecordedOutbound {
  const known = ledger.groupByKey.get(record.key);
  if (known === "erased") return { outcome: "erased", messages: [], conversation: null };
  const address = addressOf(record.line, record.participant);
  const existing = ledger.conversationByAddress.get(address);
  if (known !== undefined) {
    const conversation = known[0]?.conversation ?? existing;
    return { outcome: "repeated", messages: shownMessages(known), conversation: conversation?.shown ?? null };
  }
  if (ledger.consents.get(record.consentKey)?.state === "opted-out") {
    return { outcome: "opted-out", messages: [], conversation: existing?.shown ?? null };
  }
  const now = ledger.clock.now();
  const conversation = findOrMakeConversation(ledger, record, now);
  const { key, groupId, origin, sender, parts, expiryMs } = record;
  const group = fileGroup(ledger, conversation, { key, groupId, origin, sender, turn: null, parts, expiryMs }, now);
  ledger.groupByKey.set(key, group);
  refreshDue(ledger, conversation);
  return { outcome: "recorded", messages: shownMessages(group), conversation: conversation.shown };
}

interface NewGroup {
  readonly key: string | null;
  readonly groupId: string;
  readonly origin: Exclude<OutboundMessage["origin"], "auto-reply">;
  readonly sender: string;
  readonly turn: TurnRow | null;
  readonly parts: readonly PartRecord[];
  readonly expiryMs: number;
}

/** Files the parts of one text, as `intent`. */
export function fileGroup(
  ledger: Ledger,
  conversation: ConversationRow,
  { key, groupId, origin, sender, turn, parts, expiryMs }: NewGroup,
  now: number,
): OutboundRow[] {
  const group: OutboundRow[] = turn?.group ?? [];
  for (const [index, part] of parts.entries()) {
    const place = { groupId, part: index + 1, parts: parts.length, turnId: turn?.shown.id ?? null };
    const message = newOutbound(
      conversation,
      part,
      { origin, from: sender, status: "intent", attempts: 0, ...place },
      now,
    );
    const row = newRow(conversation, message, { key, turn, group, expiresAt: now + expiryMs });
    group.push(row);
    fileMessage(ledger, row);
    conversation.open.push(row);
  }
  return group;
}

function fileText(
  ledger: Ledger,
  conversation: ConversationRow,
  record: InboundRecord,
  needsAnswer: boolean,
  now: number,
): InboundRow {
  const seq = nextPosition(conversation);
  const message: InboundMessage = {
    id: record.messageId,
    conversationId: conversation.shown.id,
    seq,
    changedSeq: seq,
    body: record.body,
    media: structuredClone(record.media),
    createdAt: now,
    direction: "inbound",
    origin: record.origin,
    from: record.participant,
    to: record.sender,
    carrierId: record.carrierId,
    needsAnswer,
    occurredAt: record.occurredAt ?? now,
  };
  const { key } = record;
  const row: InboundRow = { direction: "inbound", conversation, key, message, turns: [], autoReply: null };
  fileMessage(ledger, row);
  show(ledger, conversation, { inboundSeq: seq });
  ledger.inboundByKey.set(key, row);
  return row;
}

function askForAnswer(row: ConversationRow, text: InboundRow, record: InboundRecord, now: number): void {
  row.pending.push(text);
  row.pendingSince ??= now;
  if (row.shown.paused) return;
  const settled = Math.min(now + record.debounceMs, row.pendingSince + record.maxWaitMs);
  row.dueAt = Math.max(settled, now, row.backoffUntil);
}

function fileAutoReply(
  ledger: Ledger,
  conversation: ConversationRow,
  record: InboundRecord,
  reply: AutoReplyRecord,
  now: number,
): OutboundRow | null {
  const { consent, unpaused, delayMs, cancel, counters } = reply.conditions;
  if (consent && ledger.consents.get(record.consentKey)?.state === "opted-out") return null;
  if (unpaused && conversation.shown.paused) return null;
  if (delayMs > 0 || cancel !== null) return null;
  if (judgeCounters(ledger, counters, now).outcome !== "free") return null;
  chargeCounters(ledger, counters, now);
  const place = { groupId: reply.id, part: 1, parts: 1, turnId: null };
  const hand = { origin: "auto-reply", from: record.sender, status: "sending", attempts: 1 } as const;
  const message = newOutbound(conversation, reply, { ...hand, ...place }, now);
  const row = newRow(conversation, message, { key: null, turn: null, group: [], expiresAt: now });
  row.group.push(row);
  const error = { carrierId: null, error: null, events: [] };
  row.attempts.push({ message: row, attempt: 1, startedAt: now, workerId: null, status: "sending", ...error });
  fileMessage(ledger, row);
  return row;
}

type Handing = Pick<
  OutboundMessage,
  "origin" | "from" | "status" | "attempts" | "groupId" | "part" | "parts" | "turnId"
>;

function newOutbound(conversation: ConversationRow, part: PartRecord, handing: Handing, now: number): OutboundMessage {
  const seq = nextPosition(conversation);
  return {
    id: part.id,
    conversationId: conversation.shown.id,
    seq,
    changedSeq: seq,
    body: part.body,
    media: structuredClone(part.media),
    createdAt: now,
    direction: "outbound",
    to: conversation.shown.participant,
    error: null,
    carrierIds: [],
    encoding: part.encoding,
    segments: part.segments,
    ...handing,
  };
}

function newRow(
  conversation: ConversationRow,
  message: OutboundMessage,
  origin: Pick<OutboundRow, "key" | "turn" | "group" | "expiresAt">,
): OutboundRow {
  const times = { notBefore: message.createdAt, orderUntil: 0, unknownSince: 0, settleAt: 0, witnessSince: null };
  const places = { slot: null, indexedAt: null };
  return { direction: "outbound", conversation, message, attempts: [], ...origin, ...times, ...places };
}

type Address = Pick<
  InboundRecord | OutboundRecord,
  "conversationId" | "line" | "sender" | "participant" | "consentKey"
>;

function findOrMakeConversation(ledger: Ledger, record: Address, now: number): ConversationRow {
  const address = addressOf(record.line, record.participant);
  const row = ledger.conversationByAddress.get(address) ?? makeConversation(ledger, record, now);
  ledger.conversationsByConsentKey.get(row.consentKey)?.delete(row);
  row.consentKey = record.consentKey;
  addTo(ledger.conversationsByConsentKey, row.consentKey, row);
  return row;
}

function makeConversation(ledger: Ledger, record: Address, now: number): ConversationRow {
  const { conversationId: id, line, sender, participant, consentKey } = record;
  const positions = { seq: 0, inboundSeq: 0, answeredSeq: 0 };
  const shown: Conversation = {
    id,
    line,
    sender,
    participant,
    paused: false,
    ...positions,
    createdAt: now,
    updatedAt: now,
  };
  const work = { pendingSince: null, dueAt: null, backoffUntil: 0, fence: 0, leasedTo: null, turn: null };
  const lists = { turns: [], pending: [], messages: [], open: [], changes: [] };
  const row: ConversationRow = { shown, consentKey, ...work, ...lists, unsettled: new Set(), indexedAt: null };
  ledger.conversations.set(id, row);
  ledger.conversationByAddress.set(addressOf(line, participant), row);
  ledger.recent.add({ at: now, id }, row);
  addTo(ledger.conversationsByParticipant, participant, row);
  return row;
}

function addTo<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const values = index.get(key) ?? new Set();
  index.set(key, values.add(value));
}
