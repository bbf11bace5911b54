import type { Message } from "../../../model/message.ts";
import type { Position } from "../../memory/sorted-index.ts";
import type {
  AttemptStory,
  DueMessage,
  DueWork,
  MessageStory,
  RivalQuery,
  Rivals,
  UnknownAttempt,
  UnknownState,
} from "../../storage.ts";
import type { Ledger } from "./ledger.ts";
import type { AttemptRow, ConversationRow, InboundRow, OutboundRow } from "./rows.ts";
import { shownMessages } from "./rows.ts";

const START: Position = { at: Number.NEGATIVE_INFINITY, id: "" };

/** See {@link Storage.due}. */
export function due(ledger: Ledger, limit: number): DueWork {
  const now = ledger.clock.now();
  const later = { at: now + 1, id: "" };
  const found: DueMessage[] = [];
  for (const row of ledger.dueMessages.from(START)) {
    if (found.length >= limit || row.indexedAt === null || row.indexedAt > now) break;
    const { message, conversation } = row;
    const { shown, consentKey } = conversation;
    found.push({ message, conversation: shown, consentKey, unknown: unknownStateOf(row, now) });
  }
  const [firstTurn] = ledger.dueTurns.from(START);
  const [nextTurn] = ledger.dueTurns.from(later);
  const [nextMessage] = ledger.dueMessages.from(later);
  const takeOverAt = Math.max(firstTakeOver(ledger), now);
  const nextAt = Math.min(nextTurn?.indexedAt ?? Infinity, nextMessage?.indexedAt ?? Infinity, takeOverAt);
  return {
    messages: found,
    turns: firstTurn !== undefined && firstTurn.indexedAt !== null && firstTurn.indexedAt <= now,
    nextInMs: nextAt === Infinity ? null : nextAt - now,
  };
}

/** When the first worker that holds anything counts as dead, unless it is heard of before. */
function firstTakeOver(ledger: Ledger): number {
  const holding = [...ledger.workers.values()].filter(({ leases, sending }) => leases.size > 0 || sending.size > 0);
  return Math.min(Infinity, ...holding.map(({ aliveUntil }) => aliveUntil));
}

function unknownStateOf(row: OutboundRow, now: number): UnknownState | null {
  if (row.message.status !== "unknown") return null;
  const attempts = row.attempts.filter((attempt) => attempt.status === "unknown").map(unknownAttemptOf);
  return { forMs: now - row.unknownSince, witnessSince: row.witnessSince, attempts };
}

function unknownAttemptOf({ message, attempt, startedAt }: AttemptRow): UnknownAttempt {
  return { outboundId: message.message.id, attempt, startedAt };
}

/** See {@link Storage.rivals}. */
export function rivals(ledger: Ledger, { outboundId, carrierIds }: RivalQuery): Rivals {
  const row = ledger.messages.get(outboundId);
  const silent = row?.direction === "outbound" ? [...row.conversation.unsettled, ...underWay(row.conversation)] : [];
  const alike = silent.filter(({ message }) => row !== undefined && hasSameContent(message.message, row.message));
  return {
    attempts: alike.toSorted(byStart).map(unknownAttemptOf),
    known: carrierIds.filter((carrierId) => ledger.attemptByCarrierId.has(carrierId)),
  };
}

function underWay({ open }: ConversationRow): AttemptRow[] {
  const sending = open.filter(({ message }) => message.status === "sending");
  return sending.flatMap(({ attempts }) => attempts.filter(({ status }) => status === "sending"));
}

function byStart(one: AttemptRow, other: AttemptRow): number {
  if (one.startedAt !== other.startedAt) return one.startedAt - other.startedAt;
  return one.message.message.seq - other.message.message.seq || one.attempt - other.attempt;
}

function hasSameContent(one: Message, other: Message): boolean {
  const isSameMedia = one.media.length === other.media.length;
  return (
    one.body === other.body &&
    isSameMedia &&
    one.media.every(({ url, contentType }, at) => {
      return url === other.media[at]?.url && contentType === other.media[at]?.contentType;
    })
  );
}

/** See {@link Storage.story}. */
export function story(ledger: Ledger, messageId: string): MessageStory | null {
  const row = ledger.messages.get(messageId);
  if (row === undefined) return null;
  const replies = row.direction === "inbound" ? repliesTo(row) : row.group;
  const told = row.direction === "inbound" ? replies : [row];
  const turn = row.direction === "inbound" ? row.turns.at(-1) : row.turn;
  return {
    message: row.message,
    conversation: row.conversation.shown,
    turn: turn?.shown ?? null,
    answers: turn?.texts.map((text) => text.message) ?? [],
    replies: shownMessages(replies),
    attempts: told.flatMap(attemptsOf),
  };
}

function repliesTo(row: InboundRow): OutboundRow[] {
  const replies = [...(row.turns.at(-1)?.group ?? [])];
  if (row.autoReply !== null) replies.push(row.autoReply);
  return replies.toSorted((a, b) => a.message.seq - b.message.seq);
}

function attemptsOf(row: OutboundRow): AttemptStory[] {
  return row.attempts.map(({ attempt, status, carrierId, error, startedAt, events }) => {
    return { outboundId: row.message.id, attempt, status, carrierId, error, startedAt, events };
  });
}
