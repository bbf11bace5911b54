import type { ConsentSource, ConsentState } from "../../model/consent.ts";
import type { Conversation } from "../../model/conversation.ts";
import type { InboundMessage, InboundOrigin, Media, OutboundMessage, OutboundOrigin } from "../../model/message.ts";
import type { SendConditions } from "./conditions.ts";

/*
 * Types of the storage port, part of storage.ts: records of received texts and of texts to send.
 */

/**
 * The keys under which a person's consent is stored and read. They are opaque, because the ledger keeps the consent
 * after it has erased the person.
 */
export interface ConsentKeys {
  /**
   * Keys of the number and of its Messaging Services. All are asked: one opt-out among them is enough. At least one.
   */
  readonly own: readonly string[];
  /** Those of `own` that belong to a Messaging Service. The first one is the service that the message came through. */
  readonly services: readonly string[];
  /** Keys of other numbers of these services. A STOP or START to the service is stored under them too. */
  readonly siblings: readonly string[];
  /**
   * The key for all senders together. Each change of consent is stored under it, and the person's conversations are
   * found by it.
   */
  readonly person: string;
  /** Whether `person` is asked too. Then an opt-out to any sender counts. */
  readonly asksPerson: boolean;
  /** The numbers and services whose waiting messages an opt-out stops, without their channel; `null` for all. */
  readonly stops: readonly string[] | null;
}

export interface InboundRecord {
  /** The call's id. A repetition of the same call gets its first answer, while that answer is stored. @default none */
  readonly callId?: string;
  /** Unique for ever: `account:MessageSid` for a webhook, `simulated:id` for a simulated text. */
  readonly key: string;
  /** The message's id, used if the text is new. */
  readonly messageId: string;
  /** The conversation's id, used if the conversation is new. */
  readonly conversationId: string;
  /** The service that answers. The conversation gets this scope. */
  readonly scope: string;
  readonly line: string;
  /** The number that was texted. Becomes the conversation's `sender`. */
  readonly sender: string;
  readonly participant: string;
  /** The key of the person's consent for the line. */
  readonly consentKey: string;
  /** @default the `consentKey` alone */
  readonly consents?: ConsentKeys;
  readonly origin: InboundOrigin;
  readonly providerMessageId: string | null;
  readonly body: string;
  readonly media: readonly Media[];
  /**
   * Unix milliseconds by the provider's clock; `null` if the provider does not give it: then the storage's clock is
   * used.
   */
  readonly occurredAt: number | null;
  readonly needsAnswer: boolean;
  readonly debounceMs: number;
  readonly maxWaitMs: number;
  readonly consent: ConsentChange | null;
  readonly autoReply: AutoReplyRecord | null;
  /** The confirmation of an opt-out, if it cannot go in a webhook's response. @default none */
  readonly confirmation?: ConfirmationRecord;
}

export interface ConsentChange {
  readonly state: ConsentState;
  readonly source: ConsentSource;
  /** Unix milliseconds. Given for an `opted-out` that was found late: see {@link Storage.recordInbound}. */
  readonly unlessSince?: number;
  /** For an opt-out: whether the provider itself blocks the person from now on. @default false */
  readonly providerBlocks?: boolean;
  /** For an opt-in: whether it counts only if the provider itself blocks the person. @default false */
  readonly whereBlocked?: boolean;
}

export interface Consent extends Pick<ConsentChange, "state" | "source"> {
  /**
   * The key of the Messaging Service that an opt-out came through. A START to this service lifts it. Absent if there
   * was no service.
   */
  readonly service?: string;
  /** For an opt-out: the provider itself blocks the person. Absent if it does not. */
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

/**
 * The message that confirms an opt-out. It is sent once, although the person has opted out and even if the conversation
 * is paused.
 */
export interface ConfirmationRecord extends PartRecord {
  /** The message is cancelled if it has not left after this time. */
  readonly expiryMs: number;
}

export interface AutoReplyRecord extends PartRecord {
  readonly conditions: SendConditions;
}

export interface RecordedInbound {
  readonly outcome: "recorded" | "repeated" | "erased";
  /** `null` only if `outcome` is `erased`. */
  readonly message: InboundMessage | null;
  readonly conversation: Conversation | null;
  /** The reply that goes in the webhook's response; `null` if there is none. */
  readonly autoReply: OutboundMessage | null;
  /** The confirmation that waits to be sent. Absent if there is none. */
  readonly confirmation?: OutboundMessage;
  /** The messages that an opt-out cancelled. Empty for a repetition. */
  readonly cancelled: readonly OutboundMessage[];
  /** Whether the consent row changed its state. */
  readonly consentChanged: boolean;
  /** Milliseconds until the conversation's turn is due, 0 for now; `null` if no turn is due. */
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
  /** The key of the person's consent for the line. */
  readonly consentKey: string;
  /** @default the `consentKey` alone */
  readonly consents?: ConsentKeys;
  readonly origin: Exclude<OutboundOrigin, "ai" | "auto-reply" | "system">;
  /**
   * A keyed digest of the message that the caller passed. If the same key comes with another digest, the outcome is
   * `reused`.
   */
  readonly content: string;
  /** At least one. */
  readonly parts: readonly PartRecord[];
  /** A waiting message that has not left after this time is cancelled. */
  readonly expiryMs: number;
}

export interface RecordedOutbound {
  readonly outcome: "recorded" | "repeated" | "reused" | "opted-out" | "erased";
  /** The messages that are recorded under the key. */
  readonly messages: readonly OutboundMessage[];
  readonly conversation: Conversation | null;
  /**
   * Milliseconds until the first of the messages is due, 0 for now; `null` if it waits for another message, or has
   * left.
   */
  readonly dueInMs: number | null;
}
