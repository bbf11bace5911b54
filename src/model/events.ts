import type { OwnlineError } from "../errors.ts";
import type { ConsentSource, ConsentState } from "./consent.ts";
import type { TurnOutcome } from "./conversation.ts";
import type { InboundMessage, Message, OutboundMessage } from "./message.ts";

/**
 * The events of this process, emitted after the commit: the listener of each event, by the event's name.
 *
 * For the events of all processes, read the ledger's feed: `sms.events()`.
 */
export interface OwnlineEvents {
  /** A message was stored: a text from a person, or an outbound message that will leave. */
  message: (message: Message) => void;
  /** The status of an outbound message changed. */
  status: (message: OutboundMessage) => void;
  /** A turn ended. */
  turn: (turn: TurnEvent) => void;
  /** A person opted out or opted in. */
  consent: (change: ConsentEvent) => void;
  /** Something happened that an operator may want to know: see {@link NoticeKind}. */
  notice: (notice: Notice) => void;
  /** Something failed; the error's message says who must do what. Work goes on. */
  error: (error: OwnlineError) => void;
}

export interface TurnEvent {
  readonly turnId: string;
  readonly conversationId: string;
  readonly outcome: TurnOutcome;
  readonly run: number;
  /** The texts that the turn answered. */
  readonly answered: readonly InboundMessage[];
  readonly replies: readonly OutboundMessage[];
  /** Why the AI stayed silent, why it handed over, or why the fallback text replaced its answer; `null` for a reply. */
  readonly reason: string | null;
  /** The name of the AI. */
  readonly ai: string;
}

export interface ConsentEvent {
  readonly conversationId: string | null;
  readonly state: ConsentState;
  readonly source: ConsentSource;
  /**
   * Whether ownline confirms the opt-out to the person. `sent`: the confirmation left on the webhook's answer, or is
   * sent as a separate message with `origin: "system"`, which has its own status. `not-sent`: a confirmation was due,
   * but no message or answer can carry it, or the opt-out was found too late. `not-needed`: the provider confirms by
   * itself, or the person opted in.
   */
  readonly confirmation: "sent" | "not-sent" | "not-needed";
}

/**
 * - `cancelled`: an outbound message will not leave; an auto-reply that was not sent has no row, so `messageId` is
 *   `null`
 * - `failed`: the provider refused a message, or failed to deliver it
 * - `unknown`: it is not known whether the provider took a message
 * - `found`: the provider's list shows that it took an `unknown` message
 * - `resent`: no evidence of an `unknown` message came, and the message is sent again
 * - `retried`: the provider took a message and reported that it did not send it for now; the message is sent again
 * - `held`: an outbound message waits for an operator's decision, see `resolve()`
 * - `dropped`: an `unknown` or `held` message is not sent any more, as `sending.unknown` or an operator has decided
 * - `resolved`: an operator decided that a message was sent, or that it is sent again
 * - `overtaken`: a message did not wait any longer for an earlier message that is `unknown`
 * - `duplicate`: the provider has one message twice
 * - `superseded`: a run ended because a newer text came
 * - `silenced`: a policy silenced the AI for a text, or a full limit stopped an auto-reply
 * - `not-answered`: a text was stored that the AI will not answer; `detail` says why
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
  /** A sentence without phone numbers and texts. */
  readonly detail: string;
}
