import type { Conversation, Turn, TurnOutcome } from "../../model/conversation.ts";
import type { InboundMessage, Message, MessageError, OutboundMessage } from "../../model/message.ts";
import type { PartRecord } from "./arrivals.ts";

/*
 * Types of the storage port, part of storage.ts: turns, heartbeats, and due work.
 */

export interface TurnClaim {
  readonly callId: string;
  /** Only conversations of this scope are claimed. */
  readonly scope: string;
  readonly workerId: string;
  readonly leaseMs: number;
  /** At least 1. */
  readonly limit: number;
  /** How many of a conversation's newest messages come with its turn. At least 1. @default none, `history` is `null` */
  readonly historyLimit?: number;
}

export interface ClaimedTurn {
  readonly conversation: Conversation;
  readonly turn: Turn;
  /** How many runs of this turn ended because their worker expired. */
  readonly crashes: number;
  readonly fence: number;
  /** The texts to answer, by `seq`. At least one. */
  readonly messages: readonly InboundMessage[];
  /**
   * The newest messages of the conversation, of either direction and in any state, by `seq`: at most `historyLimit`.
   * `null` if no history was asked for, if the claim is a repetition, or if other workers took the first conversations.
   * Then read them by `messages()`.
   */
  readonly history: readonly Message[] | null;
  /** How long the first text has been waiting: the time since `unansweredSince`. */
  readonly waitedMs: number;
}

export interface TurnCommit {
  readonly callId: string;
  readonly workerId: string;
  readonly conversationId: string;
  readonly turnId: string;
  readonly fence: number;
  readonly throughSeq: number;
  readonly outcome: Exclude<TurnOutcome, "cancelled" | "failed">;
  /** Whether a newer text supersedes this turn. */
  readonly supersede: boolean;
  readonly pause: boolean;
  /** Empty for silence. Ids are `turnId` + `-` + part. */
  readonly parts: readonly PartRecord[];
  /** Why the fallback text is sent in place of an answer; `null` or absent if it is not. */
  readonly error?: MessageError | null;
  readonly expiryMs: number;
}

export interface CommittedTurn {
  readonly outcome: "committed" | "superseded" | "lost";
  /** The reply's parts. Empty unless committed. */
  readonly messages: readonly OutboundMessage[];
  readonly conversation: Conversation | null;
  /** Milliseconds until the first of the messages is due, 0 for now; `null` if it waits for another message. */
  readonly dueInMs: number | null;
  /** Milliseconds until the conversation's next turn is due, 0 for now; `null` if none is due. */
  readonly turnInMs: number | null;
}

export interface TurnRelease {
  readonly callId: string;
  readonly workerId: string;
  readonly conversationId: string;
  readonly turnId: string;
  readonly fence: number;
  /** `given-up`: the turn ends as `failed`, without a reply, and is not run again; `retryInMs` does not count. */
  readonly reason: "failed" | "superseded" | "stopped" | "given-up" | "unknown-line";
  readonly retryInMs: number;
  /** Why the run failed, for `explain()`; `null` or absent if it did not fail. */
  readonly error?: MessageError | null;
}

export interface Heartbeat {
  readonly callId: string;
  /** Only workers of this scope are judged expired. */
  readonly scope: string;
  readonly workerId: string;
  readonly leaseMs: number;
  /** How soon a message whose worker has expired is first looked up, in milliseconds. */
  readonly lookInMs: number;
}

export interface HeartbeatAnswer {
  readonly leases: readonly HeldLease[];
  /** Messages that became `unknown` because their worker expired. */
  readonly unsettled: readonly OutboundMessage[];
  /** How many conversations were reclaimed from expired workers. */
  readonly recovered: number;
}

export interface HeldLease {
  readonly conversationId: string;
  readonly turnId: string;
  readonly fence: number;
  /** `seq` of the newest text that needs an answer. */
  readonly unansweredSeq: number;
}

export interface DueQuery {
  readonly scope: string;
  /** The asking worker. Work that it has set aside is left out until others had time for it. */
  readonly workerId: string;
  /** The greatest number of messages. */
  readonly limit: number;
}

export interface DueWork {
  readonly messages: readonly DueMessage[];
  /** Whether a conversation can be claimed now. */
  readonly turns: boolean;
  /** Milliseconds until the next work that is not due yet becomes due; `null` if there is none. */
  readonly nextInMs: number | null;
}

export interface DueMessage {
  /**
   * In `waiting`: the worker sends it. In `unknown`: the worker looks it up, or settles it because its window is over.
   */
  readonly message: OutboundMessage;
  readonly conversation: Conversation;
  readonly consentKey: string;
  /** `null` unless the message is `unknown`. */
  readonly unknown: UnknownState | null;
}

export interface UnknownState {
  /** How long it has been `unknown`, by the storage's clock. */
  readonly forMs: number;
  /** The provider's clock at the first successful read of its list, Unix milliseconds; `null` before that. */
  readonly evidenceSince: number | null;
  /** Its attempts in `unknown`, oldest first. */
  readonly attempts: readonly UnknownAttempt[];
}

/** When an attempt began, Unix milliseconds by the storage's clock. */
export interface UnknownAttempt {
  readonly outboundId: string;
  readonly attempt: number;
  /** When it began. If `startedAfter` is given, it began at `startedAt` at the latest. */
  readonly startedAt: number;
  /**
   * Given if the clock was wrong when the attempt began: it began after this time, and the provider's list is searched
   * from this time. `0`: nothing is known. @default `startedAt` is right
   */
  readonly startedAfter?: number;
}
