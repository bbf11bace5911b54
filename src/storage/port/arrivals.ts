import type { ConsentSource, ConsentState } from "../../model/consent.ts";
import type { Conversation } from "../../model/conversation.ts";
import type { InboundMessage, InboundOrigin, Media, OutboundMessage, OutboundOrigin } from "../../model/message.ts";
import type { SendConditions } from "./conditions.ts";

/*
 * The port's words, part of storage.ts: what is stored of a text that came, and of one that is to be sent.
 */

/**
 * Where a person's consent is filed and asked. All of these are opaque keys, since the ledger keeps consent when it has
 * forgotten the person.
 */
export interface ConsentKeys {
  /** Of the number and of its Messaging Services. All are asked: one opt-out among them counts. At least one. */
  readonly own: readonly string[];
  /** Those of `own` that belong to a Messaging Service. The first one is where the message came through. */
  readonly services: readonly string[];
  /** Of other numbers of these services: what is said to the service is filed for them too. */
  readonly siblings: readonly string[];
  /**
   * Of all senders together. Each change of consent is filed under it, and the person's conversations are found by it.
   */
  readonly person: string;
  /** Whether `person` is asked too: an opt-out to any sender counts then. */
  readonly asksPerson: boolean;
  /** The numbers and services whose waiting messages an opt-out stops, without their channel; `null` for all. */
  readonly stops: readonly string[] | null;
}

export interface InboundRecord {
  /** The call's id. A repetition of the same call gets its first answer, as long as that is kept. @default none */
  readonly callId?: string;
  /** Unique for ever: `account:MessageSid` for a webhook, `simulated:id` for a simulated text. */
  readonly key: string;
  /** Taken if the text is new. */
  readonly messageId: string;
  /** Taken if the conversation is new. */
  readonly conversationId: string;
  /** The service that answers. The conversation is filed under it. */
  readonly scope: string;
  readonly line: string;
  /** The number that was texted. Becomes the conversation's `sender`. */
  readonly sender: string;
  readonly participant: string;
  /** Of the line. */
  readonly consentKey: string;
  /** @default the `consentKey` alone */
  readonly consents?: ConsentKeys;
  readonly origin: InboundOrigin;
  readonly providerMessageId: string | null;
  readonly body: string;
  readonly media: readonly Media[];
  /** Unix milliseconds by the provider's clock; `null` where it does not say: then the storage's clock counts. */
  readonly occurredAt: number | null;
  readonly needsAnswer: boolean;
  readonly debounceMs: number;
  readonly maxWaitMs: number;
  readonly consent: ConsentChange | null;
  readonly autoReply: AutoReplyRecord | null;
  /** The confirmation of an opt-out, where no webhook's answer can carry it. @default none */
  readonly confirmation?: ConfirmationRecord;
}

export interface ConsentChange {
  readonly state: ConsentState;
  readonly source: ConsentSource;
  /** Unix milliseconds. Given for an `opted-out` that was found late: see {@link Storage.recordInbound}. */
  readonly unlessSince?: number;
  /** Of an opt-out: whether the provider itself blocks the person from now on. @default false */
  readonly providerBlocks?: boolean;
  /** Of an opt-in: it counts only where the provider itself blocks the person. @default false */
  readonly whereBlocked?: boolean;
}

export interface Consent extends Pick<ConsentChange, "state" | "source"> {
  /**
   * The key of the Messaging Service that an opt-out came through: a START to the service lifts it. Absent for none.
   */
  readonly service?: string;
  /** Of an opt-out: the provider itself blocks the person. Absent where it does not. */
  readonly providerBlocks?: true;
  /** Unix milliseconds. */
  readonly changedAt: number;
}

/** One part of a message to be sent. */
export interface PartRecord {
  readonly id: string;
  readonly body: string;
  readonly media: readonly Media[];
  readonly encoding: "GSM-7" | "UCS-2";
  readonly segments: number;
}

/** A message by which an opt-out is confirmed: it leaves once, past the opt-out and a pause. */
export interface ConfirmationRecord extends PartRecord {
  /** It is cancelled where it has not left after this long. */
  readonly expiryMs: number;
}

export interface AutoReplyRecord extends PartRecord {
  readonly conditions: SendConditions;
}

export interface RecordedInbound {
  readonly outcome: "recorded" | "repeated" | "erased";
  /** `null` only when erased. */
  readonly message: InboundMessage | null;
  readonly conversation: Conversation | null;
  /** The reply that rides on the webhook's answer, `null` where none does. */
  readonly autoReply: OutboundMessage | null;
  /** The confirmation that waits to leave. Absent where none does. */
  readonly confirmation?: OutboundMessage;
  /** What an opt-out stopped. Empty for a repetition. */
  readonly cancelled: readonly OutboundMessage[];
  /** Whether the consent row changed its state. */
  readonly consentChanged: boolean;
  /** Milliseconds until the conversation's turn is due, 0 for now; `null` where none is. */
  readonly turnInMs: number | null;
}

export interface OutboundRecord {
  /** See {@link InboundRecord}. */
  readonly callId?: string;
  readonly key: string;
  readonly groupId: string;
  readonly conversationId: string;
  /** See {@link InboundRecord}. */
  readonly scope: string;
  readonly line: string;
  readonly sender: string;
  readonly participant: string;
  /** Of the line. */
  readonly consentKey: string;
  /** @default the `consentKey` alone */
  readonly consents?: ConsentKeys;
  readonly origin: Exclude<OutboundOrigin, "ai" | "auto-reply" | "system">;
  /** A keyed digest of what the caller asked for. Another one under the same key is `reused`. */
  readonly content: string;
  /** At least one. */
  readonly parts: readonly PartRecord[];
  /** After this long a waiting message that has not left is cancelled. */
  readonly expiryMs: number;
}

export interface RecordedOutbound {
  readonly outcome: "recorded" | "repeated" | "reused" | "opted-out" | "erased";
  /** What is recorded under the key. */
  readonly messages: readonly OutboundMessage[];
  readonly conversation: Conversation | null;
  /**
   * Milliseconds until the first of the messages is due, 0 for now; `null` where it waits for another one, or has left.
   */
  readonly dueInMs: number | null;
}
