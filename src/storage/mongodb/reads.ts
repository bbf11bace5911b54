import type { Conversation } from "../../model/conversation.ts";
import type { Message } from "../../model/message.ts";
import { cursorOf, readCursor } from "../ledger/cursor.ts";
import { isAhead } from "../ledger/rules/clock.ts";
import { consentOf, conversationOf, messageOf } from "../ledger/shown.ts";
import { keepable } from "../sql/statement.ts";
import type { ChangePage, Consent, ConversationList, ConversationPage, MessagePage, OpenCounter } from "../storage.ts";
import { keyId, rowOf } from "./documents.ts";
import { idIn } from "./roots.ts";
import { find, findIn, readClock, type Store } from "./store.ts";

/** See `Storage.conversation`. */
export async function conversation(store: Store, id: string): Promise<Conversation | null> {
  const [doc] = await find(store, "conversations", { _id: keepable(id) });
  return doc === undefined ? null : conversationOf(rowOf("conversations", doc));
}

/** See `Storage.consent`. */
export async function consent(store: Store, key: string): Promise<Consent | null> {
  const [doc] = await find(store, "consents", { _id: keepable(key) });
  return doc?.version === undefined ? null : consentOf(rowOf("consents", doc));
}

/** See `Storage.conversations`. */
export async function conversations(store: Store, { limit, after }: ConversationPage): Promise<ConversationList> {
  const newest = { sort: { updatedAt: -1, _id: -1 }, limit: limit + 1 };
  const docs = await find(store, "conversations", after === undefined ? {} : before(after), newest);
  const page = docs.slice(0, limit).map((doc) => conversationOf(rowOf("conversations", doc)));
  const last = docs.length > limit ? page.at(-1) : undefined;
  return { conversations: page, cursor: last === undefined ? null : cursorOf(last) };
}

function before(cursor: string): object {
  const { at, id } = readCursor(cursor);
  return { updatedAt: { $lte: at }, $or: [{ updatedAt: { $lt: at } }, { _id: { $lt: keepable(id) } }] };
}

/** See `Storage.messages`. */
export async function messages(store: Store, page: MessagePage): Promise<readonly Message[]> {
  const isUpwards = page.before === undefined;
  const seq = isUpwards ? { $gt: page.after } : { $lt: page.before };
  const filter = { conversationId: keepable(page.conversationId), seq };
  return await messagesBy(store, filter, { seq: isUpwards ? 1 : -1 }, page.limit);
}

/** See `Storage.changes`. */
export async function changes(store: Store, { conversationId, after, limit }: ChangePage): Promise<readonly Message[]> {
  const filter = { conversationId: keepable(conversationId), changedSeq: { $gt: after } };
  return await messagesBy(store, filter, { changedSeq: 1 }, limit);
}

/** MongoDB reads a limit of 0 as unlimited. */
async function messagesBy(store: Store, filter: object, sort: object, limit: number): Promise<readonly Message[]> {
  const docs = limit < 1 ? [] : await find(store, "messages", filter, { sort, limit });
  return docs.map((doc) => messageOf(rowOf("messages", doc)));
}

/** See `Storage.counters`. */
export async function counters(store: Store, keys: readonly string[]): Promise<readonly OpenCounter[]> {
  const [now, docs] = await Promise.all([readClock(store), findIn(store, "counters", "_id", keys.map(keepable))]);
  const rows = docs.map((doc) => rowOf("counters", doc));
  const open = rows.filter(({ endsAt, writtenAt }) => endsAt > now && !isAhead(writtenAt, now));
  return open.map(({ key, charged, endsAt }) => ({ key, count: charged, endsInMs: endsAt - now }));
}

/** See `Storage.unrecorded`. */
export async function unrecorded(store: Store, keys: readonly string[]): Promise<readonly string[]> {
  const ids = keys.map((key) => keyId("inbound", key));
  const recorded = new Set((await findIn(store, "keys", "_id", ids, { projection: { _id: 1 } })).map(idIn));
  return keys.filter((key) => !recorded.has(keyId("inbound", key)));
}
