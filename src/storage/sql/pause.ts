import type { Conversation } from "../../model/conversation.ts";
import type { PauseChange } from "../storage.ts";
import { answerOf } from "./answer.ts";
import { act, type Ledger, marker, READ_ANSWER, SNAPSHOT } from "./operation.ts";
import type { Statement } from "./statement.ts";

const OWN = "c.id = o.conversation_id";

const SET_PAUSED: readonly Statement[] = [
  marker({
    outcome: `case
      when c.id is null or c.paused = :paused then 'kept'
      when :paused = 1 then 'paused'
      when :skipPending = 1 then 'skipped'
      else 'resumed'
    end`,
    conversation: "c.id",
    from: "left join ownline_conversations c on c.id = :conversationId",
  }),
  act(
    "conversations",
    "c",
    "paused = 1, lease_worker = null, fence = c.fence + 1, due_at = null",
    `o.outcome = 'paused' and ${OWN}`,
  ),
  act(
    "turns",
    "t",
    "outcome = 'cancelled', committed_at = o.at",
    "o.outcome = 'skipped' and t.conversation_id = o.conversation_id and t.outcome is null",
  ),
  act("conversations", "c", "answered_seq = c.inbound_seq, pending_since = null", `o.outcome = 'skipped' and ${OWN}`),
  act(
    "conversations",
    "c",
    "paused = 0, backoff_until = null, due_at = case when c.pending_since is not null then o.at end",
    `o.outcome in ('resumed', 'skipped') and ${OWN}`,
  ),
  SNAPSHOT,
  ...READ_ANSWER,
];

/** See `Storage.setPaused`. */
export async function setPaused(ledger: Ledger, change: PauseChange): Promise<Conversation | null> {
  const results = await ledger.commit(SET_PAUSED, {
    op: change.op,
    conversationId: change.conversationId,
    paused: change.paused ? 1 : 0,
    skipPending: change.skipPending ? 1 : 0,
  });
  return answerOf(results).conversation;
}
