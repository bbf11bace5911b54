import type { ProviderStatus } from "../model/delivery-status.ts";
import type { Media, MessageError } from "../model/message.ts";

/**
 * The port to a provider. It sends messages from numbers that the account owns, and reads the provider's webhooks.
 *
 * A transport keeps no state and decides nothing: the engine decides what is sent, when and how often.
 */
export interface Transport {
  /** For logs and errors, for example `twilio`. */
  readonly name: string;
  readonly capabilities: TransportCapabilities;

  /**
   * Hands one message to the provider, once. Never repeats a request by itself, and never throws for an error of the
   * provider or the network: every outcome is a {@link SendResult}. A request without an answer is `unknown`.
   */
  send(request: SendRequest): Promise<SendResult>;

  /**
   * Verifies and reads a request of the provider. One method does both, so that the engine cannot read an unverified
   * request by mistake: a request without a valid signature is always `rejected`.
   */
  receive(request: WebhookRequest): Promise<ReceivedWebhook>;

  /**
   * The answer that acknowledges a webhook in the provider's own format. It carries the auto-reply where there is one.
   */
  acknowledge(autoReply: SendRequest | null): Response;

  /**
   * Checks that {@link Transport.acknowledge} can carry this auto-reply. It throws where it cannot, and has no other
   * effect. The engine calls it before the commit, and stores the person's message without a reply that cannot be
   * carried. Leave the method out where every reply can be carried.
   *
   * @throws OwnlineError `invalid_message` that says why
   */
  checkAutoReply?(autoReply: SendRequest): void;

  /**
   * Outbound messages that the provider knows: the evidence for sends whose answer was lost. Called only where
   * {@link TransportCapabilities.lists}.
   *
   * @throws OwnlineError `transport_unavailable` (retryable) or `transport_rejected` where the list could not be read.
   */
  find(query: FindQuery): Promise<FoundMessages>;

  /**
   * Messages that people sent to one sender, to find those whose webhook never came. Called only where
   * {@link TransportCapabilities.lists}.
   *
   * @throws OwnlineError `transport_unavailable` (retryable) or `transport_rejected` where the list could not be read.
   */
  listInbound(query: ListInboundQuery): Promise<ListedMessages>;

  /**
   * The numbers that the account owns and may send from. Where there are several accounts, those of the account of
   * `address`; the answer may then contain only that address.
   */
  senders(address?: string): Promise<readonly OwnedSender[]>;
}

/** What a provider can do, as data. */
export interface TransportCapabilities {
  /** The longest body in UTF-16 code units. Twilio: 1600, https://www.twilio.com/docs/api/errors/21617 */
  readonly maxBodyLength: number;
  /** The most media in one message; 0 for none. */
  readonly maxMedia: number;
  /** Whether the provider sends status callbacks after it has taken a message. */
  readonly statusCallbacks: boolean;
  /** Whether the webhook's answer can carry a reply. */
  readonly autoReply: boolean;
  /** Whether the provider has lists of its messages, for `find` and `listInbound`. */
  readonly lists: boolean;
  /**
   * Whether senders may belong to different accounts, so that the engine calls `senders` for each sender.
   * @default false
   */
  readonly accounts?: boolean;
}

export interface SendRequest {
  /** Each status callback brings back this id and the attempt. */
  readonly outboundId: string;
  readonly attempt: number;
  /** The configured sender to send through: `from` itself, or the Messaging Service that `from` belongs to. */
  readonly line: string;
  /** The sender. */
  readonly from: string;
  readonly to: string;
  readonly body: string;
  readonly media: readonly Media[];
  /**
   * The provider drops a message that it has not sent within this time, so that the message cannot arrive hours later.
   * Left out for an auto-reply, which the webhook's answer carries. A transport to a provider that counts whole seconds
   * rounds down, but to 1 at least.
   */
  readonly validityMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Why a provider refused a message, by what the engine must do next.
 *
 * - `retry-now`: the provider did not look at the message (too many requests); it is safe to repeat after a moment
 * - `retry-later`: the provider cannot take the message for some time
 * - `permanent`: the provider will never take this message
 * - `configuration`: the operator must change a setting first
 * - `opted-out`: the person has opted out
 */
export type RefusalClass = "retry-now" | "retry-later" | "permanent" | "configuration" | "opted-out";

export type SendResult =
  | {
      readonly kind: "accepted";
      readonly providerMessageId: string;
      readonly status: ProviderStatus;
      readonly rawStatus: string;
    }
  | {
      readonly kind: "refused";
      readonly refusal: RefusalClass;
      /** Whether the cause is the account (credentials, suspension), not this message. */
      readonly wholeAccount: boolean;
      /** The wait that the provider asked for; `null` where it did not ask. */
      readonly retryAfterMs: number | null;
      /** Whether the sender was too fast, so that its other messages must wait too. */
      readonly tooFast?: boolean;
      readonly error: MessageError;
    }
  | { readonly kind: "unknown"; readonly error: MessageError };

/** A request as the HTTP layer passes it to the transport. Its body is read, and its length is bounded. */
export interface WebhookRequest {
  readonly method: string;
  /** The URL as the server saw it. Behind a proxy it differs from the URL that the provider called. */
  readonly url: string;
  readonly headers: Headers;
  /** The raw bytes as UTF-8 text. */
  readonly body: string;
}

export type ReceivedWebhook =
  | { readonly kind: "inbound"; readonly message: ReceivedMessage }
  | { readonly kind: "status"; readonly callback: StatusCallback }
  /** A genuine request that ownline does not handle. It is acknowledged. */
  | {
      readonly kind: "ignored";
      readonly reason: string;
      /**
       * A log line, where an operator should change a setting: what came, and who must do what. It contains no secrets.
       */
      readonly log?: string;
    }
  | WebhookRejection;

export interface WebhookRejection {
  readonly kind: "rejected";
  readonly httpStatus: 400 | 403 | 405 | 413 | 415 | 500 | 503;
  /** A sentence for the caller. It contains no secrets. */
  readonly reason: string;
  /** A log line: what was tried, the likely cause, and who must do what. It contains no secrets. */
  readonly log: string;
}

/** A message from a person, as the provider reported it. */
export interface ReceivedMessage {
  /** Unique within the provider for ever; `account:id`. */
  readonly key: string;
  readonly providerMessageId: string;
  readonly from: string;
  readonly to: string;
  /** The Messaging Service that received it; `null` where none did. */
  readonly service: string | null;
  readonly body: string;
  readonly media: readonly Media[];
  /** Set where the provider recognised STOP, START or HELP and has already replied. */
  readonly optOut: "STOP" | "START" | "HELP" | null;
  /** Unix milliseconds by the provider's clock; `null` where the provider gives no time. */
  readonly occurredAt: number | null;
}

/** A status callback of the provider about an outbound message. */
export interface StatusCallback {
  readonly outboundId: string | null;
  readonly attempt: number | null;
  readonly providerMessageId: string;
  readonly status: ProviderStatus;
  readonly rawStatus: string;
  readonly error: MessageError | null;
  /**
   * The sender that the request may report about, where the transport has several accounts. The engine then ignores a
   * callback about a message that left from another sender. @default any message
   */
  readonly sender?: { readonly from: string | null; readonly service: string | null };
  /** Whether the callback says that the person has opted out. */
  readonly optOut: boolean;
  /**
   * Whether the failure is temporary: the provider's documentation says that the message was certainly not sent, and
   * that the same message may be sent again. The engine then sends it again. @default false
   */
  readonly temporary?: boolean;
}

export interface FindQuery {
  readonly from: string;
  /** Left out only with `sending.unknownEarly`: then messages to all people are asked for. */
  readonly to?: string;
  /** Created at or after this, Unix milliseconds by the provider's clock. */
  readonly since: number;
}

export interface FoundMessages {
  /** Newest first. */
  readonly messages: readonly ProviderMessage[];
  /** Entries that cannot be read. @default none */
  readonly unreadable?: readonly UnreadableEntry[];
  /** The provider's clock when it began to answer, Unix milliseconds; `null` where it does not say. */
  readonly asOf: number | null;
}

/** One entry of the provider's list that cannot be read. The other entries are listed. */
export interface UnreadableEntry {
  /** The provider's id of the message; `null` where the entry has none, or one that cannot be an id. */
  readonly providerMessageId: string | null;
  /** The fault of the entry, for example `it has no from`. It contains no numbers and no texts. */
  readonly reason: string;
}

export interface ProviderMessage {
  readonly providerMessageId: string;
  /** `null` while the provider has not picked a number of a Messaging Service. */
  readonly from: string | null;
  readonly to: string;
  readonly body: string;
  /** The body without a notice that the provider put before it, as for a trial account. @default the body alone */
  readonly bodyWithoutNotice?: string;
  /** `null` where the provider does not give it, or not yet. */
  readonly mediaCount: number | null;
  readonly status: ProviderStatus;
  /** Why the provider failed to deliver the message. @default none */
  readonly error?: MessageError | null;
  /** As in {@link StatusCallback}. @default false */
  readonly temporary?: boolean;
  /** Unix milliseconds by the provider's clock. */
  readonly createdAt: number;
}

export interface ListInboundQuery {
  readonly to: string;
  /**
   * Messages from this moment on, Unix milliseconds by the provider's clock; or of the last `lastMs` by that clock.
   */
  readonly since: number | { readonly lastMs: number };
  /**
   * Returns the keys whose messages are not stored yet: only those are listed. The transport calls it once for each
   * page of the list, with at most 1000 keys. Where it rejects, `listInbound` rejects with the same error.
   */
  readonly unrecorded?: (keys: readonly string[]) => Promise<readonly string[]>;
}

export interface ListedMessages {
  /** Oldest first. */
  readonly messages: readonly ReceivedMessage[];
  /** Entries that cannot be read, and whose messages are not stored. @default none */
  readonly unreadable?: readonly UnreadableEntry[];
  /** The provider's clock when it began to answer, Unix milliseconds; `null` where it does not say. */
  readonly asOf: number | null;
}

export interface OwnedSender {
  readonly address: string;
  readonly capabilities: readonly ("sms" | "mms" | "voice")[];
  /** The URL to which the provider posts messages to this sender; empty where there is none. */
  readonly webhookUrl: string;
  /** Whether that URL is this transport's own webhook; absent where the transport cannot know. */
  readonly posts?: "here" | "elsewhere";
}
