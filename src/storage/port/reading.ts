import type { Conversation, Turn } from "../../model/conversation.ts";
import type { AttemptStatus, ProviderStatus } from "../../model/delivery-status.ts";
import type { InboundMessage, Message, MessageError, OutboundMessage } from "../../model/message.ts";

/*
 * Types of the storage port, part of storage.ts: pages of conversations and messages, and a message's story.
 */

export interface ConversationPage {
  readonly limit: number;
  /** The `cursor` of the page before. */
  readonly after?: string;
}

export interface ConversationList {
  readonly conversations: readonly Conversation[];
  /** The cursor of the next page; `null` on the last page. Opaque. */
  readonly cursor: string | null;
}

export type MessagePage =
  | { readonly conversationId: string; readonly limit: number; readonly after: number; readonly before?: never }
  | { readonly conversationId: string; readonly limit: number; readonly before: number; readonly after?: never };

export interface ChangePage {
  readonly conversationId: string;
  readonly after: number;
  readonly limit: number;
}

/** Everything that the ledger knows about a message. */
export interface MessageStory {
  readonly message: Message;
  readonly conversation: Conversation;
  /** The turn that answered the message, or that wrote it. */
  readonly turn: Turn | null;
  /** The texts that the turn answers; empty while no turn has claimed them. */
  readonly answers: readonly InboundMessage[];
  /** The parts that the turn, the `send()` or the auto-reply produced, by `seq`. */
  readonly replies: readonly OutboundMessage[];
  /** The attempts of the message itself, or of all replies to an inbound message. By message, then attempt. */
  readonly attempts: readonly AttemptStory[];
}

export interface AttemptStory {
  readonly outboundId: string;
  readonly attempt: number;
  readonly status: AttemptStatus;
  readonly providerMessageId: string | null;
  readonly error: MessageError | null;
  /** Unix milliseconds. */
  readonly startedAt: number;
  /**
   * Status callbacks and the provider's answers, in the order of their first arrival. An answer has its `status` as its
   * `rawStatus`.
   */
  readonly events: readonly StatusEvent[];
}

export interface StatusEvent {
  readonly providerMessageId: string;
  readonly status: ProviderStatus;
  readonly rawStatus: string;
  readonly error: MessageError | null;
  /** Unix milliseconds of the first arrival. */
  readonly at: number;
  /** How often it arrived. */
  readonly times: number;
}
