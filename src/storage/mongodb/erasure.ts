import { keepable } from "../sql/statement.ts";
import type { Erased, EraseOrder, PurgeOrder } from "../storage.ts";
import type { MongoDocument } from "./client.ts";
import { inboundOf, outboundOf } from "./documents.ts";
import { text, textOrNull, texts } from "./fields.ts";
import { lockConversations } from "./locks.ts";
import { FORGOTTEN_AFTER_MS, type Method } from "./operations.ts";
import { readClock, sessionOf } from "./store.ts";
import type { WorkingSet } from "./working-set.ts";
import { addressKey, carrierKey, sendKey, textKey } from "./writes.ts";

/** A key under which nothing may come again. */
const TOMBSTONE = [{ $project: { erased: { $literal: true } } }];

/** See {@link Storage.erase}. */
export const ERASE: Method<EraseOrder, Erased> = { name: "erase", line: "outside", lock: readTime, run: erase };

/** See {@link Storage.purge}. */
export const PURGE: Method<PurgeOrder, Erased> = { name: "purge", line: "outside", lock: readTime, run: purge };

async function readTime(set: WorkingSet): Promise<void> {
  set.setNow(await readClock(set.store, set.session));
}

async function erase(set: WorkingSet, { participant, line }: EraseOrder): Promise<Erased> {
  const filter = { participant: keepable(participant), ...(line === null ? {} : { line: keepable(line) }) };
  const found = await set.find("conversations", filter, { projection: { _id: 1 } });
  const ids = found.map((doc) => text(doc, "_id")).toSorted();
  if (ids.length === 0) return { conversations: 0, messages: 0 };
  await lockConversations(set, { _id: { $in: ids } });
  const { tables } = set.store;
  const inSession = sessionOf(set.session);
  const theirs = { conversationId: { $in: ids } };
  await tables.keys.updateMany(theirs, TOMBSTONE, inSession);
  await forgetAddresses(set, ids);
  const { deletedCount: messages } = await tables.messages.deleteMany(theirs, inSession);
  await tables.turns.deleteMany(theirs, inSession);
  await tables.operations.deleteMany({ conversationIds: { $in: ids } }, inSession);
  await tables.conversations.deleteMany({ _id: { $in: ids } }, inSession);
  return { conversations: ids.length, messages };
}

async function purge(set: WorkingSet, order: PurgeOrder): Promise<Erased> {
  const { tables } = set.store;
  const inSession = sessionOf(set.session);
  await tables.operations.deleteMany({ at: { $lte: set.now - FORGOTTEN_AFTER_MS } }, inSession);
  await tables.counters.deleteMany({ endsAt: { $lte: set.now } }, inSession);
  const docs = await findDone(set, order);
  if (docs.length === 0) return { conversations: 0, messages: 0 };
  await forgetMessages(set, docs);
  return { conversations: await forgetEmptyConversations(set, docs), messages: docs.length };
}

/** What is old enough and not waited for, the oldest first; their conversations are locked. */
async function findDone(set: WorkingSet, { olderThanMs, limit }: PurgeOrder): Promise<readonly MongoDocument[]> {
  const found: MongoDocument[] = [];
  const old = { done: true, createdAt: { $lt: set.now - olderThanMs } };
  let skip = 0;
  while (found.length < limit) {
    const page = await set.find("messages", old, { sort: { createdAt: 1, _id: 1 }, limit, skip });
    const ids = [...new Set(page.map((doc) => text(doc, "conversationId")))].toSorted();
    if (ids.length > 0) await lockConversations(set, { _id: { $in: ids } });
    found.push(...page.filter((doc) => !isPending(set, doc)).slice(0, limit - found.length));
    if (page.length < limit) break;
    skip += limit;
  }
  return found;
}

function isPending(set: WorkingSet, doc: MongoDocument): boolean {
  if (doc.direction !== "inbound") return false;
  const { needsAnswer, seq, conversationId } = inboundOf(doc);
  return needsAnswer && seq > (set.ledger.conversations.get(conversationId)?.shown.answeredSeq ?? 0);
}

async function forgetMessages(set: WorkingSet, docs: readonly MongoDocument[]): Promise<void> {
  const { tables } = set.store;
  const inSession = sessionOf(set.session);
  const ids = docs.map((doc) => text(doc, "_id"));
  await tables.messages.deleteMany({ _id: { $in: ids } }, inSession);
  const keys: string[] = [];
  const carrierIds: string[] = [];
  for (const doc of docs) {
    const key = textOrNull(doc, "key");
    if (doc.direction === "inbound") keys.push(textKey(text(doc, "key")));
    else {
      carrierIds.push(...outboundOf(doc).carrierIds.map(carrierKey));
      if (key !== null && !(await isThere(set, { groupId: text(doc, "groupId") }))) keys.push(sendKey(key));
    }
  }
  await tables.keys.updateMany({ _id: { $in: keys } }, TOMBSTONE, inSession);
  // Another message may have been given the same id of the carrier first.
  await tables.keys.updateMany({ _id: { $in: carrierIds }, outboundId: { $in: ids } }, TOMBSTONE, inSession);
  await tables.messages.updateMany({ autoReplyId: { $in: ids } }, { $unset: { autoReplyId: "" } }, inSession);
  await forgetEmptyTurns(set, docs);
}

/** Turns that have ended, and of which no text and no reply is left. */
async function forgetEmptyTurns(set: WorkingSet, docs: readonly MongoDocument[]): Promise<void> {
  const ids = new Set(
    docs.flatMap((doc): readonly (string | null)[] => {
      return doc.direction === "inbound" ? texts(doc, "turnIds") : [textOrNull(doc, "turnId")];
    }),
  );
  const empty: string[] = [];
  for (const id of ids) {
    if (id === null || (await isThere(set, { turnIds: id })) || (await isThere(set, { groupId: id }))) continue;
    empty.push(id);
  }
  await set.store.tables.turns.deleteMany({ _id: { $in: empty }, outcome: { $ne: null } }, sessionOf(set.session));
}

async function forgetEmptyConversations(set: WorkingSet, docs: readonly MongoDocument[]): Promise<number> {
  const { tables } = set.store;
  const empty: string[] = [];
  for (const id of new Set(docs.map((doc) => text(doc, "conversationId")))) {
    const isPaused = set.ledger.conversations.get(id)?.shown.paused ?? true;
    if (!isPaused && !(await isThere(set, { conversationId: id }))) empty.push(id);
  }
  await forgetAddresses(set, empty);
  await tables.turns.deleteMany({ conversationId: { $in: empty } }, sessionOf(set.session));
  await tables.conversations.deleteMany({ _id: { $in: empty } }, sessionOf(set.session));
  return empty.length;
}

/** They would say who the person was, and keep them from beginning anew. */
async function forgetAddresses(set: WorkingSet, conversationIds: readonly string[]): Promise<void> {
  const keys = conversationIds.flatMap((id) => {
    const row = set.ledger.conversations.get(id);
    return row === undefined ? [] : [addressKey(row.shown.line, row.shown.participant)];
  });
  await set.store.tables.keys.deleteMany({ _id: { $in: keys } }, sessionOf(set.session));
}

async function isThere(set: WorkingSet, filter: object): Promise<boolean> {
  return (await set.find("messages", filter, { projection: { _id: 1 }, limit: 1 })).length > 0;
}
