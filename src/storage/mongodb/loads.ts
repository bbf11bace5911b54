import type { MongoDocument } from "./client.ts";
import { number, numberOrNull, text } from "./fields.ts";
import type { ConversationRow, MessageRow, OutboundRow } from "./judgement/rows.ts";
import type { WorkingSet } from "./working-set.ts";
import { carrierKey } from "./writes.ts";

/** The turn that is open in a conversation. */
export async function loadOpenTurn(set: WorkingSet, row: ConversationRow): Promise<void> {
  const { unloadedTurnId } = set.placeOf(row);
  if (unloadedTurnId !== null) await loadTurns(set, [unloadedTurnId]);
}

export async function loadTurns(set: WorkingSet, ids: readonly string[]): Promise<void> {
  const missing = ids.filter((id) => !set.ledger.turns.has(id));
  if (missing.length === 0) return;
  for (const doc of await set.find("turns", { _id: { $in: missing } })) set.addTurn(doc);
}

/** The texts of a conversation that need an answer, from a position on. */
export function textsFrom(set: WorkingSet, conversationId: string, seq: number): Promise<readonly MongoDocument[]> {
  return set.find("messages", { conversationId, needsAnswer: true, seq: { $gte: seq } }, { sort: { seq: 1 } });
}

/** The newest text that waits behind a position, as all the others do not matter to whether one does. */
export async function loadNewestPending(set: WorkingSet, row: ConversationRow, afterSeq: number): Promise<void> {
  const { pendingSeq } = set.placeOf(row);
  if (pendingSeq <= afterSeq) return;
  const conversationId = row.shown.id;
  const newest = { conversationId, needsAnswer: true, seq: { $gte: pendingSeq } };
  set.addPending(row, await set.find("messages", newest, { sort: { seq: 1 } }));
}

/** The messages of a group. */
export async function loadGroup(set: WorkingSet, groupId: string): Promise<MessageRow[]> {
  return set.addMessages(await set.find("messages", { groupId }, { sort: { part: 1 } }));
}

/** A message of ours with its whole group, and with the turn that wrote it where it is asked for. */
export async function loadOutbound(
  set: WorkingSet,
  id: string,
  { withTurn }: { readonly withTurn: boolean } = { withTurn: false },
): Promise<OutboundRow | null> {
  const [doc] = await set.find("messages", { _id: id });
  if (doc === undefined || doc.direction !== "outbound") return null;
  if (withTurn && typeof doc.turnId === "string") await loadTurns(set, [doc.turnId]);
  if (number(doc, "parts") > 1) await loadGroup(set, text(doc, "groupId"));
  const [row] = set.addMessages([doc]);
  return row?.direction === "outbound" ? row : null;
}

/**
 * The first message of a conversation that has not left, among those that are not loaded: what becomes due when the
 * others have moved on. With the earlier parts of its group, for which it waits. All the later ones wait for it.
 */
export async function loadHead(set: WorkingSet, row: ConversationRow): Promise<void> {
  const loaded = row.messages.filter(({ direction }) => direction === "outbound").map(({ message }) => message.id);
  const filter = { conversationId: row.shown.id, open: "queued", _id: { $nin: loaded } };
  const docs = await set.find("messages", filter, { sort: { seq: 1 }, limit: 1 });
  set.addMessages(docs);
  for (const doc of docs) {
    const earlier = { groupId: text(doc, "groupId"), part: { $lt: number(doc, "part") } };
    if (number(doc, "part") > 1) set.addMessages(await set.find("messages", earlier, { sort: { part: 1 } }));
  }
}

/** Everything that an opt-out stops: what has not left in all conversations under a consent, which must be loaded. */
export async function loadStoppable(set: WorkingSet, consentKey: string): Promise<void> {
  for (const { shown } of set.ledger.conversationsByConsentKey.get(consentKey) ?? []) {
    const filter = { conversationId: shown.id, open: { $in: ["queued", "held"] } };
    set.addMessages(await set.find("messages", filter, { sort: { seq: 1 } }));
  }
}

/**
 * The consent that a locked conversation is under. It needs no lock of its own: an opt-out locks every conversation
 * under its consent, and a conversation comes under one only with a lock on both.
 */
export async function loadConsent(set: WorkingSet, { consentKey }: ConversationRow): Promise<void> {
  for (const doc of await set.find("consents", { _id: consentKey })) set.addConsent(doc);
}

/** What is known of carriers' ids; the messages that they name must be loaded already, or are of no concern. */
export async function loadCarrierIds(set: WorkingSet, ids: readonly string[]): Promise<readonly MongoDocument[]> {
  if (ids.length === 0) return [];
  const docs = await set.find("keys", { _id: { $in: ids.map(carrierKey) } });
  for (const doc of docs) {
    const id = text(doc, "_id").slice(carrierKey("").length);
    const owner = doc.erased === true ? undefined : set.ledger.messages.get(text(doc, "outboundId"));
    const attempt =
      owner?.direction === "outbound" ? owner.attempts[(numberOrNull(doc, "attempt") ?? 0) - 1] : undefined;
    set.ledger.attemptByCarrierId.set(id, attempt ?? "erased");
  }
  return docs;
}
