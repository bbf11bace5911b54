import type { Conversation, Turn } from "../../model/conversation.ts";
import type { InboundMessage, Media, Message, OutboundMessage } from "../../model/message.ts";
import type {
  AttemptStory,
  Consent,
  DueMessage,
  MessageStory,
  OpenCounter,
  StatusEvent,
  UnknownAttempt,
  UnknownState,
} from "../storage.ts";
import { type Inbound, isInbound, isOutbound, type Outbound } from "./directions.ts";
import type { AttemptRow, ConsentRow, ConversationRow, CounterRow, EventRow, MessageRow, TurnRow } from "./rows.ts";
import { beginningOf } from "./rules/clock.ts";

/*
 * Rows as the caller sees them. Each is a deep copy, so a caller that changes it does not change the ledger.
 */

export function conversationOf(row: ConversationRow): Conversation {
  const { id, line, sender, participant, paused, seq, inboundSeq, answeredSeq, createdAt, updatedAt } = row;
  return { id, line, sender, participant, paused, seq, inboundSeq, answeredSeq, createdAt, updatedAt };
}

export function messageOf(row: MessageRow): Message {
  if (isOutbound(row)) return outboundOf(row);
  if (isInbound(row)) return inboundOf(row);
  throw new TypeError("A message is not inbound and not outbound.");
}

export function inboundOf(row: Inbound): InboundMessage {
  const { origin } = row;
  if (origin !== "webhook" && origin !== "simulated") throw foreign("origin");
  return {
    id: row.id,
    conversationId: row.conversationId,
    seq: row.seq,
    changedSeq: row.changedSeq,
    body: row.body,
    media: mediaOf(row),
    createdAt: row.createdAt,
    direction: "inbound",
    origin,
    from: row.participant,
    to: row.sender,
    providerMessageId: row.providerMessageId,
    needsAnswer: row.needsAnswer,
    occurredAt: row.occurredAt,
  };
}

export function outboundOf(row: Outbound): OutboundMessage {
  const { origin } = row;
  if (origin === "webhook" || origin === "simulated") throw foreign("origin");
  return {
    id: row.id,
    conversationId: row.conversationId,
    seq: row.seq,
    changedSeq: row.changedSeq,
    body: row.body,
    media: mediaOf(row),
    createdAt: row.createdAt,
    direction: "outbound",
    origin,
    from: row.sender,
    to: row.participant,
    status: row.status,
    error: row.error === null ? null : { ...row.error },
    groupId: row.groupId,
    part: row.part,
    parts: row.parts,
    turnId: row.turnId,
    attempts: row.attempts,
    providerMessageIds: [...row.providerMessageIds],
    encoding: row.encoding,
    segments: row.segments,
  };
}

export function turnOf(row: TurnRow): Turn {
  const { id, conversationId, runs, failures, superseded, throughSeq, outcome, createdAt, committedAt } = row;
  const error = row.error === null ? null : { ...row.error };
  return { id, conversationId, runs, failures, superseded, error, throughSeq, outcome, createdAt, committedAt };
}

type Made = Pick<ConversationRow, "createdAt">;
type Started = Pick<AttemptRow, "outboundId" | "attempt" | "startedAt" | "startedAfter">;

/**
 * Details of a message whose state is unknown; `null` for any other state. `attempts`: the message's attempts in
 * `unknown`.
 */
function unknownStateOf(
  row: MessageRow,
  conversation: Made,
  attempts: readonly Started[],
  now: number,
): UnknownState | null {
  if (row.status !== "unknown") return null;
  return {
    forMs: Math.max(0, now - (row.unknownSince ?? now)),
    evidenceSince: row.evidenceSince,
    attempts: attempts
      .toSorted((one, other) => one.attempt - other.attempt)
      .map((attempt) => unknownAttemptOf(attempt, [row, conversation], now)),
  };
}

/** The attempt as the caller sees it. `made`: the attempt's message and its conversation. */
export function unknownAttemptOf(attempt: Started, made: readonly Made[], now: number): UnknownAttempt {
  const created = made.map(({ createdAt }) => createdAt);
  const { startedAt, startedAfter } = beginningOf(attempt, created, now);
  const named = { outboundId: attempt.outboundId, attempt: attempt.attempt, startedAt };
  return startedAfter === null ? named : { ...named, startedAfter };
}

/** The attempts by `startedAt`, then by the `seq` of their messages, then by attempt. */
export function byStart(attempts: readonly (UnknownAttempt & { readonly seq: number })[]): UnknownAttempt[] {
  return attempts
    .toSorted((one, other) => {
      return one.startedAt - other.startedAt || one.seq - other.seq || one.attempt - other.attempt;
    })
    .map(({ outboundId, attempt, startedAt, startedAfter }) => {
      const named = { outboundId, attempt, startedAt };
      return startedAfter === undefined ? named : { ...named, startedAfter };
    });
}

export function consentOf({ state, source, service, providerBlocks, changedAt }: ConsentRow): Consent {
  return {
    state,
    source,
    ...(service === null ? {} : { service }),
    ...(providerBlocks ? { providerBlocks } : {}),
    changedAt,
  };
}

/** A message that is due. `attempts`: its attempts in `unknown`. */
export function dueMessageOf(
  row: Outbound,
  conversation: ConversationRow,
  attempts: readonly Started[],
  now: number,
): DueMessage {
  return {
    message: outboundOf(row),
    conversation: conversationOf(conversation),
    consentKey: conversation.consentKey,
    unknown: unknownStateOf(row, conversation, attempts, now),
  };
}

/** The rows of a message's story, in any order. */
export interface StoryRows {
  readonly message: MessageRow;
  readonly conversation: ConversationRow;
  readonly turn: TurnRow | null;
  readonly answers: readonly MessageRow[];
  readonly replies: readonly MessageRow[];
  /** The attempts of the message itself, or of all replies to an inbound message. */
  readonly attempts: readonly AttemptRow[];
  readonly events: readonly EventRow[];
}

export function storyOf(rows: StoryRows): MessageStory {
  const { message, conversation, turn, answers, replies, attempts, events } = rows;
  const seqOf = new Map([message, ...replies].map(({ id, seq }) => [id, seq]));
  const seqOfAttempt = ({ outboundId }: AttemptRow): number => seqOf.get(outboundId) ?? 0;
  return {
    message: messageOf(message),
    conversation: conversationOf(conversation),
    turn: turn === null ? null : turnOf(turn),
    answers: answers.toSorted(bySeq).filter(isInbound).map(inboundOf),
    replies: replies.toSorted(bySeq).filter(isOutbound).map(outboundOf),
    attempts: attempts
      .toSorted((one, other) => seqOfAttempt(one) - seqOfAttempt(other) || one.attempt - other.attempt)
      .map((attempt) => attemptStoryOf(attempt, events)),
  };
}

function bySeq(one: MessageRow, other: MessageRow): number {
  return one.seq - other.seq;
}

function attemptStoryOf(row: AttemptRow, events: readonly EventRow[]): AttemptStory {
  const { outboundId, attempt, status, providerMessageId, error, startedAt } = row;
  const own = events.filter((event) => event.outboundId === outboundId && event.attempt === attempt);
  return {
    outboundId,
    attempt,
    status,
    providerMessageId,
    error: error === null ? null : { ...error },
    startedAt,
    events: own.toSorted((one, other) => one.position - other.position).map(statusEventOf),
  };
}

function statusEventOf({ providerMessageId, status, rawStatus, error, at, times }: EventRow): StatusEvent {
  return { providerMessageId, status, rawStatus, error: error === null ? null : { ...error }, at, times };
}

/** A counter whose window is open. */
export function openCounterOf({ key, charged, endsAt }: CounterRow, now: number): OpenCounter {
  return { key, count: charged, endsInMs: endsAt - now };
}

function mediaOf({ media }: MessageRow | Inbound | Outbound): Media[] {
  return media.map(({ url, contentType }) => ({ url, contentType }));
}

function foreign(field: string): TypeError {
  return new TypeError(
    `The ledger's field ${field} holds a value that ownline never writes: the database was changed.`,
  );
}
