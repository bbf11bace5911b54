import type { Erased, EraseOrder, PurgeOrder } from "../storage.ts";
import { type Conversation, isDone, type MemoryTables, type Message } from "./tables.ts";

/** Stored answers, and workers that hold nothing, are deleted after an hour. */
const KEPT_FOR_MS = 60 * 60 * 1000;

/**
 * See `Storage.erase`. The keys stay and lead nowhere. Ids need no trace: what is not there is not found, and no id is
 * given twice.
 */
export function erase(tables: MemoryTables, { participant, line }: EraseOrder): Erased {
  const erased = { conversations: 0, messages: 0 };
  const ids = new Set<string>();
  for (const conversation of Array.from(tables.byParticipant.get(participant) ?? [])) {
    if (line !== null && conversation.row.line !== line) continue;
    erased.conversations += 1;
    erased.messages += conversation.messages.length;
    for (const message of conversation.messages.slice()) tables.deleteMessage(message);
    tables.deleteConversation(conversation);
    ids.add(conversation.row.id);
  }
  for (const [call, { conversationIds }] of tables.answers) {
    if (conversationIds.some((id) => ids.has(id))) tables.answers.delete(call);
  }
  return erased;
}

/** See `Storage.purge`. */
export function purge(tables: MemoryTables, { olderThanMs, limit }: PurgeOrder, now: number): Erased {
  const purged: Message[] = [];
  for (const message of tables.oldest.from({ at: Number.NEGATIVE_INFINITY, id: "" })) {
    if (purged.length >= limit || message.row.createdAt >= now - olderThanMs) break;
    if (isDone(message)) purged.push(message);
  }
  const touched = new Set(purged.map(({ conversation }) => conversation));
  for (const message of purged) tables.deleteMessage(message);
  let emptied = 0;
  for (const conversation of touched) {
    for (const turn of conversation.turns.slice()) {
      if (turn.outcome !== null && !isMentioned(tables, conversation, turn)) tables.deleteTurn(turn);
    }
    tables.touch(conversation);
    if (conversation.messages.length > 0 || conversation.row.paused) continue;
    tables.deleteConversation(conversation);
    emptied += 1;
  }
  pruneMoments(tables, now);
  return { conversations: emptied, messages: purged.length };
}

interface Span {
  readonly id: string;
  readonly firstSeq: number;
  readonly throughSeq: number;
}

/** Whether a message that the turn answers, or that it wrote, is left. */
function isMentioned(
  { groups }: MemoryTables,
  { messages }: Conversation,
  { id, firstSeq, throughSeq }: Span,
): boolean {
  if ((groups.get(id) ?? []).length > 0) return true;
  return messages.some(({ row }) => row.needsAnswer === true && row.seq >= firstSeq && row.seq <= throughSeq);
}

function pruneMoments(tables: MemoryTables, now: number): void {
  for (const [key, { endsAt }] of tables.counters) if (endsAt <= now) tables.counters.delete(key);
  forgetOldAnswers(tables, now);
  for (const [id, { aliveUntil }] of tables.workers) {
    const holds = tables.byLease.has(id) || tables.bySender.has(id);
    if (aliveUntil <= now - KEPT_FOR_MS && !holds) tables.workers.delete(id);
  }
}

/** The oldest come first. */
export function forgetOldAnswers({ answers }: MemoryTables, now: number): void {
  for (const [call, { at }] of answers) {
    if (at > now - KEPT_FOR_MS) return;
    answers.delete(call);
  }
}
