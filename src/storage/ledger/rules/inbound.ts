import type { AutoReplyRecord, ConfirmationRecord, InboundRecord, RecordedInbound } from "../../storage.ts";
import { type Inbound, isInbound, type Outbound } from "../directions.ts";
import { conversationOf, inboundOf, outboundOf } from "../shown.ts";
import type { Conversation, WorkingSet } from "../working-set.ts";
import { consentThatCounts, fileConsent, isOptedOut, onlyKey, stopForOptOut } from "./consent.ts";
import { chargeCounters, judgeCounters } from "./counters.ts";
import { fileInbound, fileOutbound, findOrMakeConversation, seeParticipant } from "./filing.ts";
import { inMs, refreshDue } from "./order.ts";

const NOTHING_RECORDED = { autoReply: null, cancelled: [], consentChanged: false, turnInMs: null } as const;

/** See `Storage.recordInbound`. */
export function recordInbound(set: WorkingSet, record: InboundRecord, call: string): RecordedInbound {
  const known = set.key("inbound", record.key);
  if (known !== undefined) return recordedBefore(set, known.ref, known.call === call);
  const conversation = findOrMakeConversation(set, record);
  conversation.sender = record.sender;
  seeParticipant(set, conversation, record);
  const keys = record.consents ?? onlyKey(record.consentKey);
  const consent = consentThatCounts(set, keys, record.consent);
  const consentChanged = consent !== null && fileConsent(set, keys, consent);
  const needsAnswer = record.needsAnswer && !isOptedOut(set, keys);
  const message = fileInbound(set, conversation, record, needsAnswer);
  const autoReply = record.autoReply === null ? null : fileAutoReply(set, conversation, record, record.autoReply);
  message.autoReplyId = autoReply?.id ?? null;
  set.addKey({ kind: "inbound", key: record.key, ref: message.id, attempt: null, content: null, call });
  if (needsAnswer) askForAnswer(set, conversation, message, record);
  const isOptOut = consent?.state === "opted-out";
  const stopped = consent?.state === "opted-out" ? stopForOptOut(set, conversation, message.seq, keys) : [];
  const { confirmation } = record;
  const confirms = confirmation !== undefined && isOptOut && consentChanged;
  const confirming = confirms ? fileConfirmation(set, conversation, record, confirmation) : null;
  return {
    outcome: "recorded",
    message: inboundOf(message),
    conversation: conversationOf(conversation),
    autoReply: autoReply === null ? null : outboundOf(autoReply),
    ...(confirming === null ? {} : { confirmation: outboundOf(confirming) }),
    cancelled: stopped.map(outboundOf),
    consentChanged,
    turnInMs: inMs(set, conversation.dueAt),
  };
}

/**
 * Creates the confirmation in the commit of the opt-out, once for each opt-out. If the process dies after the commit,
 * the confirmation still waits to be sent.
 */
function fileConfirmation(
  set: WorkingSet,
  conversation: Conversation,
  record: InboundRecord,
  { expiryMs, ...part }: ConfirmationRecord,
): Outbound {
  const row = fileOutbound(set, conversation, part, {
    key: null,
    sender: record.sender,
    origin: "system",
    status: "waiting",
    attempts: 0,
    groupId: part.id,
    part: 1,
    parts: 1,
    turnId: null,
    expiresAt: set.now + expiryMs,
  });
  refreshDue(set, conversation.id);
  return row;
}

/**
 * The answer for a key that was recorded before. If the same call asks again because its answer was lost, the outcome
 * is `recorded`. If that call changed more than rows show, its answer is stored, and the ledger looks for stored
 * answers first.
 */
function recordedBefore(set: WorkingSet, ref: string | null, isSameCall: boolean): RecordedInbound {
  const message = ref === null ? undefined : set.messages.get(ref);
  if (message === undefined || !isInbound(message)) {
    return { ...NOTHING_RECORDED, outcome: "erased", message: null, conversation: null };
  }
  const conversation = set.conversations.get(message.conversationId);
  if (conversation === undefined)
    throw new TypeError("Judged, but not loaded: the conversation of a recorded message.");
  const autoReply = message.autoReplyId === null ? undefined : set.outbound(message.autoReplyId);
  return {
    ...NOTHING_RECORDED,
    outcome: isSameCall ? "recorded" : "repeated",
    message: inboundOf(message),
    conversation: conversationOf(conversation),
    autoReply: autoReply === undefined ? null : outboundOf(autoReply),
    turnInMs: inMs(set, conversation.dueAt),
  };
}

function askForAnswer(set: WorkingSet, conversation: Conversation, { seq }: Inbound, record: InboundRecord): void {
  conversation.unansweredSeq = seq;
  conversation.unansweredSince ??= set.now;
  if (conversation.paused) return;
  const settled = Math.min(set.now + record.debounceMs, conversation.unansweredSince + record.maxWaitMs);
  conversation.dueAt = Math.max(settled, set.now, conversation.backoffUntil);
}

/** Creates the auto-reply if its conditions hold. It leaves in the webhook's response. */
function fileAutoReply(
  set: WorkingSet,
  conversation: Conversation,
  record: InboundRecord,
  reply: AutoReplyRecord,
): Outbound | null {
  const { consent, unpaused, delayMs, cancel, counters } = reply.conditions;
  if (consent && isOptedOut(set, record.consents ?? onlyKey(record.consentKey))) return null;
  if (unpaused && conversation.paused) return null;
  if (delayMs > 0 || cancel !== null) return null;
  if (judgeCounters(set, counters).outcome !== "free") return null;
  chargeCounters(set, counters);
  const row = fileOutbound(set, conversation, reply, {
    key: null,
    sender: record.sender,
    // The auto-reply goes back in the response to this message, so it uses this message's address.
    participant: record.participant,
    origin: "auto-reply",
    status: "sending",
    attempts: 1,
    groupId: reply.id,
    part: 1,
    parts: 1,
    turnId: null,
    expiresAt: set.now,
  });
  const { id: outboundId, conversationId } = row;
  const open = { status: "sending", providerMessageId: null, error: null, worker: null } as const;
  const begun = { startedAt: set.now, startedAfter: null };
  set.attempts.add({ outboundId, conversationId, attempt: 1, ...open, ...begun });
  return row;
}
