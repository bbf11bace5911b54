import type { ProviderStatus } from "../../model/delivery-status.ts";
import type { MessageError, OutboundMessage } from "../../model/message.ts";
import type { ConsentKeys } from "./arrivals.ts";
import type { SendConditions } from "./conditions.ts";
import type { UnknownAttempt } from "./turns.ts";

/*
 * Types of the storage port, part of storage.ts: sending a message, and its delivery events.
 */

/** A counter whose window is open. */
export interface OpenCounter {
  readonly key: string;
  /** The sum of the charges in this window. */
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
   * A message that gets a reservation at its sender's rate limit expires this long after the reservation. A clock that
   * was ahead may have set a later expiry. Such an expiry is moved back to this long after now, or after the
   * reservation if that is later.
   * @default its expiry stays
   */
  readonly expiryMs?: number;
  readonly conditions: SendConditions;
  /** @default the key that the conversation is filed under */
  readonly consents?: ConsentKeys;
  /**
   * Given if the worker does not know the message's line. The message waits for this time, and this worker then leaves
   * it to others first. Nothing is judged or charged. A message in `unknown` is looked up after this time.
   * @default the worker knows the line
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
      /** Ids of earlier messages that are still `unknown` and that this message overtakes. */
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
  /**
   * The keys to opt out under, if the refusal opts the person out.
   * @default the key that the conversation is filed under
   */
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
      /** The provider asks the sender to slow down. Absent if it does not. */
      readonly backOff?: { readonly key: string; readonly forMs: number };
    }
  | { readonly kind: "unknown"; readonly lookInMs: number; readonly error: MessageError }
  | {
      readonly kind: "found";
      readonly providerMessageId: string;
      readonly status: ProviderStatus;
      /** Why the provider did not deliver it. @default none */
      readonly error?: MessageError | null;
      readonly retry?: RetryTerms | null;
    }
  /** `asOf`: the provider's clock when its list answered; `null` if the list was not read, or did not show the time. */
  | { readonly kind: "unseen"; readonly lookInMs: number; readonly asOf: number | null };

/**
 * When a message is sent again that the provider accepted, and then reported as temporarily failed. The wait is
 * `firstMs`, doubled after each further attempt, at most `mostMs`.
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
  /** The provider's own name of the status. */
  readonly rawStatus: string;
  readonly error: MessageError | null;
  readonly optOut: boolean;
  /** The keys to opt out under, if `optOut` is true. @default the key that the conversation is filed under */
  readonly consents?: ConsentKeys;
  /**
   * Given if this failure is temporary: nothing was sent, and the same message may be sent again.
   * @default the failure is final
   */
  readonly retry?: RetryTerms | null;
}

export interface RecordedDelivery {
  /**
   * `unmatched`: the message or attempt does not exist, or was erased. `repeated`: the report was known already; only
   * the count of its event may have changed.
   */
  readonly outcome: "recorded" | "repeated" | "unmatched";
  /** The message as it is now; `null` if `unmatched`. */
  readonly message: OutboundMessage | null;
  /** Whether the message's status changed. */
  readonly changed: boolean;
  /**
   * Whether the provider has this message under more than one id. The ids of earlier attempts that failed do not count.
   */
  readonly duplicate: boolean;
  /** The messages that were cancelled with it: later parts, or all waiting messages after an opt-out. */
  readonly cancelled: readonly OutboundMessage[];
  readonly consentChanged: boolean;
  /**
   * Milliseconds until the conversation's next message is due, 0 for now; `null` if none is due. It is this message or
   * one that waited for it. The confirmation of an opt-out does not count.
   */
  readonly nextInMs: number | null;
}

export interface CompetingAttemptsQuery {
  readonly outboundId: string;
  readonly providerMessageIds: readonly string[];
}

export interface CompetingAttempts {
  readonly attempts: readonly UnknownAttempt[];
  /** Those of the asked ids that belong to an attempt already. */
  readonly known: readonly string[];
}
