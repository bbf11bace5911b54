import type { Conversation } from "../../model/conversation.ts";
import type { Message } from "../../model/message.ts";
import { cursorOf, readCursor } from "../ledger/cursor.ts";
import { integer, text } from "../sql/fields.ts";
import { keepable } from "../sql/statement.ts";
import type { ChangePage, Consent, ConversationList, ConversationPage, MessagePage, OpenCounter } from "../storage.ts";
import { rowsOf } from "./answer.ts";
import type { PostgresLedger } from "./ledger.ts";
import { consentOf, conversationOf, messageOf } from "./rows.ts";

/*
 * Reads. Each is one row with the text of one JSON: the types that the pool is set to parse do not matter.
 */

/** The rows of a select as one JSON list, in its order. */
function list(select: string): string {
  return `select coalesce(json_agg(to_json(l)), '[]')::text as answer from (${select}) l`;
}

const READ_CONVERSATION = list("select c.* from ownline_conversations c where c.id = $1");

const READ_CONSENT = list("select s.* from ownline_consents s where s.consent_key = $1");

const READ_CONVERSATIONS = list(`
  select c.* from ownline_conversations c where (c.updated_at, c.id) < ($1::bigint, $2::text)
  order by c.updated_at desc, c.id desc limit $3::bigint`);

const READ_MESSAGES_AFTER = list(`
  select m.* from ownline_messages m where m.conversation_id = $1 and m.seq > $2::bigint
  order by m.seq limit $3::bigint`);

const READ_MESSAGES_BEFORE = list(`
  select m.* from ownline_messages m where m.conversation_id = $1 and m.seq < $2::bigint
  order by m.seq desc limit $3::bigint`);

const READ_CHANGES = list(`
  select m.* from ownline_messages m where m.conversation_id = $1 and m.changed_seq > $2::bigint
  order by m.changed_seq limit $3::bigint`);

/** See `Storage.conversation`. */
export async function conversation(ledger: PostgresLedger, id: string): Promise<Conversation | null> {
  const [row] = rowsOf(await ledger.read(READ_CONVERSATION, [id]));
  return row === undefined ? null : conversationOf(row);
}

/** See `Storage.consent`. */
export async function consent(ledger: PostgresLedger, consentKey: string): Promise<Consent | null> {
  const [row] = rowsOf(await ledger.read(READ_CONSENT, [consentKey]));
  return row === undefined ? null : consentOf(row);
}

/** See `Storage.conversations`. */
export async function conversations(ledger: PostgresLedger, page: ConversationPage): Promise<ConversationList> {
  const { at, id } = page.after === undefined ? NEWEST : readCursor(page.after);
  const rows = rowsOf(await ledger.read(READ_CONVERSATIONS, [at, id, page.limit + 1]));
  const listed = rows.slice(0, page.limit).map(conversationOf);
  const last = rows.length > page.limit ? listed.at(-1) : undefined;
  return { conversations: listed, cursor: last === undefined ? null : cursorOf(last) };
}

const NEWEST = { at: Number.MAX_SAFE_INTEGER, id: "" };

/** See `Storage.messages`. */
export async function messages(ledger: PostgresLedger, page: MessagePage): Promise<readonly Message[]> {
  const { conversationId, limit } = page;
  const told =
    page.before === undefined
      ? await ledger.read(READ_MESSAGES_AFTER, [conversationId, page.after, limit])
      : await ledger.read(READ_MESSAGES_BEFORE, [conversationId, finite(page.before), limit]);
  return rowsOf(told).map(messageOf);
}

/** Databases know no infinity among their integers. */
function finite(seq: number): number {
  return Math.min(seq, Number.MAX_SAFE_INTEGER);
}

/** See `Storage.changes`. */
export async function changes(ledger: PostgresLedger, page: ChangePage): Promise<readonly Message[]> {
  const { conversationId, after, limit } = page;
  return rowsOf(await ledger.read(READ_CHANGES, [conversationId, after, limit])).map(messageOf);
}

const READ_COUNTERS = list(`
  select k.key, k.count, k.ends_at - ownline_1_now($2::bigint) as ends_in
  from json_array_elements_text($1::json) j(key) join ownline_counters k on k.key = j.key
  where k.ends_at > ownline_1_now($2::bigint)`);

/** See `Storage.counters`. */
export async function counters(ledger: PostgresLedger, keys: readonly string[]): Promise<readonly OpenCounter[]> {
  const told = await ledger.read(READ_COUNTERS, [JSON.stringify(keys.map(keepable)), ledger.now()]);
  return rowsOf(told).map((row) => ({
    key: text(row, "key"),
    count: integer(row, "count"),
    endsInMs: integer(row, "ends_in"),
  }));
}
