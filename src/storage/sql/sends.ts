import type { ClaimedSend, SendClaim } from "../storage.ts";
import { answerOf } from "./answer.ts";
import { chargeCounters, countersText, fullCounters } from "./counters.ts";
import { ANSWER_SUBJECT, act, FRESH, type Ledger, marker, note, READ_ANSWER, SNAPSHOT } from "./operation.ts";
import { cancelSubject, IS_BEHIND, SETTLE, subjectChanged, UNKNOWN_EARLIER } from "./order.ts";
import { FIND_SLOT, LEAVE_SLOT, PACE, SLOT_AT, TAKE_SLOT } from "./paces.ts";
import { REASONS } from "./reasons.ts";
import { integer, integerOrNull, outboundOf, reasonText, text } from "./rows.ts";
import { type Statement, statement } from "./statement.ts";
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

const JUDGE: readonly Statement[] = [
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

const MOVE: readonly Statement[] = [
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
  ...SETTLE,
  ANSWER_SUBJECT,
  SNAPSHOT,
  ...READ_ANSWER,
];

const STEPS: readonly Statement[] = [...JUDGE, ...MOVE];

/** Where the sender has a pace. */
const PACED_STEPS: readonly Statement[] = [...JUDGE, FIND_SLOT, ...TAKE_SLOT, ...MOVE];

/** See `Storage.claimSend`. */
export async function claimSend(ledger: Ledger, claim: SendClaim): Promise<ClaimedSend> {
  const { conditions } = claim;
  const { pace } = conditions;
  const results = await ledger.commit(pace === null ? STEPS : PACED_STEPS, {
    op: claim.op,
    workerId: claim.workerId,
    leaseMs: claim.leaseMs,
    outboundId: claim.outboundId,
    orderWaitMs: claim.orderWaitMs,
    consent: conditions.consent ? 1 : 0,
    unpaused: conditions.unpaused ? 1 : 0,
    delayMs: conditions.delayMs,
    cancel: conditions.cancel === null ? null : 1,
    counters: countersText(conditions.counters),
    paceKey: pace?.key ?? null,
    costMs: pace?.costMs,
    paceReason: pace?.reason ?? null,
    errors: JSON.stringify({
      expired: reasonText(REASONS.expired),
      cancel: conditions.cancel === null ? null : reasonText(conditions.cancel),
      optedOut: reasonText(REASONS.optedOut),
      paused: reasonText(REASONS.paused),
      earlierPart: reasonText(REASONS.earlierPart),
    }),
    cancelReason: reasonText(REASONS.earlierPart),
  });
  const { outcome, at, detail, messages } = answerOf(results);
  switch (outcome) {
    case "waiting": {
      const until = integerOrNull(detail, "until");
      return { outcome, retryInMs: until === null ? null : until - at, reason: waitReason(detail) };
    }
    case "cancelled":
      return { outcome, messages: messages("cancelled").map(outboundOf) };
    default:
      break;
  }
  const [message] = messages("message");
  if (outcome !== "claimed" || message === undefined) return { outcome: "gone" };
  const overtook = Array.isArray(detail.overtook) ? detail.overtook.map(String) : [];
  return { outcome, message: outboundOf(message), attempt: integer(detail, "attempt"), overtook };
}

const WAITS: Readonly<Record<string, string>> = { behind: REASONS.behind, order: REASONS.order, delay: REASONS.delay };

function waitReason(detail: Readonly<Record<string, unknown>>): string {
  return WAITS[text(detail, "why")] ?? text(detail, "reason");
}
