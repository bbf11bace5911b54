import type { ConsentState } from "../model/consent.ts";
import type { Conversation } from "../model/conversation.ts";
import type { InboundOrigin, Media, Message, OutboundMessage, OutboundOrigin } from "../model/message.ts";

/**
 * A rule about what may be recorded, answered and sent. A policy judges a snapshot and returns data. The engine and the
 * ledger apply the data in the commit itself, so that nothing can change between the check and the commit.
 *
 * Every method is optional, synchronous and without side effects, and may be called more than once.
 */
export interface Policy {
  readonly name: string;
  /**
   * How far an opt-out reaches: the number that the person wrote to and its Messaging Service, or all senders of the
   * ledger. Of several policies the widest reach applies. @default "sender"
   */
  readonly covers?: "sender" | "all-senders";
  /** Judges a text before it is recorded. */
  inbound?(message: InboundSnapshot): InboundVerdict | null;
  /** Judges a turn before the AI is asked. */
  turn?(turn: TurnSnapshot): TurnVerdict | null;
  /** States the conditions under which a message may leave. */
  send?(message: SendSnapshot): SendVerdict | null;
}

export interface InboundSnapshot {
  /** `simulated`: the text was typed in the app, so the provider does not know it and does not answer it. */
  readonly origin: InboundOrigin;
  readonly from: string;
  readonly to: string;
  readonly line: string;
  readonly body: string;
  readonly media: readonly Media[];
  /** STOP, START or HELP, where the provider has seen it and has already replied. */
  readonly optOut: "STOP" | "START" | "HELP" | null;
  /** Whether the text came from a sender of the service. */
  readonly fromOwnSender: boolean;
}

export interface InboundVerdict {
  /** `false`: the AI does not answer the text. */
  readonly answer: boolean;
  /**
   * The change of the person's consent. `opted-in` has no effect for a `simulated` text: only a text from the phone
   * opts in.
   */
  readonly consent?: ConsentState;
  /**
   * With `opted-out`: the provider itself blocks the person from now on. With `opted-in`: the opt-in holds only where
   * the provider itself blocks the person, and the message lifts that block. @default false
   */
  readonly providerBlocks?: boolean;
  /**
   * A text for the webhook's answer, where the transport can carry one. It is sent instead of the configured
   * auto-reply. With `consent: "opted-out"` it is the confirmation: it leaves once per opt-out, and no send condition
   * holds it back.
   */
  readonly reply?: string;
  /** For the log and `explain`, without numbers or texts. */
  readonly reason: string;
}

export interface TurnSnapshot {
  readonly conversation: Conversation;
  /** Oldest first, at least the newest 40 or `history.maxMessages`; ends with the texts to answer. */
  readonly history: readonly Message[];
  /** See {@link SendSnapshot.pairKey}. */
  readonly pairKey: string;
}

/**
 * `silence`: the AI is not asked, and no answer leaves. `counters`: the turn is silent only while one of these counters
 * is full. The engine reads them from the ledger and does not charge them. The first turn that meets a full window
 * emits one notice.
 */
export type TurnVerdict =
  | { readonly silence: true; readonly reason: string; readonly counters?: never }
  | { readonly silence?: never; readonly reason?: never; readonly counters: readonly CounterRule[] };

export interface SendSnapshot {
  readonly origin: OutboundOrigin;
  /** The key for counters of a line and a person. It is opaque, and always the same for the same two. */
  readonly pairKey: string;
  readonly conversation: Pick<Conversation, "line" | "sender" | "participant">;
  /** `null` for an auto-reply, which has no row yet. */
  readonly message: OutboundMessage | null;
}

/** Conditions of a send. Those of several policies are joined: the longest delay, every counter, any cancellation. */
export interface SendVerdict {
  /** Whether the message may leave only if the person has not opted out. */
  readonly consent?: boolean;
  /**
   * How long the message waits. After the delay, the policy is asked again. A message that has waited for
   * `sending.expiryMs` (4 hours) is cancelled, so longer quiet hours need a longer expiry.
   */
  readonly delayMs?: number;
  /** Cancels the message, for this reason. */
  readonly cancel?: string;
  readonly counters?: readonly CounterRule[];
}

/** At most `max` charges within a window, which opens with its first charge. */
export interface CounterRule {
  /**
   * Unique among the policies, for example `loop:` + the snapshot's `pairKey`. It must not contain a phone number,
   * because counters stay when a person is erased.
   */
  readonly key: string;
  readonly windowMs: number;
  readonly max: number;
  /** What happens to the message when the counter is full. */
  readonly full: "wait" | "cancel";
  readonly reason: string;
}
