import type { Conversation as Shown } from "../../../model/conversation.ts";
import type { PauseChange } from "../../storage.ts";
import { conversationOf } from "../shown.ts";
import type { Conversation, WorkingSet } from "../working-set.ts";
import { endOpenTurn, hasUnanswered, revokeLease, settleUnanswered } from "./leases.ts";

/** See `Storage.setPaused`. */
export function setPaused(set: WorkingSet, { paused, skipUnanswered }: PauseChange): Shown | null {
  const conversation = set.root();
  if (conversation === undefined) return null;
  if (conversation.paused === paused) return conversationOf(conversation);
  if (paused) pause(conversation);
  else resume(set, conversation, skipUnanswered);
  return conversationOf(conversation);
}

export function pause(conversation: Conversation): void {
  revokeLease(conversation);
  conversation.dueAt = null;
  conversation.paused = true;
}

function resume(set: WorkingSet, conversation: Conversation, skipUnanswered: boolean): void {
  conversation.paused = false;
  conversation.backoffUntil = 0;
  if (skipUnanswered) {
    endOpenTurn(set, conversation);
    settleUnanswered(conversation, conversation.inboundSeq);
  }
  conversation.dueAt = hasUnanswered(conversation) ? set.now : null;
}
