import type { ProceduresOf } from "../procedure.ts";
import { LEAVING } from "../schema.ts";
import { act, FRESH, marker, note, statement } from "./steps.ts";

/** A text of turn `t` is left: without one there is nothing to answer. */
const HAS_TEXTS = `exists (select 1 from ownline_messages m where m.conversation_id = t.conversation_id
  and m.needs_answer = 1 and m.seq between t.first_seq and t.through_seq)`;

/** See `Storage.requeueTurn`. */
const REQUEUE: readonly string[] = [
  marker({
    outcome: `case
      when t.id is null or not ${HAS_TEXTS} then 'unmatched'
      when exists (select 1 from ownline_turns l where l.conversation_id = t.conversation_id
        and l.first_seq >= t.first_seq and (l.first_seq, length(l.id), l.id) > (t.first_seq, length(t.id), t.id))
        then 'newer'
      when t.outcome is not 'fallback' then 'not-dead'
      when exists (select 1 from ownline_consents s where s.consent_key = c.consent_key and s.state = 'opted-out')
        then 'opted-out'
      else 'requeued'
    end`,
    conversation: `case when ${HAS_TEXTS} then c.id end`,
    detail: "json_object('answeredSeq', t.first_seq - 1)",
    from: `left join ownline_turns t on t.id = :turnId
      left join ownline_conversations c on c.id = t.conversation_id`,
  }),
  act(
    "conversations",
    "c",
    `answered_seq = o.detail ->> 'answeredSeq', pending_since = coalesce(c.pending_since, o.at), backoff_until = null,
      due_at = case when c.paused = 0 then o.at end`,
    "o.outcome = 'requeued' and c.id = o.conversation_id",
  ),
];

/** The messages that the operation suspects, as `m`, as they were before. */
const SUSPECTED = "ownline_ops o, json_each(o.changed) t join ownline_messages m on m.id = t.value";

/** See `Storage.suspect`. */
const SUSPECT: readonly string[] = [
  marker({ outcome: "'suspected'" }),
  note(
    `changed = (select json_group_array(l.id) from (
      select m.id from ownline_messages m where ${LEAVING.replaceAll(/status|origin/g, "m.$&")}
        and m.created_at > -1 order by m.created_at, m.id limit :limit) l)`,
  ),
  statement(`
    update ownline_attempts as a set status = 'unknown', error = null, worker = null, started_at = m.created_at
    from ${SUSPECTED} where ${FRESH} and m.status = 'sending' and a.outbound_id = m.id and a.n = m.attempts`),
  statement(`
    insert into ownline_attempts (outbound_id, n, status, started_at)
    select m.id, m.attempts + 1, 'unknown', m.created_at from ${SUSPECTED} where ${FRESH} and m.status = 'intent'`),
  act(
    "messages",
    "m",
    `attempts = m.attempts + (m.status = 'intent'), status = 'unknown', error = null, unknown_since = o.at,
      settle_at = o.at + :lookInMs`,
    "m.id in (select t.value from json_each(o.changed) t)",
  ),
  statement(`
    delete from ownline_slots where outbound_id in (
      select t.value from ownline_ops o, json_each(o.changed) t where ${FRESH})`),
];

export const repair: ProceduresOf<"repair"> = {
  "repair.requeue": REQUEUE,
  "repair.suspect": SUSPECT,
  "repair.suspected": [
    note("answer = (select json_group_array(json_array('message', t.value)) from json_each(o.changed) t)"),
  ],
};
