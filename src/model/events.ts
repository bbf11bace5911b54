import type { OwnlineError } from "../errors.ts";
import type { ConsentSource, ConsentState } from "./consent.ts";
import type { TurnOutcome } from "./conversation.ts";
import type { InboundMessage, Message, OutboundMessage } from "./message.ts";

/**
 * What happens in this process, emitted after the commit. Arguments of the listeners, by the event's name.
 *
 * For what happens in any process, read the ledger's feed: `sms.events()`.
 */
export interface OwnlineEvents {
  /** A text was stored: someone's, or one of ours that is about to leave. */
  message: (message: Message) => void;
  /** A message of ours moved on. */
  status: (message: OutboundMessage) => void;
  /** A turn ended. */
  turn: (turn: TurnEvent) => void;
  /** A person opted out, or in. */
  consent: (change: ConsentEvent) => void;
  /** Something that someone may want to look at. Nothing is dropped, cut or invented without one. */
  notice: (notice: Notice) => void;
  /** Something failed; the message says who must do what. Work goes on. */
  error: (error: OwnlineError) => void;
}

export interface TurnEvent {
  readonly turnId: string;
  readonly conversationId: string;
  readonly outcome: TurnOutcome;
  readonly run: number;
  /** The texts that it answered. */
  readonly answered: readonly InboundMessage[];
  readonly replies: readonly OutboundMessage[];
  /** Why the AI stayed silent, handed over or was replaced by the fallback text; `null` for a reply. */
  readonly reason: string | null;
  /** The name of the AI. */
  readonly ai: string;
}

export interface ConsentEvent {
  readonly conversationId: string | null;
  readonly state: ConsentState;
  readonly source: ConsentSource;
  /**
   * Whether the person was informed of the opt-out. `sent`: ownline's confirmation left on the webhook's answer, or is
   * sent as a message of its own with `origin: "system"`, whose status says what became of it. `not-sent`: it was due,
   * but nothing can carry it, or the opt-out was found too late. `not-needed`: the provider confirms by itself, or the
   * person opted in.
   */
  readonly confirmation: "sent" | "not-sent" | "not-needed";
}

/**
 * - `cancelled`: a message of ours will not leave; an auto-reply that was not sent has no row, so `messageId` is `null`
 * - `failed`: the provider refused a message, or gave it up
 * - `unknown`: it is not known whether the provider took a message
 * - `found`: the provider's list shows that it did
 * - `resent`: no evidence of it came, and it is sent again
 * - `retried`: the provider took it, reported that it did not send it for now, and it is sent again
 * - `held`: a message of ours waits for a person's decision, see `resolve()`
 * - `dropped`: it is given up, by the policy or by a person
 * - `resolved`: a person said that it was sent, or has it sent again
 * - `overtaken`: a message did not wait any longer for an earlier one whose fate is unknown
 * - `duplicate`: the provider has one message twice
 * - `superseded`: a turn gave way to a newer text
 * - `silenced`: a policy kept the AI from answering, or a full limit kept an auto-reply from leaving
 * - `not-answered`: a text was stored that the AI will not answer, for the reason given
 * - `unmatched-status`: a status callback for a message that the ledger does not know
 * - `recovered`: work of an expired worker was taken over
 * - `swept`: a text was stored whose webhook never came
 * - `not-swept`: lost webhooks of a sender are not looked for
 */
export type NoticeKind =
  | "cancelled"
  | "failed"
  | "unknown"
  | "found"
  | "resent"
  | "retried"
  | "held"
  | "dropped"
  | "resolved"
  | "overtaken"
  | "duplicate"
  | "superseded"
  | "silenced"
  | "not-answered"
  | "unmatched-status"
  | "recovered"
  | "swept"
  | "not-swept";

export interface Notice {
  readonly kind: NoticeKind;
  readonly conversationId: string | null;
  readonly messageId: string | null;
  /** A sentence without a number or a text in it. */
  readonly detail: string;
}
