import { OwnlineError } from "../../../errors.ts";
import type { Message } from "../../../model/message.ts";
import type {
  AttemptStory,
  ChangePage,
  ConversationList,
  ConversationPage,
  DueMessage,
  DueWork,
  MessagePage,
  MessageStory,
  RivalQuery,
  Rivals,
  UnknownAttempt,
  UnknownState,
} from "../../storage.ts";
import type { Ledger } from "./ledger.ts";
import type { AttemptRow, ConversationRow, InboundRow, OutboundRow } from "./rows.ts";
import { shownMessage, shownMessages } from "./rows.ts";
import { firstIndex, type Position } from "./sorted-index.ts";

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

/** See {@link Storage.conversations}. */
export function listConversations(ledger: Ledger, { limit, after }: ConversationPage): ConversationList {
  const rows: ConversationRow[] = [];
  for (const row of ledger.recent.before(after === undefined ? { at: Infinity, id: "" } : readCursor(after))) {
    if (rows.length > limit) break;
    rows.push(row);
  }
  const page = rows.slice(0, limit).map((row) => row.shown);
  const last = page.at(-1);
  return {
    conversations: page,
    cursor: rows.length > limit && last !== undefined ? `${last.updatedAt}.${last.id}` : null,
  };
}

function readCursor(cursor: string): Position {
  const dot = cursor.indexOf(".");
  const at = Number(cursor.slice(0, Math.max(0, dot)));
  if (dot < 1 || !Number.isSafeInteger(at)) {
    throw new OwnlineError("invalid_options", "The cursor is not one that conversations() gave: pass it unchanged.");
  }
  return { at, id: cursor.slice(dot + 1) };
}

/** See {@link Storage.messages}. */
export function listMessages(ledger: Ledger, page: MessagePage): readonly Message[] {
  const rows = ledger.conversations.get(page.conversationId)?.messages ?? [];
  if (page.before === undefined) {
    const start = firstIndex(rows, (row) => row.message.seq > page.after);
    return rows.slice(start, start + page.limit).map(shownMessage);
  }
  const end = firstIndex(rows, (row) => row.message.seq >= page.before);
  return rows
    .slice(Math.max(0, end - page.limit), end)
    .map(shownMessage)
    .toReversed();
}

/** See {@link Storage.changes}. */
export function changes(ledger: Ledger, { conversationId, after, limit }: ChangePage): readonly Message[] {
  const entries = ledger.conversations.get(conversationId)?.changes ?? [];
  const found: Message[] = [];
  for (let at = firstIndex(entries, (entry) => entry.position > after); at < entries.length; at += 1) {
    if (found.length >= limit) break;
    const entry = entries[at];
    if (entry?.row.message.changedSeq === entry?.position && entry !== undefined) found.push(entry.row.message);
  }
  return found;
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
