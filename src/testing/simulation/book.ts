import type { ProviderStatus } from "../../model/delivery-status.ts";
import type { Observation, ObservationBody } from "./observations.ts";

/** One request to the provider, as the judge knows it. */
export interface AttemptEntry {
  readonly claimedAtMs: number;
  readonly overtook: readonly string[];
  handedOver: boolean;
  answer: (ObservationBody & { kind: "answer-recorded" })["answer"] | null;
  /** The provider's answer, as the ledger recorded it. */
  readonly reported: ProviderStatus[];
  /** The provider took the attempt, and sends no SMS for it. */
  throttled: boolean;
  /** The ledger knows that the provider gave the attempt up, so the message may be sent again. */
  gaveUp: boolean;
}

/** One message of the service, from its commit on. */
export interface MessageEntry {
  readonly id: string;
  readonly conversation: ConversationEntry;
  readonly createdAtMs: number;
  expiresAtMs: number;
  readonly turnId: string | null;
  /** Its place among the parts of one text, from 1 on. */
  readonly part: number;
  readonly attempts: AttemptEntry[];
  /** Whether the message is waiting, by the observations so far. */
  waits: boolean;
  /** Whether the message confirms an opt-out. */
  confirms: boolean;
  /** A STOP came while the message was waiting. */
  stopped: boolean;
  /** The person had opted out at some time since the message was written. */
  metOptOut: boolean;
  /** An operator had taken over the conversation at some time since the message was written. */
  metPause: boolean;
  /** What was decided about the message while it was unknown or held. */
  readonly decisions: string[];
  /** An operator decided to send the message again. */
  sentAgainByPerson: boolean;
  readonly providerMessageIds: Set<string>;
  readonly taken: (Observation & { kind: "taken" })[];
}

/** One text of a person. */
export interface TextEntry {
  readonly observation: Observation & { kind: "text" };
  readonly conversation: ConversationEntry;
  /** Since when another text was waiting for an answer when this one came. */
  readonly unansweredSinceMs: number;
  /** The committed turn that answers the text. */
  turnId: string | null;
  /** The text needs no answer: the person opted out after it, or an operator skipped it. */
  excused: boolean;
}

export interface ConversationEntry {
  readonly id: string;
  readonly consentKey: string;
  readonly participant: string;
  readonly texts: TextEntry[];
  readonly messages: MessageEntry[];
  /** The newest claim; `null` where no worker holds the conversation. */
  lease: (Observation & { kind: "turn-claimed" }) | null;
  fence: number;
  paused: boolean;
  /** An operator changed what is due, so the rules for bursts do not apply any more. */
  everHandled: boolean;
  /** The person was erased. */
  erased: boolean;
}

/** The rate limit of one sender, as the ledger's answers show it. */
export interface RateLimitEntry {
  /** The end of the last valid reservation. */
  freeAtMs: number;
  /** The end of the last reservation that a message used. */
  usedUntilMs: number;
  /** By message, the beginning of the reservation that it waits for. */
  readonly reservations: Map<string, number>;
}

/** The judge's own model of the ledger. */
export class Book {
  readonly conversations: Map<string, ConversationEntry> = new Map<string, ConversationEntry>();
  readonly messages: Map<string, MessageEntry> = new Map<string, MessageEntry>();
  readonly texts: Map<string, TextEntry> = new Map<string, TextEntry>();
  readonly optedOut: Set<string> = new Set<string>();
  /** When each person last opted in after an opt-out, or for the first time. */
  readonly optedInAtMs: Map<string, number> = new Map<string, number>();
  /** By turn, the texts that the AI was asked about in each run. */
  readonly asked: Map<string, (readonly string[])[]> = new Map<string, (readonly string[])[]>();
  readonly toolStarted: Set<string> = new Set<string>();
  readonly claimedTurns: Set<string> = new Set<string>();
  /** The message that each `send()` returned. */
  readonly sent: Map<string, string> = new Map<string, string>();
  /** The keys of `send()` that were stored. */
  readonly queued: Set<string> = new Set<string>();
  /** The texts of people, by key: when each was sent, to whom, and when the provider's list first showed it. */
  readonly texted: Map<string, { readonly to: string; readonly atMs: number; listedAtMs: number | null }> = new Map();
  /** By sender, the time up to which its first sweep was committed. */
  readonly firstSweptMs: Map<string, number> = new Map<string, number>();
  /** When the last message left to each person. */
  readonly lastTakenMs: Map<string, number> = new Map<string, number>();
  readonly rateLimits: Map<string, RateLimitEntry> = new Map<string, RateLimitEntry>();
  /** By limit and person, the window in which answers are counted. */
  readonly answerWindows: Map<string, { readonly endsAtMs: number; answers: number }> = new Map();
  everRecovered = false;
  /** When the clock of any process last jumped ahead. */
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

  /** The provider refuses an attempt because the person opted out. It is outdated if they opted in after it began. */
  refuse({ conversation, createdAtMs }: MessageEntry, attempt: AttemptEntry | undefined): void {
    const optedInAtMs = this.optedInAtMs.get(conversation.consentKey);
    const beganAtMs = attempt?.claimedAtMs ?? createdAtMs;
    if (optedInAtMs === undefined || optedInAtMs <= beganAtMs) this.optOut(conversation.consentKey, conversation);
  }

  /** A person opts out, by a text or by a refusal that the provider reports. */
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

/** Whether there is evidence that the provider took the attempt and may have sent it. */
export function hasEvidence(attempt: AttemptEntry): boolean {
  if (attempt.gaveUp) return false;
  return attempt.answer === "accepted" || attempt.answer === "found" || attempt.reported.length > 0;
}
