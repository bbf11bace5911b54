import type { ProceduresOf } from "../procedure.ts";
import { chargeCounters, fullCounters } from "./counters.ts";
import { cancelSubject, IS_BEHIND, subjectChanged, UNKNOWN_EARLIER } from "./order.ts";
import { FIND_SLOT, LEAVE_SLOT, PACE, SLOT_AT, TAKE_SLOT } from "./paces.ts";
import { ANSWER_SUBJECT, act, FRESH, marker, note, statement } from "./steps.ts";
import { registerWorker } from "./workers.ts";

const CANCELLED = "o.outcome = 'cancelled'";
const CLAIMED = "o.outcome = 'claimed'";
const WAITING = "o.outcome = 'waiting'";

/** The verdict's reason while the marker is written: short words, made sentences afterwards. */
const WHY = `case
  when m.id is null or m.status is null or m.status <> 'intent' then 'gone'
  when m.expires_at <= now.at then 'expired'
  when :cancel is not null then 'cancel'
  when :consent = 1 and exists (
    select 1 from ownline_consents s where s.consent_key = c.consent_key and s.state = 'opted-out') then 'optedOut'
  when :unpaused = 1 and c.paused = 1 and not exists (
    select 1 from ownline_turns t where t.id = m.turn_id and t.outcome = 'handed-off') then 'paused'
  when exists (select 1 from ownline_messages g where g.group_id = m.group_id and g.part < m.part
    and g.status in ('failed', 'undelivered', 'cancelled', 'held')) then 'earlierPart'
  when ${IS_BEHIND} then 'behind'
  when exists (select 1 from ownline_messages e where ${UNKNOWN_EARLIER}
    and e.unknown_since + :orderWaitMs > now.at) then 'order'
  when :delayMs > 0 then 'delay'
  when exists (select 1 from ${fullCounters("now.at")} and j.value ->> 'full' = 'cancel') then 'full'
  when exists (select 1 from ${fullCounters("now.at")}) then 'busy'
  when ${SLOT_AT} > now.at then 'pace'
  else 'claimed'
end`;

/** Of the first full counter that cancels. */
const firstFull = (field: string): string => `(
  select j.value ->> '${field}' from ${fullCounters("o.at")} and j.value ->> 'full' = 'cancel' order by j.key limit 1)`;

/** When a full counter `k` has room again. Not inside an `order by`: SQLite 3.50 does not see `o` there. */
const FREE_AT = "coalesce(case when k.ends_at > o.at then k.ends_at end, o.at + (j.value ->> 'windowMs'))";

const JOINS = `left join ownline_messages m on m.id = :outboundId
  left join ownline_conversations c on c.id = m.conversation_id ${PACE}`;

const JUDGE: readonly string[] = [
  marker({
    outcome: WHY,
    conversation: "m.conversation_id",
    subject: "m.id",
    from: JOINS,
  }),
  note(
    `outcome = case
      when o.outcome in ('gone', 'claimed') then o.outcome
      when o.outcome in ('behind', 'order', 'delay', 'busy', 'pace') then 'waiting'
      else 'cancelled'
    end,
    detail = json_object('why', o.outcome,
    'error', case when o.outcome = 'full' then ${firstFull("error")} else :errors ->> o.outcome end,
    'reason', case when o.outcome = 'busy' then (
      select reason from (
        select j.value ->> 'reason' as reason, ${FREE_AT} as free_at, j.key as place from ${fullCounters("o.at")})
      order by free_at desc, place limit 1) when o.outcome = 'pace' then :paceReason end,
    'until', case
      when o.outcome = 'order' then (select max(e.unknown_since) + :orderWaitMs from ownline_messages m
        join ownline_messages e on ${UNKNOWN_EARLIER} where m.id = o.subject)
      when o.outcome = 'delay' then o.at + :delayMs
      when o.outcome = 'busy' then (
        select max(${FREE_AT}) from ${fullCounters("o.at")})
    end,
    'attempt', (select m.attempts + 1 from ownline_messages m where m.id = o.subject),
    'overtook', json((select json_group_array(e.id) from ownline_messages m join ownline_messages e on ${UNKNOWN_EARLIER}
      where m.id = o.subject)))`,
  ),
];

const MOVE: readonly string[] = [
  act(
    "messages",
    "m",
    `order_until = case when o.detail ->> 'why' = 'order' then o.detail ->> 'until' else m.order_until end,
      not_before = case when o.detail ->> 'why' in ('delay', 'busy', 'pace') then o.detail ->> 'until' else m.not_before end`,
    `m.id = o.subject and ${WAITING}`,
  ),
  chargeCounters(CLAIMED),
  act(
    "messages",
    "m",
    "status = 'sending', attempts = m.attempts + 1, error = null, due_at = null",
    `m.id = o.subject and ${CLAIMED}`,
  ),
  statement(`
    insert into ownline_attempts (outbound_id, n, status, started_at, worker)
    select o.subject, o.detail ->> 'attempt', 'sending', o.at, :workerId
    from ownline_ops o where ${FRESH} and ${CLAIMED}`),
  LEAVE_SLOT,
  registerWorker(CLAIMED),
  subjectChanged(CLAIMED),
  ...cancelSubject(CANCELLED),
];

/** See `Storage.claimSend`. Between verdict and move stands the queue of a sender that has a pace. */
export const send: ProceduresOf<"send"> = {
  "send.judge": JUDGE,
  "send.pace": [FIND_SLOT, ...TAKE_SLOT],
  "send.move": MOVE,
  "send.finish": [ANSWER_SUBJECT],
};
