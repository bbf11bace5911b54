import type { Conversation } from "../../model/conversation.ts";
import type { Message } from "../../model/message.ts";
import type { LedgerDatabase, Seen } from "../database.ts";
import { collected } from "../ledger/collected.ts";
import { type DiscardableRow, legible, type UnreadRow } from "../ledger/corrupt.ts";
import { cursorBehind, readCursor } from "../ledger/cursor.ts";
import { PRIMARY_KEYS, TABLES, type Table } from "../ledger/rows.ts";
import { consentOf, conversationOf, messageOf, openCounterOf } from "../ledger/shown.ts";
import type { ChangePage, Consent, ConversationList, ConversationPage, MessagePage, OpenCounter } from "../storage.ts";
import { columnOf, TABLE_NAMES } from "./columns.ts";
import { isOpenWindow } from "./conditions.ts";
import type { SqlDriver, SqlRow } from "./driver.ts";
import { integer, text } from "./fields.ts";
import { collect } from "./loaded.ts";
import { consentRow, conversationRow, counterRow, messageRow } from "./rows.ts";
import { bind, keepable, NOW, oneLine, type Params, prepare, type Statement } from "./statement.ts";

const CONVERSATION = prepare("select c.* from ownline_conversations c where c.id = :id");
const CONSENT = prepare("select s.* from ownline_consents s where s.key = :key");

const NEWEST_CONVERSATIONS = prepare(
  oneLine(`
    select c.* from ownline_conversations c indexed by ownline_conversations_activity
    where c.updated_at > -1 order by c.updated_at desc, c.id desc limit :limit`),
);

const CONVERSATIONS = prepare(
  oneLine(`
    select c.* from ownline_conversations c where (c.updated_at, c.id) < (:at, :id)
    order by c.updated_at desc, c.id desc limit :limit`),
);

const MESSAGES_AFTER = prepare(
  oneLine(`
    select m.* from ownline_messages m
    where m.conversation_id = :conversationId and m.seq > :seq order by m.seq limit :limit`),
);

const MESSAGES_BEFORE = prepare(
  oneLine(`
    select m.* from ownline_messages m
    where m.conversation_id = :conversationId and m.seq < :seq order by m.seq desc limit :limit`),
);

const CHANGES = prepare(
  oneLine(`
    select m.* from ownline_messages m
    where m.conversation_id = :conversationId and m.changed_seq > :seq order by m.changed_seq limit :limit`),
);

const COUNTERS = prepare(
  oneLine(`
    select n.*, ${NOW} as at
    from json_each(:keys) j cross join ownline_counters n on n.key = j.value
    where ${isOpenWindow("n", NOW)}`),
);

const RECORDED = prepare(
  "select k.key from json_each(:keys) j cross join ownline_keys k on k.kind = 'inbound' and k.key = j.value",
);

/** Reads one statement. */
async function readRows(driver: SqlDriver, statement: Statement, params: Params): Promise<readonly SqlRow[]> {
  const [rows = []] = await driver.read([bind(statement, { ...params, now: driver.now() })]);
  return rows;
}

/** See `Storage.conversation`. */
export async function conversation(driver: SqlDriver, id: string): Promise<Conversation | null> {
  const [row] = await readRows(driver, CONVERSATION, { id });
  return row === undefined ? null : conversationOf(conversationRow(row));
}

/** See `Storage.consent`. */
export async function consent(driver: SqlDriver, key: string): Promise<Consent | null> {
  const [row] = await readRows(driver, CONSENT, { key });
  return row === undefined ? null : consentOf(consentRow(row));
}

/** See `LedgerDatabase.conversations`. */
export async function conversations(driver: SqlDriver, page: ConversationPage): Promise<Seen<ConversationList>> {
  const limit = page.limit + 1;
  const rows =
    page.after === undefined
      ? await readRows(driver, NEWEST_CONVERSATIONS, { limit })
      : await readRows(driver, CONVERSATIONS, { limit, ...readCursor(page.after) });
  return conversationsIn(rows, page.limit);
}

/** One page of conversations. `rows` holds one row more than `limit` if there is a next page. */
export function conversationsIn(rows: readonly SqlRow[], limit: number): Seen<ConversationList> {
  const corrupt: UnreadRow[] = [];
  const page = rows.slice(0, limit);
  const listed = legible(page, corrupt, conversationRow).map(conversationOf);
  const last = rows.length > limit ? page.at(-1) : undefined;
  const cursor = last === undefined ? null : cursorBehind({ updatedAt: last.updated_at, id: text(last, "id") });
  return { found: { conversations: listed, cursor }, corrupt };
}

/** See `Storage.messages`. */
export async function messages(driver: SqlDriver, page: MessagePage): Promise<readonly Message[]> {
  const { conversationId, limit } = page;
  const rows =
    page.before === undefined
      ? await readRows(driver, MESSAGES_AFTER, { conversationId, limit, seq: page.after })
      : await readRows(driver, MESSAGES_BEFORE, { conversationId, limit, seq: finite(page.before) });
  return rows.map((row) => messageOf(messageRow(row)));
}

/** Replaces `Infinity`, because databases have no infinite integers. */
function finite(seq: number): number {
  return Math.min(seq, Number.MAX_SAFE_INTEGER);
}

/** See `LedgerDatabase.changes`. */
export async function changes(driver: SqlDriver, page: ChangePage): Promise<SeenChanges> {
  const { conversationId, after, limit } = page;
  return changesIn(await readRows(driver, CHANGES, { conversationId, limit, seq: after }), limit);
}

type SeenChanges = Awaited<ReturnType<LedgerDatabase["changes"]>>;

/**
 * One page of changes. A position that is not a number that ownline writes sorts after all others, so it ends the list.
 */
export function changesIn(rows: readonly SqlRow[], limit: number): SeenChanges {
  const corrupt: UnreadRow[] = [];
  const found = legible(rows, corrupt, messageRow).map(messageOf);
  const last = Number(rows.at(-1)?.changed_seq);
  return { found, corrupt, next: rows.length === limit && Number.isSafeInteger(last) ? last : null };
}

/** See `Storage.counters`. */
export async function counters(driver: SqlDriver, keys: readonly string[]): Promise<readonly OpenCounter[]> {
  const rows = await readRows(driver, COUNTERS, { keys: JSON.stringify(keys.map(keepable)) });
  return rows.map(openCounter);
}

/** An open counter from its row; the column `at` holds the clock. */
export function openCounter(row: SqlRow): OpenCounter {
  return openCounterOf(counterRow(row), integer(row, "at"));
}

/** See `Storage.unrecorded`. */
export async function unrecorded(driver: SqlDriver, keys: readonly string[]): Promise<readonly string[]> {
  const rows = await readRows(driver, RECORDED, { keys: JSON.stringify(keys.map(keepable)) });
  const recorded = new Set(rows.map((row) => text(row, "key")));
  return keys.filter((key) => !recorded.has(key));
}

/** See `LedgerDatabase.unread`. */
export async function unread(driver: SqlDriver, rows: readonly UnreadRow[]): Promise<readonly UnreadRow[]> {
  const found = collected();
  for (const table of TABLES) {
    const keys = rows.filter((row) => row.table === table).map(({ key }) => key);
    if (keys.length === 0) continue;
    for (const row of await readRows(driver, byKeys(table), { keys: JSON.stringify(keys) })) collect(found, table, row);
  }
  return found.corrupt;
}

/** See `LedgerDatabase.discard`. */
export async function discard(driver: SqlDriver, { table, key }: DiscardableRow): Promise<void> {
  await driver.batch([{ sql: `delete from ${TABLE_NAMES[table]} where key = ?`, params: [...key] }]);
}

function byKeys(table: Table): Statement {
  const names = PRIMARY_KEYS[table].map((field, index) => `t.${columnOf(field)} = j.value ->> ${index}`);
  return prepare(`select t.* from json_each(:keys) j cross join ${TABLE_NAMES[table]} t on ${names.join(" and ")}`);
}
