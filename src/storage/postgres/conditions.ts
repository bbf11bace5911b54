import type { CounterCondition } from "../storage.ts";
import { literal } from "./common.ts";
import { REASONS } from "./reasons.ts";
import { reasonText } from "./rows.ts";
import { isOpen } from "./tables.ts";

/*
 * What a message must meet, and what an opt-out stops.
 */

/** Counters as they travel; `n` finds the condition again. */
export function countersOf(counters: readonly CounterCondition[]): readonly Readonly<Record<string, unknown>>[] {
  return counters.map(({ key, windowMs, max, charge, full }, n) => {
    return { n, key, window_ms: windowMs, max, charge, cancels: full === "cancel" };
  });
}

const COUNTERS =
  "jsonb_to_recordset(p_counters) as j(n integer, key text, window_ms bigint, max double precision, " +
  "charge double precision, cancels boolean)";

/** The rows of a list of counters. The array leads by the index to a few of however many there are. */
const LISTED = `k.key = any (array(select j.key from ${COUNTERS}))`;

export const CONDITIONS: readonly string[] = [
  // The counter that stops a message: the first that cancels it, or else the one that lets it wait longest. A row that
  // is missing is made, so that it can be locked: two first charges may not both find it empty.
  `create function ownline_1_full_counter(p_counters jsonb, p_now bigint,
    out place integer, out cancels boolean, out free_at bigint) language plpgsql as $body$
begin
  if jsonb_array_length(p_counters) = 0 then return; end if;
  insert into ownline_counters (key, count, ends_at)
    select j.key, 0, 0 from ${COUNTERS}
    where (select k.key from ownline_counters k where k.key = j.key) is null order by j.key collate "C"
    on conflict (key) do nothing;
  perform 1 from ownline_counters k where ${LISTED} order by k.key for update;
  select f.n, f.cancels, f.free_at into place, cancels, free_at from (
    select j.n, j.cancels, case when k.ends_at > p_now then k.ends_at else p_now + j.window_ms end as free_at
    from ${COUNTERS} join ownline_counters k on k.key = j.key
    where ${LISTED} and (case when k.ends_at > p_now then k.count else 0 end) + j.charge > j.max) f
  order by f.cancels desc, case when f.cancels then 0 else f.free_at end desc, f.n limit 1;
end
$body$`,

  // Charges every counter. A window opens with its first charge.
  `create function ownline_1_charge(p_counters jsonb, p_now bigint) returns void language plpgsql as $body$
begin
  update ownline_counters k set
    count = (case when k.ends_at > p_now then k.count else 0 end) + j.charge,
    ends_at = case when k.ends_at > p_now then k.ends_at else p_now + j.window_ms end
  from ${COUNTERS} where ${LISTED} and k.key = j.key;
end
$body$`,

  // Asks a sender's pace for a message: null where it may go on, else when its slot comes.
  `create function ownline_1_ask_pace(p_message text, p_key text, p_cost_ms bigint, p_now bigint) returns bigint
    language plpgsql as $body$
declare
  pace ownline_paces;
  slot record;
  leaves_at bigint := p_now;
begin
  insert into ownline_paces (key, free_at) select p_key, p_now
    where not exists (select 1 from ownline_paces f where f.key = p_key) on conflict (key) do nothing;
  select * into pace from ownline_paces f where f.key = p_key for update;
  select m.slot_key, m.slot_at, m.slot_epoch into slot from ownline_messages m where m.id = p_message;
  if slot.slot_key = p_key and slot.slot_epoch = pace.epoch then
    if slot.slot_at > p_now then return slot.slot_at; end if;
    leaves_at := slot.slot_at;
  elsif pace.free_at > p_now then
    update ownline_paces f set free_at = pace.free_at + p_cost_ms where f.key = p_key;
    update ownline_messages m set slot_key = p_key, slot_at = pace.free_at, slot_epoch = pace.epoch
      where m.id = p_message;
    return pace.free_at;
  end if;
  update ownline_paces f set free_at = greatest(f.free_at, leaves_at + p_cost_ms),
    used_until = greatest(f.used_until, leaves_at + p_cost_ms) where f.key = p_key;
  return null;
end
$body$`,

  // Slows a sender down: nothing leaves for a while, and whoever waits must queue anew. Void slots hold nobody up.
  `create function ownline_1_slow_pace(p_key text, p_for_ms bigint, p_now bigint) returns void language plpgsql as $body$
begin
  insert into ownline_paces as f (key, free_at, used_until, epoch) values (p_key, p_now + p_for_ms, p_now + p_for_ms, 1)
  on conflict (key) do update set free_at = greatest(f.used_until, excluded.used_until),
    used_until = greatest(f.used_until, excluded.used_until), epoch = f.epoch + 1;
end
$body$`,

  // The conversations of one person, and one more, in the order in which all lock them.
  `create function ownline_1_lock_person(p_key text, p_conversation text) returns void language plpgsql as $body$
begin
  perform 1 from ownline_conversations c where c.id = any (array(
    select o.id from ownline_conversations o where o.consent_key = p_key union select p_conversation))
  order by c.id for update;
end
$body$`,

  // What an opt-out stops: everything of its conversation up to a position, and all texts to the person. The
  // conversations are locked. "p_changed" were changed in its conversation before. Returns what was cancelled.
  `create function ownline_1_stop(p_key text, p_conversation text, p_answered bigint, p_changed text[], p_now bigint)
    returns text[] language plpgsql as $body$
declare
  other text;
  stopped text[];
  cancelled text[] := '{}';
begin
  update ownline_turns t set outcome = 'cancelled', committed_at = p_now
    where t.conversation_id = p_conversation and t.outcome is null;
  update ownline_conversations c set lease_worker = null, fence = c.fence + 1, answered_seq = p_answered,
    pending_since = null, due_at = null, backoff_until = null
    where c.id = p_conversation;
  for other in select c.id from ownline_conversations c where c.consent_key = p_key order by c.id loop
    stopped := array(
      select m.id from ownline_messages m
      where m.conversation_id = other and ${isOpen("m")} and m.status in ('intent', 'held') order by m.seq);
    perform ownline_1_cancel(stopped, ${literal(reasonText(REASONS.optedOut))});
    perform ownline_1_settle(other, case when other = p_conversation then p_changed || stopped else stopped end);
    cancelled := cancelled || stopped;
  end loop;
  return cancelled;
end
$body$`,
];
