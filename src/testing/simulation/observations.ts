import type { ConsentState } from "../../model/consent.ts";
import type { ProviderStatus } from "../../model/delivery-status.ts";
import type { Notice } from "../../model/events.ts";

/**
 * What the judge knows, in the order in which it happened: what the ledger committed, what went to the provider and
 * came back, and what callers were promised. The judge does not believe what the engine says about itself, except for
 * notices.
 */
export type ObservationBody =
  /** A person texted. The provider's list shows the text now or soon. */
  | { readonly kind: "texted"; readonly key: string; readonly to: string }
  /** The provider's list showed a text for the first time. */
  | { readonly kind: "listed"; readonly key: string }
  /** A sweep of a sender's list was committed. */
  | { readonly kind: "swept"; readonly sender: string; readonly watermarkMs: number }
  /** A text was recorded for the first time. */
  | {
      readonly kind: "text";
      readonly key: string;
      readonly messageId: string;
      readonly seq: number;
      readonly body: string;
      readonly conversationId: string;
      readonly consentKey: string;
      readonly participant: string;
      readonly needsAnswer: boolean;
      /** When the provider took the text, if its webhook was lost and the provider's list brought it. */
      readonly sweptSinceMs: number | null;
      readonly consent: ConsentState | null;
      /** A STOP that was found late has no effect if a START came after this moment. */
      readonly unlessSinceMs: number | null;
      readonly autoReplyId: string | null;
      /** The message that confirms the opt-out, where no webhook's answer carries the confirmation. */
      readonly confirmationId: string | null;
    }
  /** A `send()` was recorded for the first time. */
  | {
      readonly kind: "queued";
      readonly key: string;
      readonly ids: readonly string[];
      readonly conversationId: string;
      readonly consentKey: string;
      readonly participant: string;
    }
  | {
      readonly kind: "turn-claimed";
      readonly workerId: string;
      readonly conversationId: string;
      readonly turnId: string;
      readonly fence: number;
      readonly throughSeq: number;
      readonly superseded: number;
    }
  | {
      readonly kind: "turn-committed";
      readonly workerId: string;
      readonly conversationId: string;
      readonly turnId: string;
      readonly fence: number;
      readonly throughSeq: number;
      readonly outcome: string;
      readonly paused: boolean;
      readonly ids: readonly string[];
    }
  | {
      readonly kind: "send-claimed";
      readonly outboundId: string;
      readonly attempt: number;
      readonly overtook: readonly string[];
      readonly rateLimit: RateLimit | null;
    }
  /** A message waits for its reservation in the rate limit of its sender. */
  | {
      readonly kind: "reservation-given";
      readonly outboundId: string;
      readonly rateLimit: RateLimit;
      readonly reservedMs: number;
    }
  /** The provider asked a sender to be slower. */
  | { readonly kind: "backed-off"; readonly rateLimitKey: string; readonly forMs: number }
  /** The ledger recorded the provider's answer to an attempt. */
  | {
      readonly kind: "answer-recorded";
      readonly outboundId: string;
      readonly attempt: number;
      readonly answer: "accepted" | "unknown" | "found" | "unseen" | "retry" | "fail" | "opt-out";
      readonly providerMessageId: string | null;
      /** The list shows that the provider gave the message up with a temporary failure. */
      readonly temporary: boolean;
    }
  | {
      readonly kind: "status-recorded";
      readonly outboundId: string;
      readonly attempt: number;
      readonly providerMessageId: string;
      readonly status: ProviderStatus;
      readonly optOut: boolean;
      /** The provider gave the message up with a temporary failure: no SMS was sent. */
      readonly temporary: boolean;
    }
  /** A policy or an operator decided about a message that was unknown or held. */
  | {
      readonly kind: "resolved";
      readonly outboundId: string;
      readonly decision: "resend" | "sent" | "hold" | "drop";
      readonly byPerson: boolean;
    }
  /** An operator requeued a turn that had ended in the fallback text. */
  | { readonly kind: "requeued"; readonly turnId: string; readonly conversationId: string }
  /** The clock of a process jumped ahead. */
  | { readonly kind: "clock-jumped" }
  /** A process began to recover the ledger, as after a restore from a backup. */
  | { readonly kind: "recovering" }
  /** A message may have left after the backup was made, under this attempt. */
  | { readonly kind: "marked-unknown"; readonly outboundId: string; readonly attempt: number }
  /** A person was erased, under this address. */
  | { readonly kind: "erased"; readonly participant: string }
  | {
      readonly kind: "paused";
      readonly conversationId: string;
      readonly paused: boolean;
      readonly skipUnanswered: boolean;
    }
  /** The AI was asked. */
  | { readonly kind: "asked"; readonly turnId: string; readonly run: number; readonly messageIds: readonly string[] }
  | { readonly kind: "tool-started"; readonly turnId: string }
  /** The engine gave a text to the transport. */
  | { readonly kind: "handed-over"; readonly outboundId: string; readonly attempt: number }
  /** The provider took a text: an SMS leaves. */
  | {
      readonly kind: "taken";
      readonly outboundId: string;
      readonly attempt: number;
      readonly providerMessageId: string;
      readonly from: string | null;
      readonly to: string;
      readonly body: string;
    }
  /** The provider took an attempt, and sends no SMS for it. */
  | { readonly kind: "throttled"; readonly outboundId: string; readonly attempt: number }
  /** A webhook was answered 200, or a call resolved. */
  | { readonly kind: "acknowledged"; readonly key: string }
  /** A `send()` resolved with this message. */
  | { readonly kind: "sent"; readonly key: string; readonly messageId: string }
  | { readonly kind: "notice-emitted"; readonly process: string; readonly notice: Notice };

/** A sender's rate limit, as a claim names it. */
export interface RateLimit {
  readonly key: string;
  readonly costMs: number;
}

export type Observation = ObservationBody & { readonly atMs: number };
