import type { AttemptRow, ConversationRow, EventRow, MessageRow, TurnRow } from "../ledger/rows.ts";
import { claimableAt } from "../ledger/rules/leases.ts";
import { isOpen, isQueued } from "../ledger/rules/order.ts";
import { type DuePlace, firstIndex } from "./sorted-index.ts";

/*
 * Conversations and messages in memory, each with the rows that belong to it.
 */

/** A conversation with the rows that belong to it. */
export interface Conversation {
  row: ConversationRow;
  /** By `seq`. */
  messages: Message[];
  /** Open outbound messages, by `seq`, without auto-replies. */
  open: Message[];
  /** In the order in which they began. Only the last turn can be open. */
  turns: TurnRow[];
  /** Messages with an attempt whose outcome is unknown. */
  readonly unsettled: Set<Message>;
  /** Every change, by position. An entry is stale if its message has changed again since. */
  feed: { readonly position: number; readonly message: Message }[];
}

/** A message with the rows that belong to it. */
export interface Message {
  row: MessageRow;
  readonly conversation: Conversation;
  /** The first attempt first. */
  readonly attempts: AttemptRow[];
  /** By attempt, then by position. */
  readonly events: EventRow[][];
}

/** The position of a conversation among those in which a turn may begin; `null` if no turn may begin. */
export function claimablePlace(conversation: Conversation): DuePlace | null {
  const { id, scope, writtenAt } = conversation.row;
  const dueAt = claimableAt(conversation.row);
  return dueAt === null ? null : { scope, id, dueAt, writtenAt };
}

/** The position of a message among those with a due time; `null` if it has none. */
export function duePlace({ row: { id, scope, dueAt, writtenAt } }: Message): DuePlace | null {
  return dueAt === null ? null : { scope, id, dueAt, writtenAt };
}

/** Whether the message is `waiting` or `sending`, and not an auto-reply. */
export function isUnsent({ row: { status, origin } }: Message): boolean {
  return status !== null && isQueued(status) && origin !== "auto-reply";
}

/** Whether the message is open (see `isOpen` in `rules/order.ts`), and not an auto-reply. */
export function isListedOpen({ row: { status, origin } }: Message): boolean {
  return status !== null && isOpen(status) && origin !== "auto-reply";
}

/** Adds the last change of a message to the feed of its conversation. */
export function noteChange(message: Message): void {
  const { conversation, row } = message;
  const place = firstIndex(conversation.feed, ({ position }) => position > row.changedSeq);
  conversation.feed.splice(place, 0, { position: row.changedSeq, message });
  if (conversation.feed.length <= 2 * conversation.messages.length) return;
  conversation.feed = conversation.feed.filter((entry) => entry.message.row.changedSeq === entry.position);
}

/** Adds or replaces an event of a message. */
export function writeEvent({ events }: Message, row: EventRow): void {
  const ofAttempt = events[row.attempt - 1] ?? [];
  ofAttempt[row.position] = row;
  events[row.attempt - 1] = ofAttempt;
}
