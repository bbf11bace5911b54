import type { MongoDocument } from "./client.ts";
import { number, text } from "./fields.ts";
import type { ConversationRow } from "./judgement/rows.ts";
import type { Table } from "./schema.ts";
import { sessionOf } from "./store.ts";
import { withinReach } from "./within-reach.ts";
import type { WorkingSet } from "./working-set.ts";
import { addressKey } from "./writes.ts";

/** A lock is a write: of two transactions that lock one document, one is told to begin anew. It tells the time too. */
const LOCK = { $inc: { v: 1 }, $currentDate: { lockedAt: true } } as const;

/** Locks a document and reads it as it is then. */
async function lock(set: WorkingSet, table: Table, filter: object, how: object = {}): Promise<MongoDocument | null> {
  const options = { returnDocument: "after", ...how, ...sessionOf(set.session) };
  const doc = await set.store.tables[table].findOneAndUpdate(filter, LOCK, options);
  if (doc !== null) set.setNowBy(doc);
  return doc;
}

/** Locks a conversation: the first one of a condition. */
export async function lockConversation(
  set: WorkingSet,
  filter: object,
  how: { readonly sort?: object } = {},
): Promise<ConversationRow | null> {
  const doc = await lock(set, "conversations", filter, how);
  return doc === null ? null : set.addConversation(doc);
}

/**
 * Locks the conversation of an address, or the right to begin it: of two that would, the second one fails at the
 * address's document, runs again, and finds the first one's conversation.
 */
export async function lockAddress(set: WorkingSet, id: string, line: string, participant: string): Promise<void> {
  if ((await lockConversation(set, { participant, line })) !== null) return;
  const document = { _id: addressKey(line, participant) };
  await set.store.tables.keys.bulkWrite([{ insertOne: { document } }], sessionOf(set.session));
  set.addConversation({ _id: id });
}

/** Locks the conversation that a message belongs to. */
export async function lockConversationOf(set: WorkingSet, messageId: string): Promise<ConversationRow | null> {
  const [doc] = await set.find("messages", { _id: messageId }, { projection: { conversationId: 1 } });
  return doc === undefined ? null : lockConversation(set, { _id: text(doc, "conversationId") });
}

/** Locks several conversations. None may join them meanwhile. */
export async function lockConversations(set: WorkingSet, filter: object): Promise<void> {
  await set.store.tables.conversations.updateMany(filter, LOCK, sessionOf(set.session));
  for (const doc of await set.find("conversations", filter)) set.addConversation(doc);
}

/** Locks a person's consent, whether there is one or not. */
export async function lockConsent(set: WorkingSet, consentKey: string): Promise<void> {
  const doc = await lock(set, "consents", { _id: consentKey }, { upsert: true });
  if (doc !== null) set.addConsent(doc);
}

/** Locks counters. */
export async function lockCounters(set: WorkingSet, keys: readonly string[]): Promise<void> {
  for (const doc of await lockAll(set, "counters", keys)) {
    set.ledger.counters.set(text(doc, "_id"), { endsAt: number(doc, "endsAt"), charged: number(doc, "charged") });
  }
}

/** Locks a sender's pace. */
export async function lockPace(set: WorkingSet, key: string): Promise<void> {
  for (const doc of await lockAll(set, "paces", [key])) {
    set.ledger.paces.set(key, {
      freeAt: number(doc, "freeAt"),
      usedUntil: number(doc, "usedUntil"),
      epoch: number(doc, "epoch"),
    });
  }
}

/**
 * Locks documents by their ids, always in the same order. One that is not there is guarded by its id, which only one
 * transaction can insert.
 */
export async function lockAll(
  set: WorkingSet,
  table: Table,
  ids: readonly string[],
): Promise<readonly MongoDocument[]> {
  const locked: MongoDocument[] = [];
  for (const id of ids.toSorted()) {
    // Lock and read are one command: what appears between two would be judged without a lock.
    const doc = await lock(set, table, { _id: id });
    if (doc !== null) locked.push(doc);
  }
  return locked;
}

/**
 * Notes that a worker is alive. Not in the transaction, in which everything that one process does at the same time
 * would collide on this document; but before its commit, so that a lease is never seen without its worker. A worker's
 * document outlives its time by far (see `heartbeat`), so a lease that is written late is found all the same.
 */
export async function keepWorkerAlive(set: WorkingSet, workerId: string, leaseMs: number): Promise<void> {
  const { workers } = set.store.tables;
  const update = { $max: { aliveUntil: set.now + leaseMs } };
  await withinReach(set.store.db, () => workers.updateOne({ _id: workerId }, update, { upsert: true }));
}
