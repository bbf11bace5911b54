import type { ErasePlan } from "../database.ts";
import { isLedgerNumber } from "../ledger/corrupt.ts";
import type { MessageRow } from "../ledger/rows.ts";
import { isDone } from "../ledger/rules/retention.ts";
import { erasedIn } from "../ledger/stored-answer.ts";
import { DELIVERY_STATUSES, isWord } from "../ledger/words.ts";
import { keepable } from "../sql/statement.ts";
import type { Erased, PurgeOrder } from "../storage.ts";
import type { MongoDocument, MongoSession } from "./client.ts";
import { answerOf } from "./corrupt.ts";
import { idIn } from "./fields.ts";
import { prune } from "./prune.ts";
import { find, readClock, type Store, sessionOf } from "./store.ts";
import { untilCommitted, writing } from "./transaction.ts";

/*
 * Deletions. Each is one transaction that first raises the version of every conversation. So a concurrent decision
 * about one of them cannot be written. The keys stay, but no longer refer to a message. Ids need no tombstone, because
 * no id is used twice.
 */

/** One transaction of a deletion. */
class Deletion {
  readonly store: Store;
  readonly session: MongoSession;

  constructor(store: Store, session: MongoSession) {
    this.store = store;
    this.session = session;
  }

  find(name: Parameters<Store["collection"]>[0], filter: object, options: object = {}) {
    return find(this.store, name, filter, options, this.session);
  }

  async deleteIn(name: Parameters<Store["collection"]>[0], field: string, values: readonly string[]): Promise<void> {
    for (const some of slicesOf(values)) {
      await this.store.collection(name).deleteMany({ [field]: { $in: some } }, sessionOf(this.session));
    }
  }

  async updateIn(
    name: Parameters<Store["collection"]>[0],
    field: string,
    values: readonly string[],
    update: object,
  ): Promise<void> {
    for (const some of slicesOf(values)) {
      await this.store.collection(name).updateMany({ [field]: { $in: some } }, update, sessionOf(this.session));
    }
  }
}

/** The greatest number of values in one condition. */
const MOST_VALUES = 1_000;

function slicesOf(values: readonly string[]): readonly (readonly string[])[] {
  const count = Math.ceil(values.length / MOST_VALUES);
  return Array.from({ length: count }, (_, at) => values.slice(at * MOST_VALUES, (at + 1) * MOST_VALUES));
}

const ID = { projection: { _id: 1 } };

/** See `Storage.erase`. */
export function erase(store: Store, { callId, participantKey, line }: ErasePlan): Promise<Erased> {
  const person = { participantKey: keepable(participantKey), ...(line === null ? {} : { line: keepable(line) }) };
  return once(store, `erase ${callId}`, async (deletion) => {
    const ids = (await deletion.find("conversations", person, ID)).map(idIn).toSorted();
    await raise(deletion, ids);
    const theirs = { conversationId: { $in: ids } };
    const messages = await deletion.find("messages", theirs, { projection: { groupId: 1 } });
    await forget(
      deletion,
      messages.map(idIn),
      messages.flatMap(({ groupId }) => (typeof groupId === "string" ? groupId : [])),
    );
    await deletion.deleteIn("turns", "conversationId", ids);
    await deletion.deleteIn("answers", "conversationIds", ids);
    await deletion.deleteIn("conversations", "_id", ids);
    return { conversations: ids.length, messages: messages.length };
  });
}

/** See `Storage.purge`. */
export async function purge(store: Store, order: PurgeOrder): Promise<Erased> {
  const now = await readClock(store);
  const purged = await once(store, `purge ${order.callId}`, (deletion) => purgeIn(deletion, order, now));
  await store.collection("counters").deleteMany({ endsAt: { $lte: now } });
  while (await prune(store, now, MOST_VALUES));
  return purged;
}

/** Runs a deletion once. A repetition after a lost answer deletes nothing more, and returns the first answer. */
function once(store: Store, name: string, act: (deletion: Deletion) => Promise<Erased>): Promise<Erased> {
  const call = keepable(name);
  return untilCommitted(store, "outside", () =>
    writing(store, async (session) => {
      const deletion = new Deletion(store, session);
      const [known] = await deletion.find("answers", { _id: call });
      if (known !== undefined) return erasedIn(answerOf(known), call);
      const erased = await act(deletion);
      const document = { _id: call, at: await readClock(store, session), answer: JSON.stringify(erased) };
      await store.collection("answers").bulkWrite([{ insertOne: { document } }], sessionOf(session));
      return erased;
    }),
  );
}

/**
 * Raises the versions of conversations, so that each decision that has read one of them is made anew. A conversation
 * whose version is not a number that ownline writes is unreadable, so no decision is based on it.
 */
async function raise({ store, session }: Deletion, conversationIds: readonly string[]): Promise<void> {
  for (const some of slicesOf(conversationIds)) {
    const readable = { _id: { $in: some }, version: { $gte: 0, $lte: Number.MAX_SAFE_INTEGER } };
    await store.collection("conversations").updateMany(readable, { $inc: { version: 1 } }, sessionOf(session));
  }
}

/** Deletes messages with their attempts and events. `groups`: the groups of which no part is left. */
async function forget(deletion: Deletion, messages: readonly string[], groups: readonly string[]): Promise<void> {
  const nowhere = { $unset: { ref: "", attempt: "", content: "" } };
  await deletion.updateIn("keys", "ref", [...messages, ...groups], nowhere);
  await deletion.deleteIn("events", "outboundId", messages);
  await deletion.deleteIn("attempts", "outboundId", messages);
  await deletion.deleteIn("messages", "_id", messages);
}

async function purgeIn(deletion: Deletion, order: PurgeOrder, now: number): Promise<Erased> {
  const rows = await doneIn(deletion, order, now);
  const conversationIds = [...new Set(rows.map(({ conversationId }) => conversationId))].toSorted();
  const ids = rows.map(({ id }) => id);
  const groups = [...new Set(rows.flatMap(({ groupId }) => groupId ?? []))];
  const parts = await deletion.find("messages", { groupId: { $in: groups } }, { projection: { groupId: 1 } });
  const left = new Set(parts.filter((doc) => !ids.includes(idIn(doc))).map(({ groupId }) => groupId));
  await forget(
    deletion,
    ids,
    groups.filter((id) => !left.has(id)),
  );
  for (const id of conversationIds) await forgetTurns(deletion, id, rows);
  const conversations = await forgetEmpty(deletion, conversationIds);
  return { conversations, messages: rows.length };
}

/**
 * The messages that may be purged, the oldest first. Raises the versions of their conversations, so that no decision
 * changes these messages.
 */
async function doneIn(deletion: Deletion, { olderThanMs, limit }: PurgeOrder, now: number): Promise<Aged[]> {
  const found: Aged[] = [];
  const old = { done: true, createdAt: { $lt: now - olderThanMs } };
  const raised = new Set<string>();
  for (let skip = 0; found.length < limit; skip += limit) {
    const oldest = { sort: { createdAt: 1, _id: 1 }, limit, skip, projection: { conversationId: 1 } };
    const page = await deletion.find("messages", old, oldest);
    const owners = [...new Set(page.flatMap(ownerOf))].toSorted();
    await raise(
      deletion,
      owners.filter((id) => !raised.has(id)),
    );
    for (const id of owners) raised.add(id);
    const docs = await deletion.find("conversations", { _id: { $in: owners } }, { projection: { answeredSeq: 1 } });
    const answered = new Map(
      docs.flatMap(({ _id, answeredSeq }) => (isLedgerNumber(answeredSeq) ? [[_id, answeredSeq] as const] : [])),
    );
    // Reads the messages again, because no decision can change them from now on.
    const messages = await deletion.find("messages", { _id: { $in: page.map(idIn) } });
    const done = messages.flatMap(agedOf).filter((row) => isDone(row, answered.get(row.conversationId) ?? null));
    found.push(...done.toSorted(byAge).slice(0, limit - found.length));
    if (page.length < limit) break;
  }
  return found;
}

function ownerOf({ conversationId }: MongoDocument): readonly string[] {
  return typeof conversationId === "string" ? [conversationId] : [];
}

/** The fields that retention reads of a message. The other fields may be unreadable. */
type Aged = Pick<MessageRow, "id" | "conversationId" | "groupId" | "seq" | "createdAt" | "status" | "needsAnswer">;

/** Empty if the message's conversation, position, age or status cannot be read. Such a message stays. */
function agedOf(doc: MongoDocument): readonly Aged[] {
  const { conversationId, groupId, seq, createdAt, status = null, needsAnswer } = doc;
  if (typeof conversationId !== "string" || !isLedgerNumber(seq) || !isLedgerNumber(createdAt)) return [];
  if (status !== null && !isWord(DELIVERY_STATUSES, status)) return [];
  return [
    {
      id: idIn(doc),
      conversationId,
      groupId: typeof groupId === "string" ? groupId : null,
      seq,
      createdAt,
      status,
      needsAnswer: typeof needsAnswer === "boolean" ? needsAnswer : null,
    },
  ];
}

function byAge(one: Aged, other: Aged): number {
  return one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1);
}

/**
 * Deletes ended turns of which no message and no reply is left. It checks only turns that the deleted messages may
 * belong to.
 */
async function forgetTurns(deletion: Deletion, conversationId: string, rows: readonly Aged[]): Promise<void> {
  const seqs = rows.filter((row) => row.conversationId === conversationId).map(({ seq }) => seq);
  const docs = await deletion.find("turns", { conversationId, firstSeq: { $lte: Math.max(...seqs) } });
  const turns = docs.flatMap(endedOf);
  if (turns.length === 0) return;
  const groups = { groupId: { $in: turns.map(({ id }) => id) } };
  const seq = {
    $gte: Math.min(...turns.map(({ firstSeq }) => firstSeq)),
    $lte: Math.max(...turns.map(({ throughSeq }) => throughSeq)),
  };
  const replies = await deletion.find("messages", groups, { projection: { groupId: 1 } });
  const answered = await deletion.find(
    "messages",
    { conversationId, needsAnswer: true, seq },
    { projection: { seq: 1 } },
  );
  const remaining = new Set(replies.map(({ groupId }) => groupId));
  const left = answered.flatMap(({ seq: at }) => (typeof at === "number" ? at : []));
  const empty = turns.filter(({ id, firstSeq, throughSeq }) => {
    return !remaining.has(id) && !left.some((one) => one >= firstSeq && one <= throughSeq);
  });
  await deletion.deleteIn(
    "turns",
    "_id",
    empty.map(({ id }) => id),
  );
}

/** The turn if it has ended, otherwise empty. Also empty if its fields cannot be read: such a turn stays. */
function endedOf(doc: MongoDocument) {
  const { firstSeq, throughSeq, outcome } = doc;
  const isEnded = typeof firstSeq === "number" && typeof throughSeq === "number" && typeof outcome === "string";
  return isEnded ? [{ id: idIn(doc), firstSeq, throughSeq }] : [];
}

async function forgetEmpty(deletion: Deletion, conversationIds: readonly string[]): Promise<number> {
  const empty: string[] = [];
  for (const doc of await deletion.find("conversations", { _id: { $in: conversationIds }, paused: false })) {
    const conversationId = idIn(doc);
    const [left] = await deletion.find("messages", { conversationId }, { ...ID, limit: 1 });
    if (left === undefined) empty.push(conversationId);
  }
  await deletion.deleteIn("turns", "conversationId", empty);
  await deletion.deleteIn("conversations", "_id", empty);
  return empty.length;
}
