import type { DeliveryStatus } from "./delivery-status.ts";

/** A picture or file that came with, or goes with, a message. */
export interface Media {
  /** Where the provider fetches it, or keeps it. Twilio's own media URLs want the account's credentials. */
  readonly url: string;
  /** For example `image/jpeg`; empty where unknown. */
  readonly contentType: string;
}

/** How a text came to us: from the phone (`webhook`) or typed in the app (`simulated`). */
export type InboundOrigin = "webhook" | "simulated";

/**
 * Who wrote a text of ours: the AI, the TwiML auto-reply, a person who took over, the service itself, or ownline
 * (`system`: the confirmation of an opt-out that no webhook's answer can carry).
 */
export type OutboundOrigin = "ai" | "auto-reply" | "operator" | "api" | "system";

export type Origin = InboundOrigin | OutboundOrigin;

/** Why a message ended without leaving, or what the provider said about it. */
export interface MessageError {
  /** The provider's code, for example Twilio's 30003; `null` where the reason is our own. */
  readonly code: number | null;
  /** A sentence without a number or a text in it. */
  readonly reason: string;
}

interface MessageBase {
  /** Unique, safe in a URL, says nothing about the person. */
  readonly id: string;
  readonly conversationId: string;
  /** The message's place in its conversation. Rises, with gaps. */
  readonly seq: number;
  /**
   * The conversation's position at which this message last changed: its `seq` when new, higher after each change of
   * its status. A feed read "after N" by this number misses nothing.
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
  /** The person, in the form that this message had. */
  readonly from: string;
  /** The sender of ours that was texted. */
  readonly to: string;
  /** The provider's id, for example `SM…`; `null` for a simulated text. */
  readonly providerMessageId: string | null;
  /** Whether a turn answers it. Not so for STOP, HELP, a looping bot, or anything from a person who opted out. */
  readonly needsAnswer: boolean;
  /** When it was written, by the provider's clock where it says so; else `createdAt`. */
  readonly occurredAt: number;
}

/** A text of ours. `from` is always a configured sender. */
export interface OutboundMessage extends MessageBase {
  readonly direction: "outbound";
  readonly origin: OutboundOrigin;
  readonly from: string;
  /** The person. Of a message that waits, the form of the number may still change: see `Conversation.participant`. */
  readonly to: string;
  readonly status: DeliveryStatus;
  /** Set when the message was cancelled, held, refused or not delivered. */
  readonly error: MessageError | null;
  /** What belongs together: the parts of one reply or of one `send()`. */
  readonly groupId: string;
  /** 1 for the first part. */
  readonly part: number;
  readonly parts: number;
  /** The turn that it answers; `null` unless the AI (or the fallback in its stead) wrote it. */
  readonly turnId: string | null;
  /** How often it was handed to the provider. */
  readonly attempts: number;
  /**
   * The provider's ids for it, one for each attempt that it took: more than one where it was sent again after a
   * failure, or where the provider has it more than once, which a `duplicate` notice reports.
   */
  readonly providerMessageIds: readonly string[];
  readonly encoding: "GSM-7" | "UCS-2";
  /** What the provider will count and charge, by our own count. */
  readonly segments: number;
}

export type Message = InboundMessage | OutboundMessage;
