import type { ErasePlan } from "../database.ts";
import { isDone, storedSince } from "../ledger/rules/retention.ts";
import type { Erased, PurgeOrder } from "../storage.ts";
import type { Conversation, Message } from "./entries.ts";
import { firstIndex } from "./sorted-index.ts";
import type { MemoryTables } from "./tables.ts";

/**
 * See `Storage.erase`. The keys stay, but no longer refer to a message. Ids need no tombstone, because no id is used
 * twice.
 */
export function erase(tables: MemoryTables, { participantKey, line }: ErasePlan): Erased {
  const erased = { conversations: 0, messages: 0 };
  const ids = new Set<string>();
  for (const conversation of Array.from(tables.byParticipant.get(participantKey) ?? [])) {
    if (line !== null && conversation.row.line !== line) continue;
    erased.conversations += 1;
    erased.messages += conversation.messages.length;
    tables.deleteMessages(conversation, new Set(conversation.messages));
    tables.deleteConversation(conversation);
    ids.add(conversation.row.id);
  }
  tables.answers.forgetOf(ids);
  return erased;
}

/** See `Storage.purge`. */
export function purge(tables: MemoryTables, { olderThanMs, limit }: PurgeOrder, now: number): Erased {
  const purged = new Map<Conversation, Set<Message>>();
  let messages = 0;
  for (const message of tables.oldest.from({ at: Number.NEGATIVE_INFINITY, id: "" })) {
    if (messages >= limit || message.row.createdAt >= now - olderThanMs) break;
    if (!isDone(message.row, message.conversation.row.answeredSeq)) continue;
    const known = purged.get(message.conversation);
    if (known === undefined) purged.set(message.conversation, new Set([message]));
    else known.add(message);
    messages += 1;
  }
  let conversations = 0;
  for (const [conversation, deleted] of purged) {
    tables.deleteMessages(conversation, deleted);
    for (const turn of conversation.turns.slice()) {
      if (turn.outcome !== null && !isMentioned(tables, conversation, turn)) tables.deleteTurn(turn);
    }
    tables.touch(conversation);
    if (conversation.messages.length > 0 || conversation.row.paused) continue;
    tables.deleteConversation(conversation);
    conversations += 1;
  }
  prune(tables, now);
  return { conversations, messages };
}

interface Span {
  readonly id: string;
  readonly firstSeq: number;
  readonly throughSeq: number;
}

/** Whether a message that the turn answered or wrote is left. */
function isMentioned(
  { groups }: MemoryTables,
  { messages }: Conversation,
  { id, firstSeq, throughSeq }: Span,
): boolean {
  if ((groups.get(id) ?? []).length > 0) return true;
  for (let at = firstIndex(messages, ({ row }) => row.seq >= firstSeq); at < messages.length; at += 1) {
    const row = messages[at]?.row;
    if (row === undefined || row.seq > throughSeq) return false;
    if (row.needsAnswer === true) return true;
  }
  return false;
}

function prune(tables: MemoryTables, now: number): void {
  for (const [key, { endsAt }] of tables.counters) if (endsAt <= now) tables.counters.delete(key);
  tables.answers.forgetOld(now);
  for (const [id, { aliveUntil }] of tables.workers) {
    const holds = tables.byLease.has(id) || tables.bySender.has(id);
    if (aliveUntil < storedSince(now) && !holds) tables.workers.delete(id);
  }
}
