import type { Message as ShownMessage } from "../../model/message.ts";
import { cursorOf, readCursor } from "../ledger/cursor.ts";
import { isOutbound, type Outbound } from "../ledger/directions.ts";
import { nameOf } from "../ledger/held.ts";
import type { MessageRow, TurnRow } from "../ledger/rows.ts";
import { expiryOf, isAhead } from "../ledger/rules/clock.ts";
import { hasSameContent, isUnsettled } from "../ledger/rules/competing-attempts.ts";
import { isOpenWindow } from "../ledger/rules/counters.ts";
import { askedAgainAt, claimableAt, isLeftToOthers } from "../ledger/rules/leases.ts";
import {
  byStart,
  conversationOf,
  dueMessageOf,
  messageOf,
  openCounterOf,
  storyOf,
  unknownAttemptOf,
} from "../ledger/shown.ts";
import type {
  ChangePage,
  CompetingAttempts,
  CompetingAttemptsQuery,
  ConversationList,
  ConversationPage,
  DueMessage,
  DueQuery,
  DueWork,
  MessagePage,
  MessageStory,
  OpenCounter,
} from "../storage.ts";
import type { Conversation, Message } from "./entries.ts";
import { aheadOf, firstIndex, type Position } from "./sorted-index.ts";
import type { MemoryTables } from "./tables.ts";

const START: Position = { at: Number.NEGATIVE_INFINITY, id: "" };

type DueRow = Pick<MessageRow, "dueAt" | "setAsideBy">;

function first<T>(values: Iterable<T>, passes: (value: T) => boolean): T | undefined {
  for (const value of values) if (passes(value)) return value;
  return undefined;
}

/** See `Storage.due`. */
export function due(tables: MemoryTables, { scope, workerId, limit }: DueQuery, now: number): DueWork {
  const later = { at: now + 1, id: "" };
  const isForWorker = ({ row }: { readonly row: DueRow }): boolean => !isLeftToOthers(row, workerId, now);
  const turns = tables.dueTurns.byTime.of(scope);
  const messages = tables.dueMessages.byTime.of(scope);
  const [aheadTurn] = tables.dueTurns.byWriting.of(scope).from(aheadOf(now));
  const found: Message[] = [];
  for (const message of tables.dueMessages.byWriting.of(scope).from(aheadOf(now))) {
    if (found.length >= limit) break;
    found.push(message);
  }
  let nextSetAside: number | null = null;
  for (const message of messages.from(START)) {
    const { row } = message;
    if (found.length >= limit || row.dueAt === null || row.dueAt > now) break;
    if (isAhead(row.writtenAt, now)) continue;
    if (isForWorker(message)) found.push(message);
    else nextSetAside ??= askedAgainAt(row, workerId, now);
  }
  const firstTurn = first(turns.from(START), isForWorker);
  const nextTurn = first(turns.from(later), isForWorker);
  const nextMessage = first(messages.from(later), () => true);
  const nextAt = Math.min(
    timeOf(nextTurn === undefined ? null : claimableAt(nextTurn.row)),
    timeOf(nextMessage?.row.dueAt ?? null),
    timeOf(nextSetAside),
    Math.max(firstExpiry(tables, scope, now), now),
  );
  const firstAt = firstTurn === undefined ? null : claimableAt(firstTurn.row);
  return {
    messages: found.map((message) => dueMessage(message, now)),
    turns: aheadTurn !== undefined || (firstAt !== null && firstAt <= now),
    nextInMs: nextAt === Number.POSITIVE_INFINITY ? null : nextAt - now,
  };
}

function timeOf(at: number | null): number {
  return at ?? Number.POSITIVE_INFINITY;
}

function dueMessage({ row, conversation, attempts }: Message, now: number): DueMessage {
  const unknown = attempts.filter(({ status }) => status === "unknown");
  return dueMessageOf(outbound(row), conversation.row, unknown, now);
}

/**
 * When the first worker that holds something expires if it sends no heartbeat before. `now` for a worker whose clock
 * was ahead.
 */
function firstExpiry({ workers, byLease, bySender }: MemoryTables, scope: string, now: number): number {
  const ofScope = [...workers.values()].filter((worker) => worker.scope === scope);
  const holding = ofScope.filter(({ id }) => byLease.has(id) || bySender.has(id));
  return Math.min(Number.POSITIVE_INFINITY, ...holding.map((worker) => expiryOf(worker, now)));
}

function outbound(row: MessageRow): Outbound {
  if (isOutbound(row)) return row;
  throw new TypeError("An inbound message stands where only outbound ones do.");
}

/** See `Storage.competingAttempts`. */
export function competingAttempts(
  tables: MemoryTables,
  { outboundId, providerMessageIds }: CompetingAttemptsQuery,
  now: number,
): CompetingAttempts {
  const asked = tables.messages.get(outboundId);
  const known = providerMessageIds.filter((id) => tables.keys.has(nameOf("provider", id)));
  if (asked === undefined || asked.row.status === null) return { attempts: [], known };
  const { unsettled, open } = asked.conversation;
  const silent = new Set([...unsettled, ...open.filter(({ row }) => row.status === "sending")]);
  const competing = [...silent]
    .filter(({ row }) => hasSameContent(row, asked.row))
    .flatMap(({ row, attempts }) =>
      attempts
        .filter((attempt) => isUnsettled(attempt, row))
        .map((attempt) => ({ ...unknownAttemptOf(attempt, [row, asked.conversation.row], now), seq: row.seq })),
    );
  return { attempts: byStart(competing), known };
}

/** See `Storage.counters`. */
export function openCounters({ counters }: MemoryTables, keys: readonly string[], now: number): readonly OpenCounter[] {
  return keys.flatMap((key) => {
    const row = counters.get(key);
    return row !== undefined && isOpenWindow(row, now) ? [openCounterOf(row, now)] : [];
  });
}

/** See `Storage.conversations`. */
export function listConversations({ recent }: MemoryTables, { limit, after }: ConversationPage): ConversationList {
  const found: Conversation[] = [];
  const end = after === undefined ? { at: Number.POSITIVE_INFINITY, id: "" } : readCursor(after);
  for (const conversation of recent.before(end)) {
    if (found.length > limit) break;
    found.push(conversation);
  }
  const page = found.slice(0, limit).map(({ row }) => row);
  const last = found.length > limit ? page.at(-1) : undefined;
  return { conversations: page.map(conversationOf), cursor: last === undefined ? null : cursorOf(last) };
}

/** See `Storage.messages`. */
export function listMessages(tables: MemoryTables, page: MessagePage): readonly ShownMessage[] {
  const messages = tables.conversations.get(page.conversationId)?.messages ?? [];
  if (page.before === undefined) {
    const start = firstIndex(messages, ({ row }) => row.seq > page.after);
    return messages.slice(start, start + page.limit).map(({ row }) => messageOf(row));
  }
  const end = firstIndex(messages, ({ row }) => row.seq >= page.before);
  const found = messages.slice(Math.max(0, end - page.limit), end);
  return found.map(({ row }) => messageOf(row)).toReversed();
}

/** See `Storage.changes`. */
export function changes(tables: MemoryTables, { conversationId, after, limit }: ChangePage): readonly ShownMessage[] {
  const feed = tables.conversations.get(conversationId)?.feed ?? [];
  const found: ShownMessage[] = [];
  for (let at = firstIndex(feed, ({ position }) => position > after); at < feed.length; at += 1) {
    if (found.length >= limit) break;
    const entry = feed[at];
    if (entry !== undefined && entry.message.row.changedSeq === entry.position)
      found.push(messageOf(entry.message.row));
  }
  return found;
}

/** See `Storage.story`. */
export function story(tables: MemoryTables, messageId: string): MessageStory | null {
  const shown = tables.messages.get(messageId);
  if (shown === undefined) return null;
  const { row, conversation } = shown;
  const turn = row.status === null ? turnThatAnswered(shown) : tables.turns.get(row.turnId ?? "");
  const replies = row.status === null ? repliesTo(tables, shown, turn) : (tables.groups.get(row.groupId ?? "") ?? []);
  const sent = row.status === null ? replies : [shown];
  return storyOf({
    message: row,
    conversation: conversation.row,
    turn: turn ?? null,
    answers: turn === undefined ? [] : answeredBy(conversation, turn).map((one) => one.row),
    replies: replies.map((one) => one.row),
    attempts: sent.flatMap(({ attempts }) => attempts),
    events: sent.flatMap(({ events }) => events.flatMap((ofAttempt) => ofAttempt ?? [])),
  });
}

/** The turn that claimed a message last. */
function turnThatAnswered({ row, conversation }: Message): TurnRow | undefined {
  if (row.needsAnswer !== true) return undefined;
  const newest = conversation.turns.findLast(({ firstSeq }) => firstSeq <= row.seq);
  return newest !== undefined && newest.throughSeq >= row.seq ? newest : undefined;
}

function answeredBy({ messages }: Conversation, { firstSeq, throughSeq }: TurnRow): Message[] {
  const start = firstIndex(messages, ({ row }) => row.seq >= firstSeq);
  const end = firstIndex(messages, ({ row }) => row.seq > throughSeq);
  return messages.slice(start, end).filter(({ row }) => row.needsAnswer === true);
}

function repliesTo({ groups, messages }: MemoryTables, { row }: Message, turn: TurnRow | undefined): Message[] {
  const replies = [...(turn === undefined ? [] : (groups.get(turn.id) ?? []))];
  const autoReply = messages.get(row.autoReplyId ?? "");
  if (autoReply !== undefined) replies.push(autoReply);
  return replies;
}
