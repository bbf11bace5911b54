import type { ProceduresOf } from "../procedure.ts";
import { act, marker } from "./steps.ts";

const OWN = "c.id = o.conversation_id";

const SET_PAUSED: readonly string[] = [
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
];

/** See `Storage.setPaused`. */
export const pause: ProceduresOf<"pause"> = { "pause.set": SET_PAUSED };
