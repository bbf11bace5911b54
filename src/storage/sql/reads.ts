import type { Conversation } from "../../model/conversation.ts";
import type { Message } from "../../model/message.ts";
import { cursorOf, readCursor } from "../ledger/cursor.ts";
import { consentOf, conversationOf, messageOf } from "../ledger/shown.ts";
import type { ChangePage, Consent, ConversationList, ConversationPage, MessagePage, OpenCounter } from "../storage.ts";
import { isAhead } from "./conditions.ts";
import type { SqlDriver, SqlRow } from "./driver.ts";
import { integer, text } from "./fields.ts";
import { consentRow, conversationRow, messageRow } from "./rows.ts";
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
    select n.key, n.charged, n.ends_at - ${NOW} as ends_in
    from json_each(:keys) j cross join ownline_counters n on n.key = j.value
    where n.ends_at > ${NOW} and not ${isAhead("n", NOW)}`),
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

/** See `Storage.conversations`. */
export async function conversations(driver: SqlDriver, page: ConversationPage): Promise<ConversationList> {
  const limit = page.limit + 1;
  const rows =
    page.after === undefined
      ? await readRows(driver, NEWEST_CONVERSATIONS, { limit })
      : await readRows(driver, CONVERSATIONS, { limit, ...readCursor(page.after) });
  const listed = rows.slice(0, page.limit).map((row) => conversationOf(conversationRow(row)));
  const last = rows.length > page.limit ? listed.at(-1) : undefined;
  return { conversations: listed, cursor: last === undefined ? null : cursorOf(last) };
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

/** Databases know no infinity among their integers. */
function finite(seq: number): number {
  return Math.min(seq, Number.MAX_SAFE_INTEGER);
}

/** See `Storage.changes`. */
export async function changes(driver: SqlDriver, page: ChangePage): Promise<readonly Message[]> {
  const { conversationId, after, limit } = page;
  const rows = await readRows(driver, CHANGES, { conversationId, limit, seq: after });
  return rows.map((row) => messageOf(messageRow(row)));
}

/** See `Storage.counters`. */
export async function counters(driver: SqlDriver, keys: readonly string[]): Promise<readonly OpenCounter[]> {
  const rows = await readRows(driver, COUNTERS, { keys: JSON.stringify(keys.map(keepable)) });
  return rows.map((row) => ({
    key: text(row, "key"),
    count: integer(row, "charged"),
    endsInMs: integer(row, "ends_in"),
  }));
}

/** See `Storage.unrecorded`. */
export async function unrecorded(driver: SqlDriver, keys: readonly string[]): Promise<readonly string[]> {
  const rows = await readRows(driver, RECORDED, { keys: JSON.stringify(keys.map(keepable)) });
  const recorded = new Set(rows.map((row) => text(row, "key")));
  return keys.filter((key) => !recorded.has(key));
}
