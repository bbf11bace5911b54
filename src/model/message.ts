import type { DeliveryStatus } from "./delivery-status.ts";

/** A picture or file that came with, or goes with, a message. */
export interface Media {
  /**
   * The URL from which the provider fetches the media, or at which it stores them. Twilio's own media URLs need the
   * account's credentials.
   */
  readonly url: string;
  /** For example `image/jpeg`; empty where unknown. */
  readonly contentType: string;
}

/** How a text arrived: from the phone (`webhook`) or typed in the app (`simulated`). */
export type InboundOrigin = "webhook" | "simulated";

/**
 * Who wrote an outbound message: the AI, the auto-reply, an operator, the service itself, or ownline (`system`: the
 * confirmation of an opt-out that no webhook's answer can carry).
 */
export type OutboundOrigin = "ai" | "auto-reply" | "operator" | "api" | "system";

export type Origin = InboundOrigin | OutboundOrigin;

/** Why a message did not leave, or what the provider reported about it. */
export interface MessageError {
  /** The provider's code, for example Twilio's 30003; `null` where the reason is ownline's own. */
  readonly code: number | null;
  /** A sentence without phone numbers and texts. */
  readonly reason: string;
}

interface MessageBase {
  /** Unique, safe in a URL, without information about the person. */
  readonly id: string;
  readonly conversationId: string;
  /** The message's position in its conversation. It rises, with gaps. */
  readonly seq: number;
  /**
   * The conversation's position at which this message last changed. It is `seq` for a new message, and higher after
   * each change of the status. A reader that asks for everything after this number misses no change.
   */
  readonly changedSeq: number;
  readonly body: string;
  readonly media: readonly Media[];
  /** Unix milliseconds by the storage's clock. */
  readonly createdAt: number;
}

/** A text from a person: from their phone, or typed in the app. */
export interface InboundMessage extends MessageBase {
  readonly direction: "inbound";
  readonly origin: InboundOrigin;
  /** The person's address, in the spelling that this message had. */
  readonly from: string;
  /** The sender that the person texted. */
  readonly to: string;
  /** The provider's id, for example `SM…`; `null` for a simulated text. */
  readonly providerMessageId: string | null;
  /**
   * Whether a turn answers the text. `false` for STOP, HELP, a bot in a loop, and texts of a person who has opted out.
   */
  readonly needsAnswer: boolean;
  /** When the text was written, by the provider's clock where the provider gives the time; else `createdAt`. */
  readonly occurredAt: number;
}

/** An outbound message. `from` is always a configured sender. */
export interface OutboundMessage extends MessageBase {
  readonly direction: "outbound";
  readonly origin: OutboundOrigin;
  readonly from: string;
  /**
   * The person's address. While the message waits, the spelling of the number may change: see
   * `Conversation.participant`.
   */
  readonly to: string;
  readonly status: DeliveryStatus;
  /** Set when the message was cancelled, held, refused or not delivered. */
  readonly error: MessageError | null;
  /** The same for all parts of one reply or of one `send()`. */
  readonly groupId: string;
  /** 1 for the first part. */
  readonly part: number;
  readonly parts: number;
  /** The turn that the message answers; `null` where it is not an answer of the AI or the fallback text. */
  readonly turnId: string | null;
  /** How often the message was sent to the provider. */
  readonly attempts: number;
  /**
   * The provider's ids of the message, one for each attempt that the provider took. There is more than one where the
   * message was sent again after a failure, or where the provider has it more than once. A `duplicate` notice reports
   * the latter.
   */
  readonly providerMessageIds: readonly string[];
  readonly encoding: "GSM-7" | "UCS-2";
  /** How many segments the provider will count and charge, by ownline's own count. */
  readonly segments: number;
}

export type Message = InboundMessage | OutboundMessage;
