import type { DeliveryStatus } from "../../../model/delivery-status.ts";
import type { MessageError } from "../../../model/message.ts";
import type { Outbound } from "../directions.ts";
import type { MessageRow } from "../rows.ts";
import type { Conversation, WorkingSet } from "../working-set.ts";

/*
 * The order of a conversation: positions, and which message may leave next. Only the messages that a change can affect
 * are loaded (the slices `queue` and `group`). These are the messages in `unknown`, the first one in `waiting` or
 * `sending`, and the group of the changed message.
 */

/** Gives the conversation's next position. */
export function nextPosition(conversation: Conversation): number {
  conversation.seq += 1;
  return conversation.seq;
}

/** Whether the status may still change without a report of the provider: by a worker or by an operator. */
export function isOpen(status: DeliveryStatus): boolean {
  return status === "waiting" || status === "sending" || status === "unknown" || status === "held";
}

/** Later messages of the conversation wait for a message in one of these statuses. */
export const QUEUED_STATUSES: readonly DeliveryStatus[] = ["waiting", "sending"];

export function isQueued(status: DeliveryStatus): boolean {
  return QUEUED_STATUSES.includes(status);
}

/** An opt-out, or an earlier part that was not sent, cancels a message in one of these statuses. */
export const STOPPABLE_STATUSES: readonly DeliveryStatus[] = ["waiting", "held"];

export function isStoppable({ status }: Pick<MessageRow, "status">): boolean {
  return status !== null && STOPPABLE_STATUSES.includes(status);
}

/**
 * Whether the message does not wait for earlier ones. This is the confirmation of an opt-out, because it expires within
 * minutes.
 */
export function isOutOfOrder({ origin }: Outbound): boolean {
  return origin === "system";
}

/**
 * Sets the status of a message. A changed status takes the conversation's next position, and later messages no longer
 * wait for this message's outcome.
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

/** Cancels the later parts of a message's group that are waiting or held. Returns them. */
export function cancelLaterParts(set: WorkingSet, row: Outbound): Outbound[] {
  if (row.parts > row.part) set.needs("group");
  const later = set.groupOf(row).filter((part) => part.part > row.part && isStoppable(part));
  const error = { code: null, reason: "An earlier part of the same text was not sent." };
  for (const part of later) changeStatus(set, part, "cancelled", error);
  return later;
}

/**
 * Whether an earlier part of the message's group is waiting, sending or unknown. The provider may still accept that
 * part.
 */
export function waitsForOwnPart(set: WorkingSet, row: Outbound): boolean {
  if (row.part === 1) return false;
  return set.groupOf(row).some(({ part, status }) => part < row.part && (isQueued(status) || status === "unknown"));
}

/**
 * Updates the due times of a conversation's messages, and their `scope` and `setAsideBy`. Each rule that changes a
 * message calls this at its end.
 */
export function refreshDue(set: WorkingSet, conversationId: string): void {
  let isBehind = false;
  const conversation = set.conversations.get(conversationId);
  for (const row of set.outboundOf(conversationId)) {
    if (!isOpen(row.status)) continue;
    // Only the message directly after one with an unknown outcome waits for it, because settling that outcome does not
    // load later messages.
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

/**
 * Milliseconds until the next of the conversation's loaded messages is due; `null` if none is due. The confirmation of
 * an opt-out does not count.
 */
export function nextInMs(set: WorkingSet, conversationId: string): number | null {
  const inOrder = set.outboundOf(conversationId).filter((row) => !isOutOfOrder(row));
  const times = inOrder.flatMap(({ dueAt }) => dueAt ?? []);
  return times.length === 0 ? null : inMs(set, Math.min(...times));
}

/** Milliseconds until a time; 0 if the time has passed, `null` for `null`. */
export function inMs({ now }: WorkingSet, at: number | null): number | null {
  return at === null ? null : Math.max(0, at - now);
}

function dueTimeOf(set: WorkingSet, row: Outbound, isBehind: boolean): number | null {
  if (row.status === "unknown") return row.settleAt;
  if (row.status === "waiting" && isOutOfOrder(row)) return row.notBefore;
  if (row.status !== "waiting" || isBehind || waitsForOwnPart(set, row)) return null;
  return Math.max(row.notBefore, row.orderUntil);
}

/** Starts or restarts the period in which the state of a message is unknown. */
export function beginUnknown(row: Outbound, now: number, lookInMs: number): void {
  row.unknownSince = now;
  row.settleAt = now + lookInMs;
  row.evidenceSince = null;
}
