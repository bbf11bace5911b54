import type { Conversation } from "../../model/conversation.ts";
import type { ConsentKeys } from "./arrivals.ts";

/*
 * Types of the storage port, part of storage.ts: decisions of the policy and of operators, erasure, and sweeps.
 */

export interface Resolution {
  readonly callId: string;
  readonly outboundId: string;
  /**
   * How many attempts the message had when it was decided about; `null` for a person's decision, which always counts.
   */
  readonly attempts: number | null;
  readonly from: readonly ("unknown" | "held")[];
  readonly decision: "resend" | "sent" | "hold" | "drop";
  readonly reason: string;
  readonly expiryMs: number;
}

export interface TurnRequeue {
  readonly callId: string;
  readonly turnId: string;
  /** @default the key that the conversation is filed under */
  readonly consents?: ConsentKeys;
}

export interface RequeuedTurn {
  readonly outcome: "requeued" | "newer" | "not-failed" | "opted-out" | "unmatched";
  /** The conversation as it is now; `null` if `unmatched`. */
  readonly conversation: Conversation | null;
}

export interface UnknownMark {
  readonly callId: string;
  readonly scope: string;
  readonly limit: number;
  readonly lookInMs: number;
}

export interface PauseChange {
  readonly callId: string;
  readonly conversationId: string;
  readonly paused: boolean;
  /** Used only when `paused` is false. */
  readonly skipUnanswered: boolean;
}

export interface EraseOrder {
  readonly callId: string;
  /** In any spelling: see {@link Storage.recordInbound}. */
  readonly participant: string;
  /** `null` for all lines. */
  readonly line: string | null;
}

export interface PurgeOrder {
  readonly callId: string;
  readonly olderThanMs: number;
  readonly limit: number;
}

export interface Erased {
  readonly conversations: number;
  readonly messages: number;
}

export interface SweepClaim {
  readonly callId: string;
  readonly workerId: string;
  readonly sender: string;
  readonly everyMs: number;
  readonly leaseMs: number;
}

export interface ClaimedSweep {
  /** Unix milliseconds by the provider's clock, up to which everything was seen; `null` before the first sweep. */
  readonly watermark: number | null;
  readonly fence: number;
}

export interface SweepCommit {
  readonly callId: string;
  readonly sender: string;
  readonly fence: number;
  readonly watermark: number;
}
