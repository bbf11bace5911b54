import type { ConsentState } from "../../model/consent.ts";
import type { CarrierStatus } from "../../model/delivery-status.ts";
import type { Notice } from "../../model/events.ts";

/**
 * What the judge knows, in the order in which it happened: what was committed, what crossed the carrier's border, what
 * was promised to a caller. Nothing of it is the engine's own word about itself, except the notices.
 */
export type FactBody =
  /** A text was recorded for the first time. */
  | {
      readonly kind: "text";
      readonly key: string;
      readonly messageId: string;
      readonly seq: number;
      readonly body: string;
      readonly conversationId: string;
      readonly consentKey: string;
      readonly needsAnswer: boolean;
      readonly consent: ConsentState | null;
      /** A STOP that was found late does not count where a START came after this moment. */
      readonly unlessSinceMs: number | null;
      readonly autoReplyId: string | null;
    }
  /** A `send()` was recorded for the first time. */
  | {
      readonly kind: "queued";
      readonly ids: readonly string[];
      readonly conversationId: string;
      readonly consentKey: string;
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
    }
  /** What the carrier answered to an attempt was recorded. */
  | {
      readonly kind: "answer-recorded";
      readonly outboundId: string;
      readonly attempt: number;
      readonly answer: "accepted" | "unknown" | "found" | "unseen" | "retry" | "fail" | "opt-out";
      readonly carrierId: string | null;
    }
  | {
      readonly kind: "report-recorded";
      readonly outboundId: string;
      readonly attempt: number;
      readonly carrierId: string;
      readonly status: CarrierStatus;
      readonly optOut: boolean;
    }
  /** A message whose fate was unknown was decided upon. */
  | { readonly kind: "resolved"; readonly outboundId: string; readonly decision: string }
  | {
      readonly kind: "paused";
      readonly conversationId: string;
      readonly paused: boolean;
      readonly skipPending: boolean;
    }
  /** The AI was asked. */
  | { readonly kind: "asked"; readonly turnId: string; readonly run: number; readonly messageIds: readonly string[] }
  | { readonly kind: "tool-started"; readonly turnId: string }
  /** The transport was given a text. */
  | { readonly kind: "handed-over"; readonly outboundId: string; readonly attempt: number }
  /** The carrier took a text: an SMS leaves. */
  | {
      readonly kind: "taken";
      readonly outboundId: string;
      readonly attempt: number;
      readonly carrierId: string;
      readonly from: string | null;
      readonly to: string;
      readonly body: string;
    }
  /** A webhook was answered 200, or a call resolved. */
  | { readonly kind: "acknowledged"; readonly key: string }
  /** A `send()` resolved with this message. */
  | { readonly kind: "sent"; readonly key: string; readonly messageId: string }
  | { readonly kind: "told"; readonly process: string; readonly notice: Notice };

export type Fact = FactBody & { readonly atMs: number };
