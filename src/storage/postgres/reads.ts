import type { Conversation } from "../../model/conversation.ts";
import type { Message } from "../../model/message.ts";
import type { LedgerDatabase, Seen } from "../database.ts";
import { collected } from "../ledger/collected.ts";
import type { DiscardableRow, UnreadRow } from "../ledger/corrupt.ts";
import { readCursor } from "../ledger/cursor.ts";
import { PRIMARY_KEYS, TABLES, type Table } from "../ledger/rows.ts";
import { consentOf, conversationOf, messageOf } from "../ledger/shown.ts";
import { columnOf, TABLE_NAMES } from "../sql/columns.ts";
import { isOpenWindow } from "../sql/conditions.ts";
import { text } from "../sql/fields.ts";
import { collect } from "../sql/loaded.ts";
import { changesIn, conversationsIn, openCounter } from "../sql/reads.ts";
import { consentRow, conversationRow, messageRow } from "../sql/rows.ts";
import { keepable } from "../sql/statement.ts";
import type { ChangePage, Consent, ConversationList, ConversationPage, MessagePage, OpenCounter } from "../storage.ts";
import type { PostgresClient } from "./client.ts";
import { rowsOf } from "./rows.ts";

/*
 * Reads. Each returns one row with one JSON text, so the type parsers that are set for the pool do not matter.
 */

/** The rows of a select as one JSON list, in its order. */
function list(select: string): string {
  return `select coalesce(json_agg(to_json(l)), '[]')::text as answer from (${select}) l`;
}

const CONVERSATION = list("select c.* from ownline_conversations c where c.id = $1");

const CONSENT = list("select s.* from ownline_consents s where s.key = $1");

const CONVERSATIONS = list(`
  select c.* from ownline_conversations c where (c.updated_at, c.id) < ($1::bigint, $2::text)
  order by c.updated_at desc, c.id desc limit $3::bigint`);

const MESSAGES_AFTER = list(`
  select m.* from ownline_messages m where m.conversation_id = $1 and m.seq > $2::bigint
  order by m.seq limit $3::bigint`);

const MESSAGES_BEFORE = list(`
  select m.* from ownline_messages m where m.conversation_id = $1 and m.seq < $2::bigint
  order by m.seq desc limit $3::bigint`);

const CHANGES = list(`
  select m.* from ownline_messages m where m.conversation_id = $1 and m.changed_seq > $2::bigint
  order by m.changed_seq limit $3::bigint`);

const COUNTERS = list(`
  select k.*, ownline_1_now($2::bigint) as at from ownline_counters k
  where k.key = any (array(select jsonb_array_elements_text($1::jsonb)))
    and ${isOpenWindow("k", "ownline_1_now($2::bigint)")}`);

const RECORDED = list(`
  select k.key from ownline_keys k
  where k.kind = 'inbound' and k.key = any (array(select jsonb_array_elements_text($1::jsonb)))`);

/** See `Storage.conversation`. */
export async function conversation(client: PostgresClient, id: string): Promise<Conversation | null> {
  const [row] = rowsOf(await client.read(CONVERSATION, [id]));
  return row === undefined ? null : conversationOf(conversationRow(row));
}

/** See `Storage.consent`. */
export async function consent(client: PostgresClient, key: string): Promise<Consent | null> {
  const [row] = rowsOf(await client.read(CONSENT, [key]));
  return row === undefined ? null : consentOf(consentRow(row));
}

const NEWEST = { at: Number.MAX_SAFE_INTEGER, id: "" };

/** See `LedgerDatabase.conversations`. */
export async function conversations(client: PostgresClient, page: ConversationPage): Promise<Seen<ConversationList>> {
  const { at, id } = page.after === undefined ? NEWEST : readCursor(page.after);
  return conversationsIn(rowsOf(await client.read(CONVERSATIONS, [at, id, page.limit + 1])), page.limit);
}

/** See `Storage.messages`. */
export async function messages(client: PostgresClient, page: MessagePage): Promise<readonly Message[]> {
  const { conversationId, limit } = page;
  const answer =
    page.before === undefined
      ? await client.read(MESSAGES_AFTER, [conversationId, page.after, limit])
      : await client.read(MESSAGES_BEFORE, [conversationId, Math.min(page.before, Number.MAX_SAFE_INTEGER), limit]);
  return rowsOf(answer).map((row) => messageOf(messageRow(row)));
}

/** See `LedgerDatabase.changes`. */
export async function changes(client: PostgresClient, page: ChangePage): ReturnType<LedgerDatabase["changes"]> {
  const { conversationId, after, limit } = page;
  return changesIn(rowsOf(await client.read(CHANGES, [conversationId, after, limit])), limit);
}

/** See `Storage.counters`. */
export async function counters(client: PostgresClient, keys: readonly string[]): Promise<readonly OpenCounter[]> {
  const answer = await client.read(COUNTERS, [JSON.stringify(keys.map(keepable)), client.now()]);
  return rowsOf(answer).map(openCounter);
}

/** See `Storage.unrecorded`. */
export async function unrecorded(client: PostgresClient, keys: readonly string[]): Promise<readonly string[]> {
  const answer = await client.read(RECORDED, [JSON.stringify(keys.map(keepable))]);
  const recorded = new Set(rowsOf(answer).map((row) => text(row, "key")));
  return keys.filter((key) => !recorded.has(key));
}

/** See `LedgerDatabase.unread`. */
export async function unread(client: PostgresClient, rows: readonly UnreadRow[]): Promise<readonly UnreadRow[]> {
  const found = collected();
  for (const table of TABLES) {
    const keys = rows.filter((row) => row.table === table).map(({ key }) => key);
    if (keys.length === 0) continue;
    const answer = rowsOf(await client.read(byKeys(table), [JSON.stringify(keys)]));
    for (const row of answer) collect(found, table, row);
  }
  return found.corrupt;
}

/** See `LedgerDatabase.discard`. */
export async function discard(client: PostgresClient, { table, key }: DiscardableRow): Promise<void> {
  const deletion = `delete from ${TABLE_NAMES[table]} where key = $1 returning 1`;
  await client.read(`with d as (${deletion}) select count(*)::text as answer from d`, [...key]);
}

/** Finds each row by its own subselect, so that an index is used. */
function byKeys(table: Table): string {
  const names = PRIMARY_KEYS[table].map((field, index) => {
    const isNumber = field === "attempt" || field === "position";
    return `o.${columnOf(field)} = ${isNumber ? `(k.key ->> ${index})::bigint` : `k.key ->> ${index}`}`;
  });
  return list(`
    select t.* from jsonb_array_elements($1::jsonb) as k(key) cross join lateral (
      select o.* from ${TABLE_NAMES[table]} o where ${names.join(" and ")} limit 1) t`);
}
