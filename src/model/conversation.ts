import type { MessageError } from "./message.ts";

/** One line of ours and one person, in either spelling of a number that is written in two ways. */
export interface Conversation {
  /** Unique, safe in a URL, says nothing about the person. */
  readonly id: string;
  /** The configured sender: a number, a short code, a channel address or a Messaging Service. */
  readonly line: string;
  /** The number that replies leave from: the one the person texted last. Equals `line` unless that is a service. */
  readonly sender: string;
  /**
   * The person's address: the form that the provider showed last, and before it has shown one, the form given first. It
   * changes where a number is written in two ways, as Brazilian mobiles are.
   */
  readonly participant: string;
  /** A person has taken over: the AI is silent. */
  readonly paused: boolean;
  /** The conversation's position: the highest `seq` and `changedSeq` given so far. */
  readonly seq: number;
  /** `seq` of the newest inbound text; 0 where there is none. */
  readonly inboundSeq: number;
  /** Everything inbound up to here is answered, or needs no answer. */
  readonly answeredSeq: number;
  /** Unix milliseconds by the storage's clock. */
  readonly createdAt: number;
  /** Unix milliseconds of the newest message. */
  readonly updatedAt: number;
}

/** One piece of AI work: the inbound texts it answers and the reply that it commits. */
export interface Turn {
  /** Derived from the first text that it answers; stable over re-runs. */
  readonly id: string;
  readonly conversationId: string;
  /** How often it was started. The AI's tools may have seen each of them. */
  readonly runs: number;
  /** Runs that failed: the AI did, or the ledger could not keep what it answered. */
  readonly failures: number;
  /** Runs that a newer text overtook. */
  readonly superseded: number;
  /** Why the last of the runs that failed did; `null` where none has. A sentence without a number or a text in it. */
  readonly error: MessageError | null;
  /** The newest inbound `seq` that the last run saw. */
  readonly throughSeq: number;
  /** `null` while it is open. */
  readonly outcome: TurnOutcome | null;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly committedAt: number | null;
}

/**
 * How a turn ended: with the AI's reply, with the fallback text after the AI failed, with silence (the AI's choice or a
 * policy's), with a hand-off to a person, by being called off (STOP, erasure, skipped by `resume`), or `failed`: the
 * ledger could keep neither the answer nor the fallback text, so nothing left.
 */
export type TurnOutcome = "replied" | "fallback" | "silent" | "handed-off" | "cancelled" | "failed";
