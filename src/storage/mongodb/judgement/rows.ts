import type { Conversation, Turn } from "../../../model/conversation.ts";
import type { AttemptStatus } from "../../../model/delivery-status.ts";
import type { InboundMessage, MessageError, OutboundMessage } from "../../../model/message.ts";
import type { StatusEvent } from "../../storage.ts";

/** One line of ours and one person, with everything that hangs on them. */
export interface ConversationRow {
  /** Replaced, never changed: what was handed out stays as it was. */
  shown: Conversation;
  consentKey: string;
  /** Since when texts have been waiting for an answer. */
  pendingSince: number | null;
  dueAt: number | null;
  /** A failed turn is not repeated before. */
  backoffUntil: number;
  fence: number;
  leasedTo: string | null;
  /** The turn that is open, whether leased or not. */
  turn: TurnRow | null;
  /** All that are kept, in the order in which they began. */
  turns: TurnRow[];
  /** Texts that wait for an answer, by `seq`. */
  pending: InboundRow[];
  /** By `seq`. */
  messages: MessageRow[];
  /** What was `intent`, `sending`, `unknown` or `held` when last looked at, by `seq`; without auto-replies. */
  open: OutboundRow[];
  /** Attempts of which nobody knows whether the carrier took them. */
  readonly unsettled: Set<AttemptRow>;
  /** Every change by position; an entry whose message has changed again since is stale. */
  changes: { readonly position: number; readonly row: MessageRow }[];
  /** Where the due index has it. */
  indexedAt: number | null;
}

export interface TurnRow {
  shown: Turn;
  readonly conversation: ConversationRow;
  /** `seq` of the first text that it answers. */
  readonly firstSeq: number;
  crashes: number;
  readonly texts: InboundRow[];
  readonly group: OutboundRow[];
}

export interface InboundRow {
  readonly direction: "inbound";
  readonly conversation: ConversationRow;
  readonly key: string;
  readonly message: InboundMessage;
  /** The turns that answered it, one after the other: more than one where a turn was repeated by hand. */
  readonly turns: TurnRow[];
  autoReply: OutboundRow | null;
}

export interface OutboundRow {
  readonly direction: "outbound";
  readonly conversation: ConversationRow;
  /** The key of the `send()`, `null` for what the AI or the auto-reply says. */
  readonly key: string | null;
  message: OutboundMessage;
  readonly turn: TurnRow | null;
  /** All parts, this one included, by part. */
  readonly group: OutboundRow[];
  expiresAt: number;
  /** A refusal or a condition forbids it before. */
  notBefore: number;
  /** It gives way to an earlier, unknown message until then, or until that one moves. */
  orderUntil: number;
  unknownSince: number;
  settleAt: number;
  /** By the carrier's clock: its list was asked since the message became `unknown`. */
  witnessSince: number | null;
  /** Its place in the queue of its sender. */
  slot: SlotRow | null;
  readonly attempts: AttemptRow[];
  /** Where the due index has it. */
  indexedAt: number | null;
}

export type MessageRow = InboundRow | OutboundRow;

export interface AttemptRow {
  readonly message: OutboundRow;
  readonly attempt: number;
  startedAt: number;
  /** Who hands it over; `null` for an auto-reply, and for what may have left before a restore. */
  workerId: string | null;
  status: AttemptStatus;
  carrierId: string | null;
  error: MessageError | null;
  events: StatusEvent[];
}

export interface WorkerRow {
  aliveUntil: number;
  readonly leases: Set<ConversationRow>;
  readonly sending: Set<AttemptRow>;
}

export interface CounterRow {
  readonly endsAt: number;
  charged: number;
}

export interface PaceRow {
  /** When the next slot begins. */
  freeAt: number;
  /** Until when nothing may leave, whatever becomes of the slots: the slot of what left last, or what the carrier asked. */
  usedUntil: number;
  /** Rises when the sender is slowed down: slots of an earlier one are void. */
  epoch: number;
}

export interface SlotRow {
  readonly key: string;
  readonly at: number;
  readonly epoch: number;
}

export interface SweepRow {
  watermark: number | null;
  committedAt: number | null;
  claimedUntil: number;
  claimed: boolean;
  fence: number;
}

/** The messages of rows, as they are now. */
export function shownMessages(rows: readonly OutboundRow[]): OutboundMessage[] {
  return rows.map((row) => row.message);
}
