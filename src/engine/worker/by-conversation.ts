import type { DueMessage } from "../../storage/storage.ts";

/** What is due, conversation by conversation, each in its order. */
export function byConversation<Due extends Pick<DueMessage, "message">>(due: readonly Due[]): Map<string, Due[]> {
  const groups = new Map<string, Due[]>();
  for (const entry of due) {
    const group = groups.get(entry.message.conversationId);
    if (group === undefined) groups.set(entry.message.conversationId, [entry]);
    else group.push(entry);
  }
  return groups;
}
