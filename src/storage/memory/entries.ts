import { isFinal } from "../../model/delivery-status.ts";
import type { AttemptRow, ConversationRow, EventRow, MessageRow, TurnRow } from "../ledger/rows.ts";
import { isOpen, isQueued } from "../ledger/rules/order.ts";
import type { DuePlace } from "./sorted-index.ts";

/*
 * Conversations and messages as the memory of the process holds them: with the rows that belong to them.
 */

/** A conversation with the rows that belong to it. */
export interface Conversation {
  row: ConversationRow;
  /** By `seq`. */
  messages: Message[];
  /** Outbound messages that are open, by `seq`, without auto-replies. */
  open: Message[];
  /** In the order in which they began: only the last one can be open. */
  turns: TurnRow[];
  /** Messages with an attempt whose outcome is unknown. */
  readonly unsettled: Set<Message>;
  /** Every change by position; an entry whose message has changed again since is stale. */
  feed: { readonly position: number; readonly message: Message }[];
}

/** A message with the rows that belong to it. */
export interface Message {
  row: MessageRow;
  readonly conversation: Conversation;
  /** The first one first. */
  readonly attempts: AttemptRow[];
  /** By attempt, then by position. */
  readonly events: EventRow[][];
}

/** When a turn may begin; `null` while one runs. A paused conversation has no due time. */
export function claimableAt({ row: { dueAt, leaseWorker } }: Conversation): number | null {
  return leaseWorker === null ? dueAt : null;
}

/** Where a conversation stands among those in which a turn may begin; `null` where none may. */
export function claimablePlace(conversation: Conversation): DuePlace | null {
  const { id, scope, writtenAt } = conversation.row;
  const dueAt = claimableAt(conversation);
  return dueAt === null ? null : { scope, id, dueAt, writtenAt };
}

/** Where a message stands among those that are due; `null` where it is never due. */
export function duePlace({ row: { id, scope, dueAt, writtenAt } }: Message): DuePlace | null {
  return dueAt === null ? null : { scope, id, dueAt, writtenAt };
}

/** Whether nothing waits for a message: it may be deleted when it is old. */
export function isDone({ row: { status, needsAnswer, seq }, conversation }: Message): boolean {
  if (status !== null) return isFinal(status);
  return needsAnswer !== true || seq <= conversation.row.answeredSeq;
}

/** Whether it is waiting or `sending`, other than an auto-reply. */
export function isUnsent({ row: { status, origin } }: Message): boolean {
  return status !== null && isQueued(status) && origin !== "auto-reply";
}

/** Whether something can still happen to it, other than for an auto-reply. */
export function isListedOpen({ row: { status, origin } }: Message): boolean {
  return status !== null && isOpen(status) && origin !== "auto-reply";
}
