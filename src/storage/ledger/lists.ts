import type { Conversation } from "../../model/conversation.ts";
import type { Message } from "../../model/message.ts";
import type { LedgerDatabase } from "../database.ts";
import type { ChangePage, ConversationList, ConversationPage, DueQuery, DueWork } from "../storage.ts";
import type { UnreadableRows } from "./unreadable.ts";

/*
 * Lists return as many readable rows as the caller asked for, and note the unreadable ones.
 */

/** See `Storage.due`. */
export async function due(database: LedgerDatabase, unreadable: UnreadableRows, query: DueQuery): Promise<DueWork> {
  const skipped = new Set<string>();
  for (;;) {
    const without = [...new Set([...unreadable.conversations(), ...skipped])];
    const { found, corrupt, now } = await database.due({ ...query, without });
    unreadable.noteClock(now);
    unreadable.note(corrupt);
    if (unreadable.isDue(now)) {
      await unreadable.look(database);
      continue;
    }
    const before = skipped.size;
    for (const { conversationId } of corrupt) if (conversationId !== null) skipped.add(conversationId);
    if (skipped.size === before) return found;
  }
}

/** See `Storage.conversations`. */
export async function conversations(
  database: LedgerDatabase,
  unreadable: UnreadableRows,
  page: ConversationPage,
): Promise<ConversationList> {
  const list: Conversation[] = [];
  for (let asked = page; ; ) {
    const { found, corrupt } = await database.conversations(asked);
    unreadable.note(corrupt);
    list.push(...found.conversations);
    const { cursor } = found;
    if (cursor === null || list.length >= page.limit) return { conversations: list, cursor };
    asked = { limit: page.limit - list.length, after: cursor };
  }
}

/** See `Storage.changes`. */
export async function changes(
  database: LedgerDatabase,
  unreadable: UnreadableRows,
  page: ChangePage,
): Promise<readonly Message[]> {
  const list: Message[] = [];
  for (let asked = page; ; ) {
    const { found, corrupt, next } = await database.changes(asked);
    unreadable.note(corrupt);
    list.push(...found);
    if (next === null || list.length >= page.limit) return list;
    asked = { ...page, after: next, limit: page.limit - list.length };
  }
}
