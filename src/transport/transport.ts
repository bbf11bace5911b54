import type { ProviderStatus } from "../model/delivery-status.ts";
import type { Media, MessageError } from "../model/message.ts";

/**
 * A provider: sends texts from numbers that the account owns, and understands what the provider posts to us.
 *
 * A transport keeps no state and never decides: what may be sent, when, and how often is settled before it is called.
 */
export interface Transport {
  /** For logs and errors, for example `twilio`. */
  readonly name: string;
  readonly capabilities: TransportCapabilities;

  /**
   * Hands one text to the provider, once. Never repeats a request by itself, and never throws for what the provider or
   * the network did: every outcome is a {@link SendResult}. A request whose answer did not come is `unknown`.
   */
  send(request: SendRequest): Promise<SendResult>;

  /**
   * Verifies and reads what the provider posted. One method, so that nothing unverified can be read by mistake: only a
   * request with a valid signature comes back as anything but `rejected`.
   */
  receive(request: WebhookRequest): Promise<ReceivedWebhook>;

  /** The provider's own form of "thank you", with the auto-reply in it where there is one. */
  acknowledge(autoReply: SendRequest | null): Response;

  /**
   * Whether {@link Transport.acknowledge} can carry this auto-reply: it throws where not, and has no other effect. The
   * engine asks before the commit, and stores the person's message without a reply that cannot be carried. Leave it
   * out where every text can be carried.
   *
   * @throws OwnlineError `invalid_message` that says why
   */
  checkAutoReply?(autoReply: SendRequest): void;

  /**
   * Texts of ours that the provider knows: the evidence for sends whose answer was lost. Called only where
   * {@link TransportCapabilities.lists}.
   *
   * @throws OwnlineError `transport_unavailable` (retryable) or `transport_rejected` where the list could not be read.
   */
  find(query: FindQuery): Promise<FoundMessages>;

  /**
   * Texts that people sent to one of our numbers: for finding webhooks that never came. Called only where
   * {@link TransportCapabilities.lists}.
   *
   * @throws OwnlineError `transport_unavailable` (retryable) or `transport_rejected` where the list could not be read.
   */
  listInbound(query: ListInboundQuery): Promise<ListedTexts>;

  /**
   * The numbers that the account owns and may send from: of the account of `address`, where there are several. There
   * the answer may hold that address alone.
   */
  senders(address?: string): Promise<readonly OwnedSender[]>;
}

/** What a provider can do, as data. */
export interface TransportCapabilities {
  /** The longest body in UTF-16 code units. Twilio: 1600, https://www.twilio.com/docs/api/errors/21617 */
  readonly maxBodyLength: number;
  /** The most media in one message; 0 for none. */
  readonly maxMedia: number;
  /** Whether the provider reports on a message after taking it. */
  readonly statusCallbacks: boolean;
  /** Whether a reply can ride on the webhook's answer. */
  readonly autoReply: boolean;
  /** Whether the provider can be asked what it has: `find` and `listInbound`. */
  readonly lists: boolean;
  /** Whether each sender may be of another account, so that `senders` is asked for each. @default false */
  readonly accounts?: boolean;
}

export interface SendRequest {
  /** Id and attempt come back with each status callback. */
  readonly outboundId: string;
  readonly attempt: number;
  /** The configured sender to send through: equals `from`, or is the Messaging Service that `from` belongs to. */
  readonly line: string;
  /** A number of ours. */
  readonly from: string;
  readonly to: string;
  readonly body: string;
  readonly media: readonly Media[];
  /**
   * The provider gives the text up when it has kept it for this long, so that it cannot surface hours later. Left out
   * of an auto-reply, which rides on the webhook's answer. A provider that counts in whole seconds rounds down, to 1 at
   * least.
   */
  readonly validityMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Why a provider refused, by what follows from it.
 *
 * - `retry-now`: it never looked at the message (too many requests); safe to repeat after a moment
 * - `retry-later`: it cannot take it for a while
 * - `permanent`: this message will never go
 * - `configuration`: the operator must change a setting first
 * - `opted-out`: the person does not want it
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
      /** The cause lies with the account (credentials, suspension), not with this message. */
      readonly wholeAccount: boolean;
      /** What the provider asked for; `null` where it did not say. */
      readonly retryAfterMs: number | null;
      /** The sender was too fast: its other messages have to slow down too. */
      readonly tooFast?: boolean;
      readonly error: MessageError;
    }
  | { readonly kind: "unknown"; readonly error: MessageError };

/** What the HTTP layer hands over: the request as it came, its body read and bounded. */
export interface WebhookRequest {
  readonly method: string;
  /** As the server saw it. Behind a proxy not what the provider called. */
  readonly url: string;
  readonly headers: Headers;
  /** The raw bytes as UTF-8 text. */
  readonly body: string;
}

export type ReceivedWebhook =
  | { readonly kind: "inbound"; readonly text: InboundText }
  | { readonly kind: "status"; readonly callback: StatusCallback }
  /** Genuine, but nothing that we handle; acknowledged. */
  | {
      readonly kind: "ignored";
      readonly reason: string;
      /** A line for our log, where an operator should change a setting: what came, and who must do what. No secrets. */
      readonly log?: string;
    }
  | WebhookRejection;

export interface WebhookRejection {
  readonly kind: "rejected";
  readonly httpStatus: 400 | 403 | 405 | 413 | 415 | 500 | 503;
  /** A sentence for the caller, without a secret in it. */
  readonly reason: string;
  /** A line for our log: what was tried, the likely cause, who must do what. No secrets. */
  readonly log: string;
}

/** A text from a person, as the provider reported it. */
export interface InboundText {
  /** Unique within the provider for ever; `account:id`. */
  readonly key: string;
  readonly providerMessageId: string;
  readonly from: string;
  readonly to: string;
  /** The Messaging Service that received it, if one did. */
  readonly service: string | null;
  readonly body: string;
  readonly media: readonly Media[];
  /** The provider saw STOP, START or HELP and has already replied. */
  readonly optOut: "STOP" | "START" | "HELP" | null;
  /** Unix milliseconds by the provider's clock; `null` where it does not say. */
  readonly occurredAt: number | null;
}

/** What the provider reports about a text of ours. */
export interface StatusCallback {
  readonly outboundId: string | null;
  readonly attempt: number | null;
  readonly providerMessageId: string;
  readonly status: ProviderStatus;
  readonly rawStatus: string;
  readonly error: MessageError | null;
  /**
   * The sender that the request may report about, where the transport has several accounts. The engine then ignores it
   * for a message that left from another sender. @default any message
   */
  readonly sender?: { readonly from: string | null; readonly service: string | null };
  /** The report says that the person has opted out. */
  readonly optOut: boolean;
  /**
   * The failure is temporary: by the provider's own documentation the message was certainly not sent, and the same
   * message may be sent again. The engine then sends it again. @default false
   */
  readonly temporary?: boolean;
}

export interface FindQuery {
  readonly from: string;
  /** Left out only with `sending.unknownEarly`: then messages to anybody are asked for. */
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

/** One entry of the provider's list that cannot be read. The entries beside it are listed all the same. */
export interface UnreadableEntry {
  /** The provider's id of the message; `null` where the entry has none, or one that cannot be an id. */
  readonly providerMessageId: string | null;
  /** What is wrong with the entry, for example `it has no from`: no number, no text. */
  readonly reason: string;
}

export interface ProviderMessage {
  readonly providerMessageId: string;
  /** `null` while the provider has not picked a number of a Messaging Service. */
  readonly from: string | null;
  readonly to: string;
  readonly body: string;
  /** The text without what the provider put before it, as for a trial account. @default the body alone */
  readonly bodyWithoutNotice?: string;
  /** `null` where the provider does not say, or not yet. */
  readonly mediaCount: number | null;
  readonly status: ProviderStatus;
  /** Why the provider gave it up. @default none */
  readonly error?: MessageError | null;
  /** As in {@link StatusCallback}. @default false */
  readonly temporary?: boolean;
  /** Unix milliseconds by the provider's clock. */
  readonly createdAt: number;
}

export interface ListInboundQuery {
  readonly to: string;
  /** From this moment on, Unix milliseconds by the provider's clock; or what came within the last `lastMs` by it. */
  readonly since: number | { readonly lastMs: number };
  /**
   * Which of these keys are of texts that are not stored yet: only those texts are listed. Called for a page of the
   * list at a time, with at most 1000 keys; what it rejects with ends the look.
   */
  readonly unrecorded?: (keys: readonly string[]) => Promise<readonly string[]>;
}

export interface ListedTexts {
  /** Oldest first. */
  readonly texts: readonly InboundText[];
  /** Entries that cannot be read, and that `unrecorded` does not know as stored. @default none */
  readonly unreadable?: readonly UnreadableEntry[];
  /** The provider's clock when it began to answer, Unix milliseconds; `null` where it does not say. */
  readonly asOf: number | null;
}

export interface OwnedSender {
  readonly address: string;
  readonly capabilities: readonly ("sms" | "mms" | "voice")[];
  /** Where the provider posts inbound texts for it; empty where nowhere. */
  readonly webhookUrl: string;
  /** Whether that is this transport's own webhook; absent where the transport cannot know. */
  readonly posts?: "here" | "elsewhere";
}
