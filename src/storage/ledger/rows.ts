import type { ConsentSource, ConsentState } from "../../model/consent.ts";
import type { TurnOutcome } from "../../model/conversation.ts";
import type { AttemptStatus, DeliveryStatus, ProviderStatus } from "../../model/delivery-status.ts";
import type { Media, MessageError, Origin, OutboundMessage } from "../../model/message.ts";

/*
 * The rows of the ledger as every database keeps them: flat, with plain values. Times are Unix milliseconds by the
 * database's clock. What a field means stands here once; a database may keep a field in any form that gives it back.
 *
 * A row whose times decide when something may happen keeps in `writtenAt` the clock by which they were set last. Where
 * that clock was wrong, they are void: see `rules/clock.ts`.
 */

/** One line and one person. Every change of a row that belongs to it raises its `version`. */
export interface ConversationRow {
  readonly id: string;
  /** The service that filed it last: `ownline({ scope })`. */
  readonly scope: string;
  readonly line: string;
  /** The one spelling of the participant's address. Found by line and this; never changes. */
  readonly participantKey: string;
  /** The participant's address as the provider showed it last; until then, as it was given first. */
  readonly participant: string;
  /** When the message was sent, or came, by which the provider showed `participant`; `null` before it has. */
  readonly participantSeenAt: number | null;
  readonly sender: string;
  /**
   * The key of the person's consent at all senders, as it was filed last: an opt-out finds the person's conversations.
   */
  readonly consentKey: string;
  readonly paused: boolean;
  readonly seq: number;
  readonly inboundSeq: number;
  readonly answeredSeq: number;
  /** `seq` of the newest inbound message that needed an answer. Unanswered where it is above `answeredSeq`. */
  readonly unansweredSeq: number;
  /** Since when a message has been unanswered. */
  readonly unansweredSince: number | null;
  /** When a turn may begin. A paused conversation has none. */
  readonly dueAt: number | null;
  /** A turn that failed is not run again before this time. */
  readonly backoffUntil: number;
  readonly leaseWorker: string | null;
  /** A worker that does not know its line: that one lets others go first, by {@link LEFT_TO_OTHERS_MS}. */
  readonly setAsideBy: string | null;
  readonly writtenAt: number;
  readonly fence: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Raised by the database with each change; `0` for a row that is about to be inserted. */
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
  /** The key that it was recorded under; `null` for what the AI or an auto-reply says. */
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
  /** A message that has not left by then is cancelled. */
  readonly expiresAt: number | null;
  /** A refusal or a condition forbids sending it before this time. */
  readonly notBefore: number | null;
  /** It waits until then for an earlier message whose state is unknown; `0` for not at all. */
  readonly orderUntil: number | null;
  readonly unknownSince: number | null;
  /** When a message whose state is unknown is looked up next. */
  readonly settleAt: number | null;
  /** The provider's clock at the first look-up since the state became unknown. */
  readonly evidenceSince: number | null;
  /** Its reservation at the rate limit of its sender. */
  readonly reservedKey: string | null;
  readonly reservedAt: number | null;
  readonly reservedEpoch: number | null;
  /** When the worker must send it or look it up; `null` where it waits for another message, or is done. */
  readonly dueAt: number | null;
  readonly writtenAt: number;
  /** Of outbound messages: as its conversation had it when the due time was set. */
  readonly scope: string | null;
  /** As above. */
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
  /** It began after this time and up to `startedAt`, since the clock of its beginning was wrong; else `null`. */
  readonly startedAfter: number | null;
  /** The worker that makes the request; `null` when it is over, and for an auto-reply. */
  readonly worker: string | null;
}

/** A delivery event of an attempt. */
export interface EventRow {
  readonly outboundId: string;
  readonly conversationId: string;
  readonly attempt: number;
  /** 0 for the first of its attempt. */
  readonly position: number;
  readonly providerMessageId: string;
  readonly status: ProviderStatus;
  readonly rawStatus: string;
  readonly error: MessageError | null;
  readonly at: number;
  /** How often it arrived. */
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
  /** Why the last run that failed did. */
  readonly error: MessageError | null;
  readonly outcome: TurnOutcome | null;
  readonly createdAt: number;
  readonly committedAt: number | null;
}

export type KeyKind = "inbound" | "outbound" | "provider";

/** What was recorded under a key, for ever: what it refers to may be erased. */
export interface KeyRow {
  readonly kind: KeyKind;
  readonly key: string;
  /** The inbound message, the message group or the outbound message; `null` when it is erased. */
  readonly ref: string | null;
  /** Of a provider's id: the attempt. */
  readonly attempt: number | null;
  /** Of a `send()`: a keyed digest of its content; `null` when that is erased, and for other kinds. */
  readonly content: string | null;
  /** The call that made it: when that call runs again after a lost answer, it gets its first answer. */
  readonly call: string;
}

export interface ConsentRow {
  readonly key: string;
  readonly state: ConsentState;
  readonly source: ConsentSource;
  /** Of an opt-out at a number: the key of the service that it came through. A START to the service lifts it. */
  readonly service: string | null;
  /** Of an opt-out: the provider itself blocks the person. A YES lifts such a block, and means nothing else. */
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

/** A sender's speed. */
export interface RateLimitRow {
  readonly key: string;
  /** When the next reservation begins. */
  readonly freeAt: number;
  /** Nothing may leave before: the reservation of the message that left last, or the provider's 429. */
  readonly usedUntil: number;
  /** Rises when the provider asks to slow down: earlier reservations are void. */
  readonly epoch: number;
  readonly writtenAt: number;
  readonly version: number;
}

export interface WorkerRow {
  readonly id: string;
  /** All that it holds is of this scope. */
  readonly scope: string;
  readonly aliveUntil: number;
  readonly writtenAt: number;
}

export interface SweepRow {
  readonly sender: string;
  /** Everything up to here was seen, by the provider's clock. */
  readonly watermark: number | null;
  readonly fence: number;
  /** `null` when no claim is open. */
  readonly claimedUntil: number | null;
  readonly committedAt: number | null;
  readonly writtenAt: number;
  readonly version: number;
}

/** How long the database keeps a stored answer, and a worker that holds nothing after its time is over. */
export const STORED_FOR_MS: number = 60 * 60 * 1000;

/** So much longer than others a worker waits for what it set aside, after its due time. */
export const LEFT_TO_OTHERS_MS: number = 30_000;

/** A row that was written so much later than now, or less, may come from a clock that is right. */
export const CLOCKS_APART_MS: number = 60_000;

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

/** The fields that name a row. */
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

/** The tables in the order in which they are read and written. */
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
