import type { InboundMessage, Media } from "../model/message.ts";

/**
 * An AI that answers people. It has one method, and may use any model, or no model.
 *
 * The method may be called more than once for the same turn (after a crash, an error or a newer text). Then `turn.id`
 * is the same and `turn.run` differs. Give `turn.id` to tools with lasting effects as their idempotency key.
 */
export interface Ai {
  /** The AI's name in logs and in the `turn` event, for example the model's id. */
  readonly name: string;
  /**
   * Answers the turn's messages.
   *
   * @throws Any error: the turn is tried again with backoff, then the fallback text is sent once. After an
   * `OwnlineError` with `retryable: false` the fallback text is sent at once.
   */
  reply(turn: AiTurn, context: AiContext): Promise<Reply>;
}

/** A turn that the AI answers. It is a copy, so a change in it has no effect elsewhere. */
export interface AiTurn {
  /** The same in each run of the turn. */
  readonly id: string;
  /** 1 for the first run. */
  readonly run: number;
  readonly conversationId: string;
  /** The number that the reply leaves from. */
  readonly sender: string;
  /**
   * The person's address. Where a number has two spellings, the spelling may change; the conversation's id stays the
   * same.
   */
  readonly participant: string;
  /** The texts to answer, oldest first. At least one. */
  readonly messages: readonly InboundMessage[];
  /**
   * The earlier messages, and then `messages`: oldest first, bounded by the `history` options. The last entry is the
   * last of `messages`.
   */
  readonly history: readonly HistoryEntry[];
  /**
   * Present where the AI is asked once more in the same run, because its answer had more parts than `answer.maxParts`.
   * Give a shorter answer, and let no tool act again. The fallback text replaces a second answer that is too long.
   */
  readonly tooLong?: TooLong;
}

/** The answer that was too long to send. */
export interface TooLong {
  /** How many parts the answer had. */
  readonly parts: number;
  /** How many parts an answer may have. */
  readonly maxParts: number;
  /** What the AI wrote. */
  readonly text: string;
}

export interface HistoryEntry {
  /** `user`: the person. `assistant`: the AI, an operator or the service. */
  readonly role: "user" | "assistant";
  /**
   * Who wrote an `assistant` entry: the AI, an operator, or the service. Where it is left out, the AI or the person
   * wrote the entry.
   */
  readonly author?: "ai" | "operator" | "service";
  readonly text: string;
  readonly media: readonly Media[];
  /** Unix milliseconds. */
  readonly at: number;
}

export interface AiContext {
  /**
   * Aborted when a newer text ends the run, when the time limit is reached, and when the service stops. Pass it to your
   * calls.
   */
  readonly signal: AbortSignal;
  /**
   * Call it before the first effect that cannot be undone (a booking, a payment). From then on, a newer text does not
   * end the run.
   */
  toolStarted(): void;
}

/** A reply as an AI gives it: a text, a text with media, silence, or a hand-off to an operator. */
export type Reply =
  | string
  | { readonly kind: "text"; readonly text: string; readonly media?: readonly Media[] }
  | { readonly kind: "silence" }
  /** `text`, if given, is sent; then the conversation is paused for an operator. */
  | { readonly kind: "hand-off"; readonly text?: string; readonly reason?: string };

/** A plain function as an AI. */
export type AiFunction = (turn: AiTurn, context: AiContext) => Promise<Reply> | Reply;
