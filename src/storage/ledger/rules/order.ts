import type { DeliveryStatus } from "../../../model/delivery-status.ts";
import type { MessageError } from "../../../model/message.ts";
import type { Conversation, Outbound, WorkingSet } from "../working-set.ts";

/*
 * The order of a conversation: positions, and which message may leave next. Of the loaded messages only those that a
 * change can move matter: what is unknown, the first one that is waiting or sending, and the group of what changes
 * (the slices `queue` and `group`).
 */

/** Gives the conversation's next position. */
export function nextPosition(conversation: Conversation): number {
  conversation.seq += 1;
  return conversation.seq;
}

/** Whether something can still happen to a message by itself or by an operator. */
export function isOpen(status: DeliveryStatus): boolean {
  return status === "waiting" || status === "sending" || status === "unknown" || status === "held";
}

/** Whether later messages of the conversation wait for it. */
export function isQueued(status: DeliveryStatus): boolean {
  return status === "waiting" || status === "sending";
}

/** Whether an opt-out, or the end of an earlier part, cancels it. */
export function isStoppable({ status }: Outbound): boolean {
  return status === "waiting" || status === "held";
}

/** The confirmation of an opt-out waits for no message before it: it has minutes. */
export function isOutOfOrder({ origin }: Outbound): boolean {
  return origin === "system";
}

/**
 * Brings a message into a status. Another status takes the conversation's next position, and the messages behind it no
 * longer wait for its outcome.
 */
export function changeStatus(
  set: WorkingSet,
  row: Outbound,
  status: DeliveryStatus,
  error: MessageError | null = row.error,
): void {
  if (!isSameError(row.error, error)) row.error = error;
  if (row.status === status) return;
  row.status = status;
  row.orderUntil = 0;
  const conversation = conversationOfMessage(set, row);
  row.changedSeq = nextPosition(conversation);
  if (row.origin === "auto-reply") return;
  for (const later of set.outboundOf(row.conversationId)) {
    if (later.seq > row.seq && isOpen(later.status) && later.orderUntil !== 0) later.orderUntil = 0;
  }
  if (!isOpen(status)) row.dueAt = null;
}

function isSameError(one: MessageError | null, other: MessageError | null): boolean {
  return one === other || (one !== null && other !== null && one.code === other.code && one.reason === other.reason);
}

export function conversationOfMessage(set: WorkingSet, row: Outbound): Conversation {
  const conversation = set.conversations.get(row.conversationId);
  if (conversation === undefined) throw new TypeError("Judged, but not loaded: the conversation of a message.");
  return conversation;
}

/** Cancels the later parts of a message's group that have not left. Returns them. */
export function cancelLaterParts(set: WorkingSet, row: Outbound): Outbound[] {
  if (row.parts > row.part) set.needs("group");
  const later = set.groupOf(row).filter((part) => part.part > row.part && isStoppable(part));
  const error = { code: null, reason: "An earlier part of the same text was not sent." };
  for (const part of later) changeStatus(set, part, "cancelled", error);
  return later;
}

/** Whether an earlier part of a message's group has not been taken by the provider and still may be. */
export function waitsForOwnPart(set: WorkingSet, row: Outbound): boolean {
  if (row.part === 1) return false;
  return set.groupOf(row).some(({ part, status }) => part < row.part && (isQueued(status) || status === "unknown"));
}

/** Brings the due times of a conversation's messages in line, and who may ask for them. Every change of one ends with it. */
export function refreshDue(set: WorkingSet, conversationId: string): void {
  let isBehind = false;
  const conversation = set.conversations.get(conversationId);
  for (const row of set.outboundOf(conversationId)) {
    if (!isOpen(row.status)) continue;
    // Only the next message waits for an unknown one: one behind it is not loaded when that is settled.
    if (isBehind && row.orderUntil !== 0) row.orderUntil = 0;
    const dueAt = dueTimeOf(set, row, isBehind);
    if (row.dueAt !== dueAt) row.dueAt = dueAt;
    if (conversation !== undefined) {
      row.scope = conversation.scope;
      row.setAsideBy = conversation.setAsideBy;
    }
    if (isQueued(row.status)) isBehind = true;
  }
}

/** In how long the next message of a conversation is due, of those that a change of the loaded ones can move. */
export function nextInMs(set: WorkingSet, conversationId: string): number | null {
  const inOrder = set.outboundOf(conversationId).filter((row) => !isOutOfOrder(row));
  const times = inOrder.flatMap(({ dueAt }) => dueAt ?? []);
  return times.length === 0 ? null : inMs(set, Math.min(...times));
}

/** How long it is until then; 0 for what has passed, `null` for never. */
export function inMs({ now }: WorkingSet, at: number | null): number | null {
  return at === null ? null : Math.max(0, at - now);
}

function dueTimeOf(set: WorkingSet, row: Outbound, isBehind: boolean): number | null {
  if (row.status === "unknown") return row.settleAt;
  if (row.status === "waiting" && isOutOfOrder(row)) return row.notBefore;
  if (row.status !== "waiting" || isBehind || waitsForOwnPart(set, row)) return null;
  return Math.max(row.notBefore, row.orderUntil);
}

/** Begins, or begins anew, the time in which the state of a message is unknown. */
export function beginUnknown(row: Outbound, now: number, lookInMs: number): void {
  row.unknownSince = now;
  row.settleAt = now + lookInMs;
  row.evidenceSince = null;
}
