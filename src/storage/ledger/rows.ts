import type { ConsentSource, ConsentState } from "../../model/consent.ts";
import type { TurnOutcome } from "../../model/conversation.ts";
import type { AttemptStatus, DeliveryStatus, ProviderStatus } from "../../model/delivery-status.ts";
import type { Media, MessageError, Origin, OutboundMessage } from "../../model/message.ts";

/*
 * The rows of the ledger as every database stores them: flat, with plain values. Times are Unix milliseconds by the
 * database's clock. The meaning of each field is documented only here. A database may store a field in any form from
 * which it can restore the value.
 *
 * Some rows have times that decide when something may happen. In `writtenAt` they store the clock's time at the last
 * change of these times. If that clock was wrong, the times are void: see `rules/clock.ts`.
 */

/**
 * One line and one person. Every change of a row that belongs to the conversation raises the conversation's `version`.
 */
export interface ConversationRow {
  readonly id: string;
  /** The service that recorded something in it last: `ownline({ scope })`. */
  readonly scope: string;
  readonly line: string;
  /**
   * The canonical spelling of the participant's address. It never changes. Line and this key identify the conversation.
   */
  readonly participantKey: string;
  /**
   * The participant's address as the provider showed it last. Before the provider has shown it, the address of the
   * first record.
   */
  readonly participant: string;
  /**
   * When the message that showed `participant` was sent or arrived; `null` before the provider has shown the address.
   */
  readonly participantSeenAt: number | null;
  readonly sender: string;
  /**
   * The key of the person's consent at all senders, as recorded last. An opt-out finds the person's conversations by
   * it.
   */
  readonly consentKey: string;
  readonly paused: boolean;
  readonly seq: number;
  readonly inboundSeq: number;
  readonly answeredSeq: number;
  /**
   * `seq` of the newest inbound message that needed an answer. That message is unanswered if this is above
   * `answeredSeq`.
   */
  readonly unansweredSeq: number;
  /** Since when the conversation has had unanswered messages; `null` if it has none. The end of a turn restarts it. */
  readonly unansweredSince: number | null;
  /** When a turn may begin. `null` while the conversation is paused. */
  readonly dueAt: number | null;
  /** A failed turn may run again from this time on. */
  readonly backoffUntil: number;
  readonly leaseWorker: string | null;
  /**
   * A worker that does not know its line. This worker waits `LEFT_TO_OTHERS_MS` after the due time, so that other
   * workers can take the conversation.
   */
  readonly setAsideBy: string | null;
  readonly writtenAt: number;
  readonly fence: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Raised by the database with each change; `0` for a row that is not inserted yet. */
  readonly version: number;
}

/** A message of either direction. The fields of the other direction are `null`. */
export interface MessageRow {
  readonly id: string;
  readonly conversationId: string;
  readonly seq: number;
  readonly changedSeq: number;
  readonly origin: Origin;
  /** The owned number. */
  readonly sender: string;
  readonly participant: string;
  readonly body: string;
  readonly media: readonly Media[];
  readonly createdAt: number;
  /** The key that it was recorded under; `null` for messages of the AI and for auto-replies. */
  readonly key: string | null;
  // Inbound.
  readonly providerMessageId: string | null;
  readonly occurredAt: number | null;
  readonly needsAnswer: boolean | null;
  readonly autoReplyId: string | null;
  // Outbound.
  readonly status: DeliveryStatus | null;
  readonly error: MessageError | null;
  readonly groupId: string | null;
  readonly part: number | null;
  readonly parts: number | null;
  readonly turnId: string | null;
  readonly attempts: number | null;
  readonly providerMessageIds: readonly string[] | null;
  readonly encoding: OutboundMessage["encoding"] | null;
  readonly segments: number | null;
  /** If the message has not left by this time, it is cancelled. */
  readonly expiresAt: number | null;
  /** It may not be sent before this time, because of a refusal or a condition. */
  readonly notBefore: number | null;
  /** Until when it waits for an earlier message whose state is unknown; `0` if it does not wait. */
  readonly orderUntil: number | null;
  readonly unknownSince: number | null;
  /** When the worker next looks the message up in the provider's list, while its state is unknown. */
  readonly settleAt: number | null;
  /** The provider's clock at the first look-up since the state became unknown. */
  readonly evidenceSince: number | null;
  /** The message's reservation at the rate limit of its sender. */
  readonly reservedKey: string | null;
  readonly reservedAt: number | null;
  readonly reservedEpoch: number | null;
  /** When the worker must send it or look it up; `null` if it waits for another message, or if its status is final. */
  readonly dueAt: number | null;
  readonly writtenAt: number;
  /** Of outbound messages: the conversation's `scope` when the due time was set. */
  readonly scope: string | null;
  /** Of outbound messages: the conversation's `setAsideBy` when the due time was set. */
  readonly setAsideBy: string | null;
}

/** One request to the provider. */
export interface AttemptRow {
  readonly outboundId: string;
  readonly conversationId: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly status: AttemptStatus;
  readonly providerMessageId: string | null;
  readonly error: MessageError | null;
  readonly startedAt: number;
  /**
   * Set only if the clock was wrong when the attempt began: it began after this time, and at `startedAt` at the latest.
   */
  readonly startedAfter: number | null;
  /** The worker that makes the request; `null` when the request is over, and for an auto-reply. */
  readonly worker: string | null;
}

/** A delivery event of an attempt. */
export interface EventRow {
  readonly outboundId: string;
  readonly conversationId: string;
  readonly attempt: number;
  /** 0 for the first event of its attempt. */
  readonly position: number;
  readonly providerMessageId: string;
  readonly status: ProviderStatus;
  readonly rawStatus: string;
  readonly error: MessageError | null;
  readonly at: number;
  /** How often the provider reported it. */
  readonly times: number;
}

/** A turn answers the messages that need an answer from `firstSeq` to `throughSeq`. */
export interface TurnRow {
  readonly id: string;
  readonly conversationId: string;
  readonly firstSeq: number;
  readonly throughSeq: number;
  /** How many earlier turns began with the same message. */
  readonly repetition: number;
  readonly runs: number;
  readonly failures: number;
  readonly superseded: number;
  readonly crashes: number;
  /** Why the last failed run failed. */
  readonly error: MessageError | null;
  readonly outcome: TurnOutcome | null;
  readonly createdAt: number;
  readonly committedAt: number | null;
}

export type KeyKind = "inbound" | "outbound" | "provider";

/** What was recorded under a key. The row stays for ever, even if the message that it refers to is erased. */
export interface KeyRow {
  readonly kind: KeyKind;
  readonly key: string;
  /** The id of the inbound message, the message group or the outbound message; `null` when that is erased. */
  readonly ref: string | null;
  /** Of a provider's id: the number of the attempt. */
  readonly attempt: number | null;
  /** Of a `send()`: a keyed digest of its content; `null` when that is erased, and for other kinds. */
  readonly content: string | null;
  /** The call that made the row. If this call is repeated after a lost answer, it gets its first answer. */
  readonly call: string;
}

export interface ConsentRow {
  readonly key: string;
  readonly state: ConsentState;
  readonly source: ConsentSource;
  /**
   * Of an opt-out at a number: the key of the Messaging Service that received it. A START to this service lifts the
   * opt-out.
   */
  readonly service: string | null;
  /**
   * Of an opt-out: the provider itself blocks the person. A YES only lifts such a block; it changes no other opt-out.
   */
  readonly providerBlocks: boolean;
  readonly changedAt: number;
  readonly version: number;
}

export interface CounterRow {
  readonly key: string;
  readonly charged: number;
  readonly endsAt: number;
  /** When its window began. */
  readonly writtenAt: number;
}

/** The state of a sender's rate limit. */
export interface RateLimitRow {
  readonly key: string;
  /** When the next reservation begins. */
  readonly freeAt: number;
  /** No message may leave before this time. It is set by the message that left last, or by the provider's 429. */
  readonly usedUntil: number;
  /** Rises when the provider asks the sender to slow down. Reservations of an earlier epoch are void. */
  readonly epoch: number;
  readonly writtenAt: number;
  readonly version: number;
}

export interface WorkerRow {
  readonly id: string;
  /** The scope of all leases and attempts that the worker holds. */
  readonly scope: string;
  readonly aliveUntil: number;
  readonly writtenAt: number;
}

export interface SweepRow {
  readonly sender: string;
  /** Time of the provider's clock up to which the sweep has seen every message. */
  readonly watermark: number | null;
  readonly fence: number;
  /** When the open claim ends; `null` if no claim is open. */
  readonly claimedUntil: number | null;
  readonly committedAt: number | null;
  readonly writtenAt: number;
  readonly version: number;
}

/** The tables by name. */
export interface Tables {
  readonly conversations: ConversationRow;
  readonly messages: MessageRow;
  readonly attempts: AttemptRow;
  readonly events: EventRow;
  readonly turns: TurnRow;
  readonly keys: KeyRow;
  readonly consents: ConsentRow;
  readonly counters: CounterRow;
  readonly rateLimits: RateLimitRow;
  readonly workers: WorkerRow;
  readonly sweeps: SweepRow;
}

export type Table = keyof Tables;

/** The fields of each table's primary key. */
export const PRIMARY_KEYS: { readonly [T in Table]: readonly (keyof Tables[T] & string)[] } = {
  conversations: ["id"],
  messages: ["id"],
  attempts: ["outboundId", "attempt"],
  events: ["outboundId", "attempt", "position"],
  turns: ["id"],
  keys: ["kind", "key"],
  consents: ["key"],
  counters: ["key"],
  rateLimits: ["key"],
  workers: ["id"],
  sweeps: ["sender"],
};

/** The tables in the order in which the databases read and write them. */
export const TABLES: readonly Table[] = [
  "conversations",
  "messages",
  "attempts",
  "events",
  "turns",
  "keys",
  "consents",
  "counters",
  "rateLimits",
  "workers",
  "sweeps",
];
