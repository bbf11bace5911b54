import type { ProviderStatus } from "../../model/delivery-status.ts";
import type { Delivery, DeliveryBody } from "./deliveries.ts";

/** One request to the provider, as the judge knows it. */
export interface AttemptEntry {
  readonly claimedAtMs: number;
  readonly overtook: readonly string[];
  handedOver: boolean;
  answer: (DeliveryBody & { kind: "answer-recorded" })["answer"] | null;
  /** What the provider was recorded to have said. */
  readonly reported: ProviderStatus[];
  /** The provider took it and sends nothing of it. */
  throttled: boolean;
  /** The ledger knows so: it may be sent again. */
  gaveUp: boolean;
}

/** One message of ours, from its commit on. */
export interface MessageEntry {
  readonly id: string;
  readonly conversation: ConversationEntry;
  readonly createdAtMs: number;
  expiresAtMs: number;
  readonly turnId: string | null;
  /** Its place among the parts of one text, from 1 on. */
  readonly part: number;
  readonly attempts: AttemptEntry[];
  /** Whether it waits to be handed over, as far as the deliveries say. */
  waits: boolean;
  /** It confirms an opt-out. */
  confirms: boolean;
  /** A STOP found it waiting. */
  stopped: boolean;
  /** Its person had opted out at some time since it was written. */
  metOptOut: boolean;
  /** Its conversation was a person's at some time since it was written. */
  metPause: boolean;
  /** What was decided about it while its fate was unknown or while it was held. */
  readonly decisions: string[];
  /** A person decided that it is sent again. */
  sentAgainByPerson: boolean;
  readonly providerMessageIds: Set<string>;
  readonly taken: (Delivery & { kind: "taken" })[];
}

/** One text of a person. */
export interface TextEntry {
  readonly delivery: Delivery & { kind: "text" };
  readonly conversation: ConversationEntry;
  /** Since when something was waiting for an answer when it came. */
  readonly unansweredSinceMs: number;
  /** The turn that was committed over it. */
  turnId: string | null;
  /** Need not be answered, since the person opted out after it or an operator skipped it. */
  excused: boolean;
}

export interface ConversationEntry {
  readonly id: string;
  readonly consentKey: string;
  readonly participant: string;
  readonly texts: TextEntry[];
  readonly messages: MessageEntry[];
  /** The newest claim, `null` where no worker holds it. */
  lease: (Delivery & { kind: "turn-claimed" }) | null;
  fence: number;
  paused: boolean;
  /** An operator had a hand in what is due, so that bursts are no measure any more. */
  everHandled: boolean;
  /** Its person was forgotten. */
  erased: boolean;
}

/** The rate limit of one sender, as the ledger's answers show it. */
export interface RateLimitEntry {
  /** The end of the last reservation that was given and counts. */
  freeAtMs: number;
  /** The end of the last reservation in which something left. */
  usedUntilMs: number;
  /** By message, when the reservation begins that it waits for. */
  readonly reservations: Map<string, number>;
}

/** The judge's own model of the ledger. */
export class Book {
  readonly conversations: Map<string, ConversationEntry> = new Map<string, ConversationEntry>();
  readonly messages: Map<string, MessageEntry> = new Map<string, MessageEntry>();
  readonly texts: Map<string, TextEntry> = new Map<string, TextEntry>();
  readonly optedOut: Set<string> = new Set<string>();
  /** When people last opted in, after having been out or unknown. */
  readonly optedInAtMs: Map<string, number> = new Map<string, number>();
  /** By turn, the texts that each of its runs was asked about. */
  readonly asked: Map<string, (readonly string[])[]> = new Map<string, (readonly string[])[]>();
  readonly toolStarted: Set<string> = new Set<string>();
  readonly claimedTurns: Set<string> = new Set<string>();
  /** The message that each `send()` resolved with. */
  readonly sent: Map<string, string> = new Map<string, string>();
  /** Keys of `send()` under which something was stored. */
  readonly queued: Set<string> = new Set<string>();
  /** What people texted, by key: when, to whom, and when the provider's list had it first. */
  readonly texted: Map<string, { readonly to: string; readonly atMs: number; listedAtMs: number | null }> = new Map();
  /** By sender, how far its first sweep was committed. */
  readonly firstSweptMs: Map<string, number> = new Map<string, number>();
  /** When something last left to a person. */
  readonly lastTakenMs: Map<string, number> = new Map<string, number>();
  readonly rateLimits: Map<string, RateLimitEntry> = new Map<string, RateLimitEntry>();
  /** By limit and person, the window in which answers are counted. */
  readonly answerWindows: Map<string, { readonly endsAtMs: number; answers: number }> = new Map();
  everRecovered = false;
  /** When the clock of any process last went ahead. */
  jumpedAtMs: number = Number.NEGATIVE_INFINITY;

  conversation(id: string, consentKey: string, participant: string): ConversationEntry {
    const known = this.conversations.get(id);
    if (known !== undefined) return known;
    const made: ConversationEntry = {
      id,
      consentKey,
      participant,
      texts: [],
      messages: [],
      lease: null,
      fence: 0,
      paused: false,
      everHandled: false,
      erased: false,
    };
    this.conversations.set(id, made);
    return made;
  }

  write(
    ids: readonly string[],
    conversation: ConversationEntry,
    turnId: string | null,
    atMs: number,
    expiryMs: number,
  ): void {
    for (const [index, id] of ids.entries()) {
      const message: MessageEntry = {
        id,
        conversation,
        createdAtMs: atMs,
        expiresAtMs: atMs + expiryMs,
        turnId,
        part: index + 1,
        attempts: [],
        waits: true,
        confirms: false,
        stopped: false,
        metOptOut: this.optedOut.has(conversation.consentKey),
        metPause: conversation.paused,
        decisions: [],
        sentAgainByPerson: false,
        providerMessageIds: new Set(),
        taken: [],
      };
      conversation.messages.push(message);
      this.messages.set(id, message);
    }
  }

  /** The provider refuses an attempt since the person opted out; old news where they opted in again after it began. */
  refuse({ conversation, createdAtMs }: MessageEntry, attempt: AttemptEntry | undefined): void {
    const optedInAtMs = this.optedInAtMs.get(conversation.consentKey);
    const beganAtMs = attempt?.claimedAtMs ?? createdAtMs;
    if (optedInAtMs === undefined || optedInAtMs <= beganAtMs) this.optOut(conversation.consentKey, conversation);
  }

  /** A person opts out, by a text or by the provider's word. */
  optOut(consentKey: string, at: ConversationEntry): void {
    this.optedOut.add(consentKey);
    this.optedInAtMs.delete(consentKey);
    at.lease = null;
    for (const text of at.texts) text.excused = true;
    for (const conversation of this.conversations.values()) {
      if (conversation.consentKey !== consentKey) continue;
      for (const message of conversation.messages) {
        message.metOptOut = true;
        if (message.waits && !message.confirms) message.stopped = true;
      }
    }
  }
}

/** Whether the provider is known to have taken it, and may have sent it. */
export function hasEvidence(attempt: AttemptEntry): boolean {
  if (attempt.gaveUp) return false;
  return attempt.answer === "accepted" || attempt.answer === "found" || attempt.reported.length > 0;
}
