import type { Conversation, Turn, TurnOutcome } from "../../model/conversation.ts";
import type { InboundMessage, Message, MessageError, OutboundMessage } from "../../model/message.ts";
import type { PartRecord } from "./arrivals.ts";

/*
 * The port's words, part of storage.ts: who answers what, and what is due.
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
  /** Runs of this turn that died with their process. */
  readonly crashes: number;
  readonly fence: number;
  /** The texts to answer, by `seq`. At least one. */
  readonly messages: readonly InboundMessage[];
  /**
   * The newest messages of the conversation, of either direction and in any state, by `seq`: at most `historyLimit`.
   * `null` where none were asked for, where the claim is repeated, and where other workers took the first
   * conversations: then `messages()` has them.
   */
  readonly history: readonly Message[] | null;
  /** How long the first of them has been waiting: since `unansweredSince`. */
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
  /** Give way to a newer text. */
  readonly supersede: boolean;
  readonly pause: boolean;
  /** Empty for silence. Ids are `turnId` + `-` + part. */
  readonly parts: readonly PartRecord[];
  /** Why the fallback text stands in for an answer; `null` or left out where it does not. */
  readonly error?: MessageError | null;
  readonly expiryMs: number;
}

export interface CommittedTurn {
  readonly outcome: "committed" | "superseded" | "lost";
  /** The reply's parts. Empty unless committed. */
  readonly messages: readonly OutboundMessage[];
  readonly conversation: Conversation | null;
  /** Milliseconds until the first of the messages is due, 0 for now; `null` where it waits for another one. */
  readonly dueInMs: number | null;
  /** Milliseconds until the conversation's next turn is due, 0 for now; `null` where none is. */
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
  /** Why the run failed, for `explain()`; `null` or left out where it did not. */
  readonly error?: MessageError | null;
}

export interface Heartbeat {
  readonly callId: string;
  /** Only workers of this scope are judged expired. */
  readonly scope: string;
  readonly workerId: string;
  readonly leaseMs: number;
  /** When a message whose worker died is looked at first. */
  readonly lookInMs: number;
}

export interface HeartbeatAnswer {
  readonly leases: readonly HeldLease[];
  /** Messages that became `unknown` because their worker died. */
  readonly unsettled: readonly OutboundMessage[];
  /** Conversations that were taken back from expired workers. */
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
  /** What it has set aside itself is left out until others had time for it. */
  readonly workerId: string;
  /** The most messages. */
  readonly limit: number;
}

export interface DueWork {
  readonly messages: readonly DueMessage[];
  /** Whether a conversation waits to be claimed now. */
  readonly turns: boolean;
  /** Milliseconds until the next thing that is not due yet becomes due; `null` where nothing will. */
  readonly nextInMs: number | null;
}

export interface DueMessage {
  /** `waiting`: to be sent. `unknown`: to be looked for, or its window is over. */
  readonly message: OutboundMessage;
  readonly conversation: Conversation;
  readonly consentKey: string;
  /** `null` unless the message is `unknown`. */
  readonly unknown: UnknownState | null;
}

export interface UnknownState {
  /** How long it has been `unknown`, by the storage's clock. */
  readonly forMs: number;
  /** The provider's clock at the first look into its list that answered, Unix milliseconds; `null` before it. */
  readonly evidenceSince: number | null;
  /** Its attempts in `unknown`, oldest first. */
  readonly attempts: readonly UnknownAttempt[];
}

/** When an attempt began, Unix milliseconds by the storage's clock. */
export interface UnknownAttempt {
  readonly outboundId: string;
  readonly attempt: number;
  /** Where `startedAfter` is given: at the latest. */
  readonly startedAt: number;
  /**
   * It began after this time, since the clock by which it began was wrong: the provider's list is searched from here.
   * `0`: nothing is known. @default `startedAt` is right
   */
  readonly startedAfter?: number;
}
