import type { ProceduresOf } from "../procedure.ts";
import { REFRESH_DUE } from "./order.ts";
import { fileParts } from "./outbound.ts";
import { ANSWER_GROUP, act, FRESH, marker, NOW, note, READ_OPERATION, statement } from "./steps.ts";
import { registerWorker } from "./workers.ts";

const CLAIMED = "o.outcome = 'claimed'";

const OWN_CONVERSATION = "c.id = o.conversation_id";

/** The texts that wait for an answer in the operation's conversation `c`, as `m`. */
const UNANSWERED = "m.conversation_id = c.id and m.needs_answer = 1 and m.seq > c.answered_seq";

/** The open turn's id, or that of a new one, whose first text is `m`. See `Storage.claimTurn`. */
const TURN_ID = `coalesce(
  (select t.id from ownline_turns t where t.conversation_id = c.id and t.outcome is null),
  't' || m.id || coalesce('.' || (select nullif(count(*), 0) from ownline_turns t
    where t.conversation_id = c.id and t.first_seq = m.seq), ''))`;

/** See `Storage.claimTurn`. */
const CLAIM: readonly string[] = [
  marker({
    outcome: "case when c.id is null then 'none' else 'claimed' end",
    conversation: "c.id",
    from: `left join ownline_conversations c on c.id = (
      select d.id from ownline_conversations d
      where d.due_at is not null and d.due_at <= ${NOW} and d.lease_worker is null and d.paused = 0
      order by d.due_at, d.id limit 1)`,
  }),
  act(
    "conversations",
    "c",
    "lease_worker = :workerId, fence = c.fence + 1, due_at = null",
    `${CLAIMED} and ${OWN_CONVERSATION}`,
  ),
  statement(`
    insert into ownline_turns (id, conversation_id, first_seq, through_seq, runs, created_at)
    select ${TURN_ID}, c.id, m.seq, c.pending_seq, 1, o.at
    from ownline_ops o join ownline_conversations c on ${OWN_CONVERSATION} join ownline_messages m on ${UNANSWERED}
    where ${FRESH} and ${CLAIMED} order by m.seq limit 1
    on conflict (id) do update set runs = runs + 1, through_seq = excluded.through_seq`),
  registerWorker(CLAIMED),
  note(
    `detail = (
      select json_object('fence', c.fence, 'waitedMs', o.at - coalesce(c.pending_since, o.at), 'crashes', t.crashes,
        'turn', json_object('id', t.id, 'conversation_id', t.conversation_id, 'runs', t.runs, 'failures', t.failures,
          'superseded', t.superseded, 'through_seq', t.through_seq, 'outcome', t.outcome, 'created_at', t.created_at,
          'committed_at', t.committed_at))
      from ownline_conversations c join ownline_turns t on t.conversation_id = c.id and t.outcome is null
      where ${OWN_CONVERSATION}),
    answer = (
      select json_group_array(json_array('message', m.id))
      from ownline_conversations c join ownline_messages m on ${UNANSWERED}
      where ${OWN_CONVERSATION})`,
    CLAIMED,
  ),
];

/** The lease that a worker claims to hold, as a join; `c` is the conversation, `t` its open turn. */
const LEASE = `left join ownline_conversations c on c.id = :conversationId
  left join ownline_turns t on t.conversation_id = c.id and t.outcome is null`;

const IS_HELD = "c.lease_worker = :workerId and c.fence = :fence and t.id = :turnId";

const COMMITTED = "o.outcome = 'committed'";

/** See `Storage.commitTurn`. */
const COMMIT: readonly string[] = [
  marker({
    outcome: `case
      when ${IS_HELD} then case
        when :supersede = 1 and c.pending_seq > :throughSeq then 'superseded'
        else 'committed'
      end
      else 'lost'
    end`,
    conversation: "c.id",
    subject: ":turnId",
    from: LEASE,
  }),
  act("conversations", "c", "lease_worker = null", `o.outcome = 'superseded' and ${OWN_CONVERSATION}`),
  act("turns", "t", "superseded = t.superseded + 1", "o.outcome = 'superseded' and t.id = o.subject"),
  ...fileParts("c.sender", "o.subject", COMMITTED),
  act(
    "conversations",
    "c",
    `lease_worker = null, answered_seq = :throughSeq, backoff_until = null,
      pending_since = case when c.pending_seq > :throughSeq then o.at end,
      due_at = case when c.pending_seq > :throughSeq and :pause = 0 then c.due_at end,
      paused = :pause, fence = c.fence + :pause`,
    `${COMMITTED} and ${OWN_CONVERSATION}`,
  ),
  act("turns", "t", "outcome = :outcome, committed_at = o.at", `${COMMITTED} and t.id = o.subject`),
  REFRESH_DUE,
  ANSWER_GROUP,
];

const HELD = "o.outcome = 'held'";

/** See `Storage.releaseTurn`. */
const RELEASE: readonly string[] = [
  marker({
    outcome: `case when ${IS_HELD} then 'held' else 'lost' end`,
    conversation: "c.id",
    subject: ":turnId",
    from: LEASE,
  }),
  act(
    "conversations",
    "c",
    `lease_worker = null,
      due_at = case
        when :reason = 'superseded' then min(o.at + :retryInMs, coalesce(c.due_at, o.at + :retryInMs))
        else o.at + :retryInMs
      end,
      backoff_until = case when :reason = 'failed' then o.at + :retryInMs else c.backoff_until end`,
    `${HELD} and ${OWN_CONVERSATION}`,
  ),
  act(
    "turns",
    "t",
    "failures = t.failures + (:reason = 'failed'), superseded = t.superseded + (:reason = 'superseded')",
    `${HELD} and t.id = o.subject`,
  ),
  READ_OPERATION,
];

export const turn: ProceduresOf<"turn"> = {
  "turn.claim": CLAIM,
  "turn.commit": COMMIT,
  "turn.release": RELEASE,
};
