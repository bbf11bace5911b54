import type { Conversation } from "../../model/conversation.ts";
import type { Message } from "../../model/message.ts";
import type { LedgerDatabase, Seen } from "../database.ts";
import { collected } from "../ledger/collected.ts";
import { type DiscardableRow, isLedgerNumber, legible, type UnreadRow } from "../ledger/corrupt.ts";
import { cursorBehind, readCursor } from "../ledger/cursor.ts";
import { TABLES, type Table } from "../ledger/rows.ts";
import { isOpenWindow } from "../ledger/rules/counters.ts";
import { consentOf, conversationOf, messageOf, openCounterOf } from "../ledger/shown.ts";
import { keepable } from "../sql/statement.ts";
import type { ChangePage, Consent, ConversationList, ConversationPage, MessagePage, OpenCounter } from "../storage.ts";
import type { MongoDocument } from "./client.ts";
import { keyId, rowOf } from "./documents.ts";
import { idIn } from "./fields.ts";
import { collect } from "./slices.ts";
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

/** See `LedgerDatabase.conversations`. */
export async function conversations(store: Store, { limit, after }: ConversationPage): Promise<Seen<ConversationList>> {
  const newest = { sort: { updatedAt: -1, _id: -1 }, limit: limit + 1 };
  const docs = await find(store, "conversations", after === undefined ? {} : before(after), newest);
  const corrupt: UnreadRow[] = [];
  const page = docs.slice(0, limit);
  const listed = legible(page, corrupt, (doc) => conversationOf(rowOf("conversations", doc)));
  const last = docs.length > limit ? page.at(-1) : undefined;
  const cursor = last === undefined ? null : cursorBehind({ updatedAt: last.updatedAt, id: idIn(last) });
  return { found: { conversations: listed, cursor }, corrupt };
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
  return (await messagesBy(store, filter, { seq: isUpwards ? 1 : -1 }, page.limit)).map(shown);
}

/** See `LedgerDatabase.changes`. */
export async function changes(
  store: Store,
  { conversationId, after, limit }: ChangePage,
): ReturnType<LedgerDatabase["changes"]> {
  const filter = { conversationId: keepable(conversationId), changedSeq: { $gt: after } };
  const docs = await messagesBy(store, filter, { changedSeq: 1 }, limit);
  const corrupt: UnreadRow[] = [];
  const found = legible(docs, corrupt, shown);
  const last = docs.at(-1)?.changedSeq;
  return { found, corrupt, next: docs.length === limit && isLedgerNumber(last) ? last : null };
}

/** MongoDB reads a limit of 0 as unlimited. */
async function messagesBy(store: Store, filter: object, sort: object, limit: number) {
  return limit < 1 ? [] : await find(store, "messages", filter, { sort, limit });
}

function shown(doc: MongoDocument): Message {
  return messageOf(rowOf("messages", doc));
}

/** See `Storage.counters`. */
export async function counters(store: Store, keys: readonly string[]): Promise<readonly OpenCounter[]> {
  const [now, docs] = await Promise.all([readClock(store), findIn(store, "counters", "_id", keys.map(keepable))]);
  const rows = docs.map((doc) => rowOf("counters", doc));
  return rows.filter((row) => isOpenWindow(row, now)).map((row) => openCounterOf(row, now));
}

/** See `Storage.unrecorded`. */
export async function unrecorded(store: Store, keys: readonly string[]): Promise<readonly string[]> {
  const ids = keys.map((key) => keyId("inbound", key));
  const recorded = new Set((await findIn(store, "keys", "_id", ids, { projection: { _id: 1 } })).map(idIn));
  return keys.filter((key) => !recorded.has(keyId("inbound", key)));
}

/** See `LedgerDatabase.unread`. */
export async function unread(store: Store, rows: readonly UnreadRow[]): Promise<readonly UnreadRow[]> {
  const found = collected();
  for (const table of TABLES) {
    const ids = rows.filter((row) => row.table === table).map(({ key }) => key.join(" "));
    const docs = await findIn(store, table, "_id", ids);
    // A document of a consent, a rate limit or a sweep without a version is not a row.
    collect(found, table, isVersioned(table) ? docs.filter(({ version }) => version !== undefined) : docs);
  }
  return found.corrupt;
}

/** See `LedgerDatabase.discard`. */
export async function discard(store: Store, { table, key }: DiscardableRow): Promise<void> {
  await store.collection(table).deleteMany({ _id: { $in: [key.join(" ")] } });
}

function isVersioned(table: Table): boolean {
  return table === "consents" || table === "rateLimits" || table === "sweeps";
}
