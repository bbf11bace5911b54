import { act, FRESH, note, statement } from "./steps.ts";

/*
 * The pace of a sender, a queue of slots. `holds` in the marker's detail: the message has a slot that is not void.
 */

/** The pace under `:paceKey`, as `p`, and the slot that message `m` holds in it, as `q`. */
export const PACE: string = `left join ownline_paces p on p.key = :paceKey
  left join ownline_slots q on q.outbound_id = m.id and q.pace = p.key and q.epoch = p.epoch`;

/** When the message may leave, as far as its pace goes: at its slot, or at the next one. `null` for a new pace. */
export const SLOT_AT: string = "coalesce(q.at, p.free_at)";

const WAITS = "o.detail ->> 'why' = 'pace'";

/** Notes down what message `o.subject` finds at `:paceKey`. */
export const FIND_SLOT: string = note(
  `detail = (select json_set(o.detail, '$.holds', q.at is not null,
    '$.until', case when ${WAITS} then ${SLOT_AT} else o.detail ->> 'until' end)
    from ownline_messages m ${PACE} where m.id = o.subject)`,
  "o.subject is not null",
);

/** After the verdict: takes a slot for whoever waits and has none, and notes until when whoever goes keeps the sender busy. */
export const TAKE_SLOT: readonly string[] = [
  statement(`
    insert into ownline_slots (outbound_id, pace, at, epoch)
    select o.subject, p.key, p.free_at, p.epoch from ownline_ops o join ownline_paces p on p.key = :paceKey
    where ${FRESH} and ${WAITS} and o.detail ->> 'holds' = 0
    on conflict (outbound_id) do update set pace = excluded.pace, at = excluded.at, epoch = excluded.epoch`),
  act("paces", "p", "free_at = p.free_at + :costMs", `p.key = :paceKey and ${WAITS} and o.detail ->> 'holds' = 0`),
  statement(`
    insert into ownline_paces (key, free_at, used_until, epoch)
    select :paceKey, coalesce(q.at, o.at) + :costMs, coalesce(q.at, o.at) + :costMs, 0 from ownline_ops o
    left join ownline_slots q on q.outbound_id = o.subject and o.detail ->> 'holds' = 1
    where ${FRESH} and o.outcome = 'claimed'
    on conflict (key) do update set
      free_at = max(free_at, excluded.free_at), used_until = max(used_until, excluded.used_until)`),
];

/** Whoever goes gives its slot up. */
export const LEAVE_SLOT: string = statement(`
  delete from ownline_slots
  where outbound_id = (select o.subject from ownline_ops o where ${FRESH} and o.outcome = 'claimed')`);

/** Slows the pace under `:slowKey` down for `:slowMs`, under a condition on `o`. Slots of an earlier epoch are void, and hold nobody up. */
export function slowDown(condition: string): string {
  return statement(`
    insert into ownline_paces (key, free_at, used_until, epoch)
    select :slowKey, o.at + :slowMs, o.at + :slowMs, 1 from ownline_ops o where ${FRESH} and ${condition}
    on conflict (key) do update set free_at = max(used_until, excluded.used_until),
      used_until = max(used_until, excluded.used_until), epoch = epoch + 1`);
}
