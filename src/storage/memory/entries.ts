import type { AttemptRow, ConversationRow, EventRow, MessageRow, TurnRow } from "../ledger/rows.ts";
import { claimableAt } from "../ledger/rules/leases.ts";
import { isOpen, isQueued } from "../ledger/rules/order.ts";
import type { DuePlace } from "./sorted-index.ts";

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
