import type { DueMessage } from "../storage/storage.ts";

/** What is due, conversation by conversation, each in its order. */
export function byConversation(due: readonly DueMessage[]): Map<string, DueMessage[]> {
  const groups = new Map<string, DueMessage[]>();
  for (const entry of due) {
    const group = groups.get(entry.message.conversationId);
    if (group === undefined) groups.set(entry.message.conversationId, [entry]);
    else group.push(entry);
  }
  return groups;
}
