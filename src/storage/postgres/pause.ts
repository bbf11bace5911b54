import type { Conversation } from "../../model/conversation.ts";
import type { PauseChange } from "../storage.ts";
import { answerOf } from "./answer.ts";
import { operation } from "./common.ts";
import type { PostgresLedger } from "./ledger.ts";

export const PAUSE: readonly string[] = [
  operation({
    name: "set_paused",
    args: "conversation_id text, paused boolean, skip_pending boolean",
    declare: "conv ownline_conversations;",
    body: `select * into conv from ownline_conversations c where c.id = arg.conversation_id for update;
  moment := ownline_1_now(p_now);
  if conv.id is null then return ownline_1_keep(null, moment, 'unmatched', null, '[]', null); end if;
  if conv.paused <> arg.paused then
    if arg.paused then
      update ownline_conversations c set paused = true, lease_worker = null, fence = c.fence + 1, due_at = null
        where c.id = conv.id;
    else
      if arg.skip_pending then
        update ownline_turns t set outcome = 'cancelled', committed_at = moment
          where t.conversation_id = conv.id and t.outcome is null;
        update ownline_conversations c set answered_seq = c.inbound_seq, pending_since = null where c.id = conv.id;
      end if;
      update ownline_conversations c set paused = false, backoff_until = null,
        due_at = case when c.pending_since is not null then moment end
        where c.id = conv.id;
    end if;
  end if;
  return ownline_1_keep(arg.op, moment, 'set', null, '[]', conv.id);`,
  }),
];

/** See `Storage.setPaused`. */
export async function setPaused(ledger: PostgresLedger, change: PauseChange): Promise<Conversation | null> {
  const told = await ledger.call("set_paused", {
    op: `setPaused ${change.op}`,
    conversation_id: change.conversationId,
    paused: change.paused,
    skip_pending: change.skipPending,
  });
  return answerOf(told).conversation;
}
