import type { InboundMessage, Media } from "../model/message.ts";

/**
 * What answers people. One method; may be any model, or no model at all.
 *
 * It may be called more than once for the same turn (after a crash, an error or a newer text): `turn.id` is the same
 * then and `turn.run` is not. Give `turn.id` to tools with lasting effects as their idempotency key.
 */
export interface Ai {
  /** For logs and for the page, for example the model's id. */
  readonly name: string;
  /**
   * Answers the turn's messages.
   *
   * @throws Any error: the turn is tried again with backoff, then the fallback text is sent once. An error
   * with `retryable: false` (an `OwnlineError`) goes to the fallback at once.
   */
  reply(turn: AiTurn, context: AiContext): Promise<Reply>;
}

/** One piece of work for the AI: a copy of its own, so that what it changes in it changes nothing else. */
export interface AiTurn {
  /** Stable over re-runs. */
  readonly id: string;
  /** 1 for the first run. */
  readonly run: number;
  readonly conversationId: string;
  /** The number that the reply leaves from. */
  readonly sender: string;
  /** The person's address. The form of a number that is written in two ways may change; the conversation's id stays. */
  readonly participant: string;
  /** The texts to answer, oldest first. At least one. */
  readonly messages: readonly InboundMessage[];
  /**
   * What was said before, and then `messages`: oldest first, bounded by the `history` options. The last entry is the
   * last of `messages`.
   */
  readonly history: readonly HistoryEntry[];
  /**
   * Present where the AI is asked once more in the same run, since its answer had more parts than `answer.maxParts`.
   * Answer shorter, and let no tool act again: a second answer that is too long is replaced by the fallback text.
   */
  readonly tooLong?: TooLong;
}

/** The answer that was too long to send. */
export interface TooLong {
  /** How many parts it had. */
  readonly parts: number;
  /** How many it may have. */
  readonly maxParts: number;
  /** What the AI wrote. */
  readonly text: string;
}

export interface HistoryEntry {
  /** `user`: the person. `assistant`: our side, whether the AI, a colleague or the service wrote it. */
  readonly role: "user" | "assistant";
  /** Who wrote it on our side: the AI, a colleague (`operator`), or the service. Left out: the AI, or the person. */
  readonly author?: "ai" | "operator" | "service";
  readonly text: string;
  readonly media: readonly Media[];
  /** Unix milliseconds. */
  readonly at: number;
}

export interface AiContext {
  /** Aborted when a newer text overtakes the turn, when time is up, and when the service stops. Pass it on. */
  readonly signal: AbortSignal;
  /**
   * To be called before the first effect that cannot be undone (a booking, a payment). From then on the run is not
   * given up for a newer text.
   */
  toolStarted(): void;
}

/** A reply as an AI gives it: a text, a text with media, silence, or a hand-off to a person. */
export type Reply =
  | string
  | { readonly kind: "text"; readonly text: string; readonly media?: readonly Media[] }
  | { readonly kind: "silence" }
  /** `text`, if given, is sent; then the conversation is paused for a person. */
  | { readonly kind: "hand-off"; readonly text?: string; readonly reason?: string };

/** A plain function as an AI: the shortest way to plug anything in. */
export type AiFunction = (turn: AiTurn, context: AiContext) => Promise<Reply> | Reply;
