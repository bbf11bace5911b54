import { isFinal } from "../../model/delivery-status.ts";
import type { Erased, EraseOrder, PurgeOrder } from "../storage.ts";
import { addressOf, endLease, indexLeaving, type Ledger } from "./ledger.ts";
import type { ConversationRow, MessageRow, TurnRow } from "./rows.ts";

/**
 * See {@link Storage.erase}. The keys keep a tombstone. Ids need none: what is not there is not found, and nobody
 * gives an id twice. The ids of the conversations that went are added to `erasedIds`.
 */
export function erase(ledger: Ledger, { participant, line }: EraseOrder, erasedIds: Set<string>): Erased {
  const erased = { conversations: 0, messages: 0 };
  for (const row of ledger.conversationsByParticipant.get(participant) ?? []) {
    if (line !== null && row.shown.line !== line) continue;
    erased.conversations += 1;
    erased.messages += row.messages.length;
    for (const message of row.messages) forgetMessage(ledger, message);
    forgetConversation(ledger, row);
    erasedIds.add(row.shown.id);
  }
  return erased;
}

/** See {@link Storage.purge}. */
export function purge(ledger: Ledger, { olderThanMs, limit }: PurgeOrder): Erased {
  const now = ledger.clock.now();
  const purged = new Set<MessageRow>();
  const touched = new Set<ConversationRow>();
  for (const row of ledger.oldest.from({ at: Number.NEGATIVE_INFINITY, id: "" })) {
    if (purged.size >= limit || row.message.createdAt >= now - olderThanMs) break;
    if (isWaitedFor(row)) continue;
    purged.add(row);
    touched.add(row.conversation);
  }
  for (const row of purged) forgetMessage(ledger, row);
  let emptied = 0;
  for (const row of touched) {
    row.messages = row.messages.filter((message) => !purged.has(message));
    row.changes = row.changes.filter((entry) => !purged.has(entry.row));
    row.turns = row.turns.filter((turn) => !forgetEmptyTurn(ledger, turn));
    if (row.messages.length > 0 || row.shown.paused) continue;
    forgetConversation(ledger, row);
    emptied += 1;
  }
  for (const [key, counter] of ledger.counters) if (counter.endsAt <= now) ledger.counters.delete(key);
  return { conversations: emptied, messages: purged.size };
}

function isWaitedFor(row: MessageRow): boolean {
  return row.direction === "inbound" ? row.conversation.pending.includes(row) : !isFinal(row.message.status);
}

function forgetMessage(ledger: Ledger, row: MessageRow): void {
  const { id, createdAt } = row.message;
  ledger.messages.delete(id);
  ledger.oldest.delete({ at: createdAt, id });
  if (row.direction === "inbound") {
    ledger.inboundByKey.set(row.key, "erased");
    for (const turn of row.turns) remove(turn.texts, row);
    return;
  }
  if (row.indexedAt !== null) ledger.dueMessages.delete({ at: row.indexedAt, id });
  indexLeaving(ledger, row, false);
  for (const attempt of row.attempts) {
    if (attempt.workerId !== null) ledger.workers.get(attempt.workerId)?.sending.delete(attempt);
    row.conversation.unsettled.delete(attempt);
  }
  for (const carrierId of row.message.carrierIds) {
    const named = ledger.attemptByCarrierId.get(carrierId);
    if (named !== "erased" && named?.message === row) ledger.attemptByCarrierId.set(carrierId, "erased");
  }
  if (row.message.origin === "auto-reply") {
    for (const text of row.conversation.messages) {
      if (text.direction === "inbound" && text.autoReply === row) text.autoReply = null;
    }
  }
  remove(row.group, row);
  if (row.key !== null && row.group.length === 0) ledger.groupByKey.set(row.key, "erased");
}

/** A turn that has ended, and of which no text and no reply is left. Returns whether it went. */
function forgetEmptyTurn(ledger: Ledger, turn: TurnRow): boolean {
  if (turn.shown.outcome === null || turn.texts.length > 0 || turn.group.length > 0) return false;
  return ledger.turns.delete(turn.shown.id);
}

function remove<T>(list: T[], element: T): void {
  const at = list.indexOf(element);
  if (at >= 0) list.splice(at, 1);
}

function forgetConversation(ledger: Ledger, row: ConversationRow): void {
  const { id, line, participant, updatedAt } = row.shown;
  endLease(ledger, row);
  for (const turn of row.turns) ledger.turns.delete(turn.shown.id);
  if (row.indexedAt !== null) ledger.dueTurns.delete({ at: row.indexedAt, id });
  ledger.recent.delete({ at: updatedAt, id });
  ledger.conversations.delete(id);
  ledger.conversationByAddress.delete(addressOf(line, participant));
  removeFrom(ledger.conversationsByParticipant, participant, row);
  removeFrom(ledger.conversationsByConsentKey, row.consentKey, row);
}

function removeFrom<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const values = index.get(key);
  values?.delete(value);
  if (values?.size === 0) index.delete(key);
}
