import type { Message } from "../../model/message.ts";
import { cursorOf, readCursor } from "../ledger/cursor.ts";
import { keepable } from "../sql/statement.ts";
import type {
  ChangePage,
  ConversationList,
  ConversationPage,
  DueWork,
  MessagePage,
  MessageStory,
  OpenCounter,
  RivalQuery,
  Rivals,
} from "../storage.ts";
import type { Line } from "./admission.ts";
import type { MongoDocument } from "./client.ts";
import { conversationOf, messageOf } from "./documents.ts";
import { number, text, textOrNull, texts } from "./fields.ts";
import { due as judgeDue, rivals as judgeRivals, story as tellStory } from "./judgement/queries.ts";
import { loadCarrierIds, loadGroup, loadTurns } from "./loads.ts";
import { readClock, type Store, sessionOf } from "./store.ts";
import { transact } from "./transaction.ts";
import { WorkingSet } from "./working-set.ts";
import { textKey } from "./writes.ts";

/** Reads of one moment: a message is never seen without its conversation. */
function reading<R>(store: Store, line: Line, read: (set: WorkingSet) => Promise<R>): Promise<R> {
  return transact(store, line, async (session) => {
    return { answer: await read(new WorkingSet(store, session)), commits: false };
  });
}

/** See {@link Storage.due}. */
export function due(store: Store, limit: number): Promise<DueWork> {
  return reading(store, "worker", async (set) => {
    set.setNow(await readClock(store, set.session));
    const { ledger } = set;
    const dueMessages = await firstBy(set, "messages", "dueAt", limit);
    const dueConversations = await firstBy(set, "conversations", "claimableAt", 1);
    await addConversationsOf(set, dueMessages, dueConversations);
    set.addMessages(dueMessages);
    const work = judgeDue(ledger, limit);
    const waits = [work.nextInMs, await takeOverIn(set)].filter((ms) => ms !== null);
    return { ...work, nextInMs: waits.length === 0 ? null : Math.min(...waits) };
  });
}

/** See {@link Storage.unrecorded}. */
export async function unrecorded(store: Store, keys: readonly string[]): Promise<readonly string[]> {
  const ids = keys.map((key) => textKey(keepable(key)));
  const found = await new WorkingSet(store, null).find("keys", { _id: { $in: ids } });
  const recorded = new Set(found.map((doc) => text(doc, "_id")));
  return keys.filter((key) => !recorded.has(textKey(key)));
}

/** The first documents by a time, and the first one whose time has not come. */
async function firstBy(
  set: WorkingSet,
  table: "messages" | "conversations",
  time: "dueAt" | "claimableAt",
  limit: number,
): Promise<readonly MongoDocument[]> {
  const sort = { [time]: 1, _id: 1 };
  const first = await set.find(table, { [time]: { $exists: true } }, { sort, limit: limit + 1 });
  const last = first.at(-1);
  if (last === undefined || first.length <= limit || number(last, time) > set.now) return first;
  return [...first, ...(await set.find(table, { [time]: { $gt: set.now } }, { sort, limit: 1 }))];
}

async function addConversationsOf(
  set: WorkingSet,
  owned: readonly MongoDocument[],
  loaded: readonly MongoDocument[] = [],
): Promise<void> {
  for (const doc of loaded) set.addConversation(doc);
  const ids = new Set(owned.map((doc) => text(doc, "conversationId")));
  const missing = [...ids].filter((id) => !set.ledger.conversations.has(id));
  if (missing.length === 0) return;
  for (const doc of await set.find("conversations", { _id: { $in: missing } })) set.addConversation(doc);
}

/** When the first worker that holds anything counts as dead, unless it is heard of before. */
async function takeOverIn(set: WorkingSet): Promise<number | null> {
  const { tables } = set.store;
  const options = sessionOf(set.session);
  const holders = [
    ...(await tables.conversations.distinct("leasedTo", { leasedTo: { $exists: true } }, options)),
    ...(await tables.messages.distinct("sendingBy", { sendingBy: { $exists: true } }, options)),
  ];
  if (holders.length === 0) return null;
  const first = { sort: { aliveUntil: 1 }, limit: 1 };
  const [worker] = await set.find("workers", { _id: { $in: [...new Set(holders)] } }, first);
  return worker === undefined ? null : Math.max(number(worker, "aliveUntil") - set.now, 0);
}

/** See {@link Storage.rivals}. */
export function rivals(store: Store, query: RivalQuery): Promise<Rivals> {
  for (const id of [query.outboundId, ...query.carrierIds]) keepable(id);
  return reading(store, "worker", async (set) => {
    const own = await set.find("messages", { _id: query.outboundId });
    for (const doc of own) {
      const conversationId = text(doc, "conversationId");
      const unsettled = await set.find("messages", { conversationId, unsettled: true });
      const queued = await set.find("messages", { conversationId, open: "queued" });
      await addConversationsOf(set, own);
      set.addMessages([...own, ...unsettled, ...queued]);
    }
    await loadCarrierIds(set, query.carrierIds);
    return judgeRivals(set.ledger, query);
  });
}

/** See {@link Storage.story}. */
export function story(store: Store, messageId: string): Promise<MessageStory | null> {
  keepable(messageId);
  return reading(store, "outside", async (set) => {
    const own = await set.find("messages", { _id: messageId });
    await addConversationsOf(set, own);
    for (const doc of own) {
      const turnId = doc.direction === "inbound" ? texts(doc, "turnIds").at(-1) : textOrNull(doc, "turnId");
      if (turnId !== undefined && turnId !== null) {
        await loadTurns(set, [turnId]);
        set.addMessages(await set.find("messages", { $or: [{ turnIds: turnId }, { groupId: turnId }] }));
      }
      const groupId = doc.direction === "inbound" ? textOrNull(doc, "autoReplyId") : text(doc, "groupId");
      if (groupId !== null && groupId !== turnId) await loadGroup(set, groupId);
    }
    set.addMessages(own);
    return tellStory(set.ledger, messageId);
  });
}

/** See {@link Storage.conversations}. */
export async function conversations(store: Store, { limit, after }: ConversationPage): Promise<ConversationList> {
  const options = { sort: { updatedAt: -1, _id: -1 }, limit: limit + 1 };
  const docs = await new WorkingSet(store, null).find(
    "conversations",
    after === undefined ? {} : before(after),
    options,
  );
  const page = docs.slice(0, limit).map(conversationOf);
  const last = docs.length > limit ? page.at(-1) : undefined;
  return { conversations: page, cursor: last === undefined ? null : cursorOf(last) };
}

function before(cursor: string): object {
  const { at, id } = readCursor(cursor);
  return { updatedAt: { $lte: at }, $or: [{ updatedAt: { $lt: at } }, { _id: { $lt: keepable(id) } }] };
}

/** See {@link Storage.messages}. */
export async function messages(store: Store, page: MessagePage): Promise<readonly Message[]> {
  const isUpwards = page.before === undefined;
  const seq = isUpwards ? { $gt: page.after } : { $lt: page.before };
  const filter = { conversationId: keepable(page.conversationId), seq };
  const options = { sort: { seq: isUpwards ? 1 : -1 }, limit: page.limit };
  const docs = page.limit < 1 ? [] : await new WorkingSet(store, null).find("messages", filter, options);
  return docs.map(messageOf);
}

/** See {@link Storage.changes}. */
export async function changes(store: Store, { conversationId, after, limit }: ChangePage): Promise<readonly Message[]> {
  const filter = { conversationId: keepable(conversationId), changedSeq: { $gt: after } };
  const options = { sort: { changedSeq: 1 }, limit };
  const docs = limit < 1 ? [] : await new WorkingSet(store, null).find("messages", filter, options);
  return docs.map(messageOf);
}

/** See {@link Storage.counters}. */
export async function counters(store: Store, keys: readonly string[]): Promise<readonly OpenCounter[]> {
  const now = await readClock(store, null);
  const filter = { _id: { $in: keys.map(keepable) }, endsAt: { $gt: now } };
  const docs = await new WorkingSet(store, null).find("counters", filter);
  return docs.map((doc) => ({
    key: text(doc, "_id"),
    count: number(doc, "charged"),
    endsInMs: number(doc, "endsAt") - now,
  }));
}
