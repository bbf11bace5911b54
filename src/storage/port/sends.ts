import type { ProviderStatus } from "../../model/delivery-status.ts";
import type { MessageError, OutboundMessage } from "../../model/message.ts";
import type { ConsentKeys } from "./arrivals.ts";
import type { SendConditions } from "./conditions.ts";
import type { UnknownAttempt } from "./turns.ts";

/*
 * The port's words, part of storage.ts: how a message is sent, and what became of it.
 */

/** A counter whose window is open. */
export interface OpenCounter {
  readonly key: string;
  /** What was charged in this window. */
  readonly count: number;
  /** How long the window stays open, in milliseconds, by the storage's clock. Above 0. */
  readonly endsInMs: number;
}

export interface SendClaim {
  readonly callId: string;
  /** A message of another scope is `gone`. */
  readonly scope: string;
  readonly workerId: string;
  readonly leaseMs: number;
  readonly outboundId: string;
  readonly orderWaitMs: number;
  /**
   * A message that gets a reservation at its sender's rate limit expires so long after it. One that would expire later
   * than so long after now, or after its reservation, was recorded by a clock that was ahead: it expires then.
   * @default its expiry stays
   */
  readonly expiryMs?: number;
  readonly conditions: SendConditions;
  /** @default the key that the conversation is filed under */
  readonly consents?: ConsentKeys;
  /**
   * The worker does not know the message's line: the message waits so long, and then others go first. Nothing is judged
   * or charged. One that is `unknown` is looked up so much later. @default the worker knows it
   */
  readonly setAsideMs?: number;
}

/** `nextInMs`: see {@link RecordedDelivery}. */
export type ClaimedSend =
  | {
      readonly outcome: "claimed";
      readonly message: OutboundMessage;
      /** 1 for the first. */
      readonly attempt: number;
      /** Ids of earlier messages, still `unknown`, that this one overtakes. */
      readonly overtook: readonly string[];
    }
  | { readonly outcome: "waiting"; readonly retryInMs: number | null; readonly reason: string }
  | { readonly outcome: "cancelled"; readonly messages: readonly OutboundMessage[]; readonly nextInMs: number | null }
  | { readonly outcome: "gone" };

export interface SendRecord {
  readonly callId: string;
  readonly outboundId: string;
  readonly attempt: number;
  readonly result: SendResultRecord;
  /** Where a refusal opts out. @default the key that the conversation is filed under */
  readonly consents?: ConsentKeys;
}

export type SendResultRecord =
  | { readonly kind: "accepted"; readonly providerMessageId: string; readonly status: ProviderStatus }
  | {
      readonly kind: "refused";
      readonly next: "retry" | "fail" | "opt-out";
      /** For `retry`; 0 otherwise. */
      readonly retryInMs: number;
      readonly error: MessageError;
      /** The provider wants the sender to slow down; absent where it does not say so. */
      readonly backOff?: { readonly key: string; readonly forMs: number };
    }
  | { readonly kind: "unknown"; readonly lookInMs: number; readonly error: MessageError }
  | {
      readonly kind: "found";
      readonly providerMessageId: string;
      readonly status: ProviderStatus;
      /** Why the provider gave it up. @default none */
      readonly error?: MessageError | null;
      readonly retry?: RetryTerms | null;
    }
  /** `asOf`: the provider's clock when its list answered; `null` where it was not asked, or did not say. */
  | { readonly kind: "unseen"; readonly lookInMs: number; readonly asOf: number | null };

/**
 * How a message is sent again that the provider took, and then reported as not sent for now: after `firstMs`, twice as
 * long after each further attempt, at most `mostMs`.
 */
export interface RetryTerms {
  readonly firstMs: number;
  readonly mostMs: number;
}

export interface StatusRecord {
  readonly callId: string;
  readonly outboundId: string | null;
  readonly attempt: number | null;
  readonly providerMessageId: string;
  readonly status: ProviderStatus;
  /** The provider's own word. */
  readonly rawStatus: string;
  readonly error: MessageError | null;
  readonly optOut: boolean;
  /** Where it opts out. @default the key that the conversation is filed under */
  readonly consents?: ConsentKeys;
  /**
   * Given where this failure is temporary: nothing was sent, and the same message may be sent again. @default it is
   * final
   */
  readonly retry?: RetryTerms | null;
}

export interface RecordedDelivery {
  /**
   * `unmatched`: no such message or attempt, or it was erased. `repeated`: known already, nothing changed but an
   * event's count.
   */
  readonly outcome: "recorded" | "repeated" | "unmatched";
  /** As it is now. */
  readonly message: OutboundMessage | null;
  /** Whether its status is another than before. */
  readonly changed: boolean;
  /** The provider has this message under more than one id, those of earlier attempts that failed aside. */
  readonly duplicate: boolean;
  /** What was stopped with it: later parts, or everything after an opt-out. */
  readonly cancelled: readonly OutboundMessage[];
  readonly consentChanged: boolean;
  /**
   * Milliseconds until the conversation's next message is due, itself or one that waited for it, 0 for now; `null`
   * where none is. The confirmation of an opt-out does not count.
   */
  readonly nextInMs: number | null;
}

export interface CompetingAttemptsQuery {
  readonly outboundId: string;
  readonly providerMessageIds: readonly string[];
}

export interface CompetingAttempts {
  readonly attempts: readonly UnknownAttempt[];
  /** Those of the asked ids that are known. */
  readonly known: readonly string[];
}
