import type { ConsentState } from "../model/consent.ts";
import type { Conversation } from "../model/conversation.ts";
import type { InboundOrigin, Media, Message, OutboundMessage, OutboundOrigin } from "../model/message.ts";

/**
 * A rule about what may be recorded, answered and sent. A policy judges a snapshot and answers with data; the engine
 * and the ledger carry it out, so that nothing can slip between the judgement and the deed.
 *
 * Every method is optional, synchronous, without side effects, and may be asked more than once.
 */
export interface Policy {
  readonly name: string;
  /**
   * How far an opt-out reaches: the number that the person wrote to with its Messaging Service, or all senders of the
   * ledger. Of several policies the widest one counts. @default "sender"
   */
  readonly covers?: "sender" | "all-senders";
  /** Judges a text before it is recorded. */
  inbound?(text: InboundSnapshot): InboundVerdict | null;
  /** Judges a turn before the AI is asked. */
  turn?(turn: TurnSnapshot): TurnVerdict | null;
  /** States the conditions under which a message may leave. */
  send?(message: SendSnapshot): SendVerdict | null;
}

export interface InboundSnapshot {
  /** `simulated`: typed in the app, so the provider knows nothing of it and answers nothing by itself. */
  readonly origin: InboundOrigin;
  readonly from: string;
  readonly to: string;
  readonly line: string;
  readonly body: string;
  readonly media: readonly Media[];
  /** STOP, START or HELP, where the provider has seen it and has already replied. */
  readonly optOut: "STOP" | "START" | "HELP" | null;
  /** Whether the text came from a number of ours. */
  readonly fromOwnSender: boolean;
}

export interface InboundVerdict {
  /** `false`: the AI does not see it as something to answer. */
  readonly answer: boolean;
  /** What it says about the person's consent. `opted-in` has no effect on a `simulated` text: only the phone opts in. */
  readonly consent?: ConsentState;
  /**
   * Beside `opted-out`: the provider itself blocks the person from now on. Beside `opted-in`: it counts only where the
   * provider itself blocks the person, which the message lifts. @default false
   */
  readonly providerBlocks?: boolean;
  /**
   * Sent back on the webhook's answer, where the transport can; such a text outranks the configured auto-reply. Beside
   * `consent: "opted-out"` it is the confirmation: it leaves once per opt-out, and no send condition holds it back.
   */
  readonly reply?: string;
  /** For the log and `explain`, without a number or a text in it. */
  readonly reason: string;
}

export interface TurnSnapshot {
  readonly conversation: Conversation;
  /** Oldest first, at least the newest 40 or `history.maxMessages`; ends with the texts to answer. */
  readonly history: readonly Message[];
  /** As {@link SendSnapshot.pairKey}: what counters are filed under. */
  readonly pairKey: string;
}

/**
 * `silence`: the AI is not asked, and no answer leaves. `counters`: the same while one of them is full, which the
 * engine reads from the ledger and does not charge. The first turn that meets a full window emits one notice.
 */
export type TurnVerdict =
  | { readonly silence: true; readonly reason: string; readonly counters?: never }
  | { readonly silence?: never; readonly reason?: never; readonly counters: readonly CounterRule[] };

export interface SendSnapshot {
  readonly origin: OutboundOrigin;
  /** Opaque, and the same for the same line and person always: what counters are filed under. */
  readonly pairKey: string;
  readonly conversation: Pick<Conversation, "line" | "sender" | "participant">;
  /** `null` for an auto-reply, which has no row yet. */
  readonly message: OutboundMessage | null;
}

/** Conditions; those of several policies are joined: the longest delay, every counter, any cancellation. */
export interface SendVerdict {
  /** The person must not have opted out. */
  readonly consent?: boolean;
  /**
   * Asked again when it is over. No message waits beyond `sending.expiryMs` (4 hours) after it was written: it is
   * cancelled then, so quiet hours that last longer need a longer expiry.
   */
  readonly delayMs?: number;
  /** Not to be sent at all, for this reason. */
  readonly cancel?: string;
  readonly counters?: readonly CounterRule[];
}

/** At most `max` within a window, which opens with its first charge. */
export interface CounterRule {
  /** Unique among the policies, for example `loop:` + the snapshot's `pairKey`. Never a number: counters outlive people. */
  readonly key: string;
  readonly windowMs: number;
  readonly max: number;
  /** What happens to the message when it is full. */
  readonly full: "wait" | "cancel";
  readonly reason: string;
}
