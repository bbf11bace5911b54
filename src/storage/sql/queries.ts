import { OwnlineError } from "../../errors.ts";
import type { Conversation } from "../../model/conversation.ts";
import type { Message } from "../../model/message.ts";
import type { ChangePage, Consent, ConversationList, ConversationPage, MessagePage, OpenCounter } from "../storage.ts";
import type { Ledger } from "./operation.ts";
import { consentOf, conversationOf, integer, messageOf, text } from "./rows.ts";
import { keepable } from "./statement.ts";

/** See `Storage.conversation`. */
export async function conversation(ledger: Ledger, id: string): Promise<Conversation | null> {
  const [[row] = []] = await ledger.read("query.conversation", { id });
  return row === undefined ? null : conversationOf(row);
}

/** See `Storage.consent`. */
export async function consent(ledger: Ledger, consentKey: string): Promise<Consent | null> {
  const [[row] = []] = await ledger.read("query.consent", { consentKey });
  return row === undefined ? null : consentOf(row);
}

/** See `Storage.conversations`. */
export async function conversations(ledger: Ledger, page: ConversationPage): Promise<ConversationList> {
  const limit = page.limit + 1;
  const [rows = []] =
    page.after === undefined
      ? await ledger.read("query.newestConversations", { limit })
      : await ledger.read("query.conversations", { limit, ...positionOf(page.after) });
  const listed = rows.slice(0, page.limit).map(conversationOf);
  const last = listed.at(-1);
  const cursor = rows.length > page.limit && last !== undefined ? `${last.updatedAt}.${last.id}` : null;
  return { conversations: listed, cursor };
}

function positionOf(cursor: string): { readonly updatedAt: number; readonly id: string } {
  const dot = cursor.indexOf(".");
  const updatedAt = Number(cursor.slice(0, Math.max(0, dot)));
  if (dot < 1 || !Number.isSafeInteger(updatedAt)) {
    throw new OwnlineError("invalid_options", "The cursor is not one that conversations() gave: pass it unchanged.");
  }
  return { updatedAt, id: cursor.slice(dot + 1) };
}

/** See `Storage.messages`. */
export async function messages(ledger: Ledger, page: MessagePage): Promise<readonly Message[]> {
  const { conversationId, limit } = page;
  const [rows = []] =
    page.before === undefined
      ? await ledger.read("query.messagesAfter", { conversationId, limit, seq: page.after })
      : await ledger.read("query.messagesBefore", { conversationId, limit, seq: finite(page.before) });
  return rows.map(messageOf);
}

/** Databases know no infinity among their integers. */
function finite(seq: number): number {
  return Math.min(seq, Number.MAX_SAFE_INTEGER);
}

/** See `Storage.changes`. */
export async function changes(ledger: Ledger, page: ChangePage): Promise<readonly Message[]> {
  const { conversationId, after, limit } = page;
  const [rows = []] = await ledger.read("query.changes", { conversationId, limit, seq: after });
  return rows.map(messageOf);
}

/** See `Storage.counters`. */
export async function counters(ledger: Ledger, keys: readonly string[]): Promise<readonly OpenCounter[]> {
  const [rows = []] = await ledger.read("query.counters", { keys: JSON.stringify(keys.map(keepable)) });
  return rows.map((row) => ({
    key: text(row, "key"),
    count: integer(row, "count"),
    endsInMs: integer(row, "ends_in"),
  }));
}
