import type { Conversation } from "../../model/conversation.ts";
import type { Message } from "../../model/message.ts";
import { cursorOf, readCursor } from "../ledger/cursor.ts";
import { consentOf, conversationOf, messageOf } from "../ledger/shown.ts";
import { isAhead } from "../sql/conditions.ts";
import { integer, text } from "../sql/fields.ts";
import { consentRow, conversationRow, messageRow } from "../sql/rows.ts";
import { keepable } from "../sql/statement.ts";
import type { ChangePage, Consent, ConversationList, ConversationPage, MessagePage, OpenCounter } from "../storage.ts";
import type { PostgresClient } from "./client.ts";
import { rowsOf } from "./rows.ts";

/*
 * Reads. Each is one row with the text of one JSON: the types that the pool is set to parse do not matter.
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
  select k.key, k.charged, k.ends_at - ownline_1_now($2::bigint) as ends_in from ownline_counters k
  where k.key = any (array(select jsonb_array_elements_text($1::jsonb))) and k.ends_at > ownline_1_now($2::bigint)
    and not ${isAhead("k", "ownline_1_now($2::bigint)")}`);

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

/** See `Storage.conversations`. */
export async function conversations(client: PostgresClient, page: ConversationPage): Promise<ConversationList> {
  const { at, id } = page.after === undefined ? NEWEST : readCursor(page.after);
  const rows = rowsOf(await client.read(CONVERSATIONS, [at, id, page.limit + 1]));
  const listed = rows.slice(0, page.limit).map((row) => conversationOf(conversationRow(row)));
  const last = rows.length > page.limit ? listed.at(-1) : undefined;
  return { conversations: listed, cursor: last === undefined ? null : cursorOf(last) };
}

/** See `Storage.messages`. */
export async function messages(client: PostgresClient, page: MessagePage): Promise<readonly Message[]> {
  const { conversationId, limit } = page;
  const told =
    page.before === undefined
      ? await client.read(MESSAGES_AFTER, [conversationId, page.after, limit])
      : await client.read(MESSAGES_BEFORE, [conversationId, Math.min(page.before, Number.MAX_SAFE_INTEGER), limit]);
  return rowsOf(told).map((row) => messageOf(messageRow(row)));
}

/** See `Storage.changes`. */
export async function changes(client: PostgresClient, page: ChangePage): Promise<readonly Message[]> {
  const { conversationId, after, limit } = page;
  return rowsOf(await client.read(CHANGES, [conversationId, after, limit])).map((row) => messageOf(messageRow(row)));
}

/** See `Storage.counters`. */
export async function counters(client: PostgresClient, keys: readonly string[]): Promise<readonly OpenCounter[]> {
  const told = await client.read(COUNTERS, [JSON.stringify(keys.map(keepable)), client.now()]);
  return rowsOf(told).map((row) => ({
    key: text(row, "key"),
    count: integer(row, "charged"),
    endsInMs: integer(row, "ends_in"),
  }));
}

/** See `Storage.unrecorded`. */
export async function unrecorded(client: PostgresClient, keys: readonly string[]): Promise<readonly string[]> {
  const told = await client.read(RECORDED, [JSON.stringify(keys.map(keepable))]);
  const recorded = new Set(rowsOf(told).map((row) => text(row, "key")));
  return keys.filter((key) => !recorded.has(key));
}
