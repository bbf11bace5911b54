import type { Conversation } from "../../model/conversation.ts";
import type { PauseChange } from "../storage.ts";
import { answerOf } from "./answer.ts";
import type { Ledger } from "./operation.ts";

/** See `Storage.setPaused`. */
export async function setPaused(ledger: Ledger, change: PauseChange): Promise<Conversation | null> {
  const results = await ledger.commit(["pause.set", "common.answer"], {
    op: change.op,
    conversationId: change.conversationId,
    paused: change.paused ? 1 : 0,
    skipPending: change.skipPending ? 1 : 0,
  });
  return answerOf(results).conversation;
}
