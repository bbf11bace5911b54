import type { MessageError } from "./message.ts";

/**
 * A conversation between one line and one person. Two spellings of the person's number belong to the same conversation.
 */
export interface Conversation {
  /** Unique, safe in a URL, without information about the person. */
  readonly id: string;
  /** The configured sender: a number, a short code, a channel address or a Messaging Service. */
  readonly line: string;
  /**
   * The number that replies leave from: the number that the person texted last. It equals `line`, unless `line` is a
   * Messaging Service.
   */
  readonly sender: string;
  /**
   * The person's address in the spelling that the provider sent last. Until the provider has sent one, it has the
   * spelling that was given first. It may change where a number has two spellings, as Brazilian mobiles have.
   */
  readonly participant: string;
  /** Whether an operator has taken over, so that the AI is silent. */
  readonly paused: boolean;
  /** The conversation's position: the highest `seq` and `changedSeq` given so far. */
  readonly seq: number;
  /** `seq` of the newest inbound text; 0 where there is none. */
  readonly inboundSeq: number;
  /** All inbound texts up to this `seq` are answered, or need no answer. */
  readonly answeredSeq: number;
  /** Unix milliseconds by the storage's clock. */
  readonly createdAt: number;
  /** Unix milliseconds of the newest message. */
  readonly updatedAt: number;
}

/** One piece of work for the AI: the inbound texts that it answers, and the reply that it commits. */
export interface Turn {
  /** Made from the id of the first text that the turn answers; the same in each run. */
  readonly id: string;
  readonly conversationId: string;
  /** How often the turn was started. The AI's tools may have acted in each run. */
  readonly runs: number;
  /** Runs that failed: the AI failed, or the ledger could not store the answer. */
  readonly failures: number;
  /** Runs that ended because a newer text came. */
  readonly superseded: number;
  /**
   * Why the last failed run failed; `null` where no run has failed. The reason contains no phone number and no text.
   */
  readonly error: MessageError | null;
  /** The newest inbound `seq` that the last run saw. */
  readonly throughSeq: number;
  /** `null` while the turn is open. */
  readonly outcome: TurnOutcome | null;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly committedAt: number | null;
}

/**
 * How a turn ended: with the AI's reply, with the fallback text after the AI failed, with silence (of the AI or by a
 * policy), or with a hand-off to an operator. `cancelled`: by STOP, an erasure or `resume`. `failed`: the ledger could
 * store neither the answer nor the fallback text, so nothing was sent.
 */
export type TurnOutcome = "replied" | "fallback" | "silent" | "handed-off" | "cancelled" | "failed";
