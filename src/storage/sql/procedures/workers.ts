import type { ProceduresOf } from "../procedure.ts";
import { BEST_STATUS } from "./fact-steps.ts";
import { act, FORGOTTEN_AFTER_MS, FRESH, marker, note, statement } from "./steps.ts";

/** Registers `:workerId` as alive for `:leaseMs`, under a condition on `o`; never shortens its time. */
export function registerWorker(condition: string): string {
  return statement(`
    insert into ownline_workers (id, alive_until)
    select :workerId, o.at + :leaseMs from ownline_ops o where ${FRESH} and ${condition}
    on conflict (id) do update set alive_until = max(alive_until, excluded.alive_until)`);
}

/** So that operations do not pile up where nobody purges: a few at each beat. */
const FORGET_OLD = statement(`
  delete from ownline_ops where id in (
    select f.id from ownline_ops f
    where f.at < (select o.at - ${FORGOTTEN_AFTER_MS} from ownline_ops o where ${FRESH}) order by f.at limit 500)`);

/** The workers whose time is over. */
const DEAD = "w.alive_until <= o.at and w.id <> :workerId";

const BEAT: readonly string[] = [
  marker({ outcome: "'beaten'" }),
  registerWorker("true"),
  note(
    `detail = json_object(
      'conversations', json((select json_group_array(c.id) from ownline_workers w
        join ownline_conversations c on c.lease_worker = w.id where ${DEAD})),
      'attempts', json((select json_group_array(json_array(a.outbound_id, a.n)) from ownline_workers w
        join ownline_attempts a on a.worker = w.id where ${DEAD})))`,
  ),
  statement(`
    update ownline_turns as t set crashes = t.crashes + 1
    where t.outcome is null and t.conversation_id in (
      select d.value from ownline_ops o, json_each(o.detail, '$.conversations') d where ${FRESH})`),
  statement(`
    update ownline_conversations as c
    set lease_worker = null, due_at = (select o.at from ownline_ops o where o.id = :op)
    where c.id in (select d.value from ownline_ops o, json_each(o.detail, '$.conversations') d where ${FRESH})`),
  statement(`
    update ownline_attempts as a set status = 'unknown', worker = null
    where (a.outbound_id, a.n) in (
      select d.value ->> 0, d.value ->> 1 from ownline_ops o, json_each(o.detail, '$.attempts') d where ${FRESH})`),
  act(
    "messages",
    "m",
    "unknown_since = o.at",
    "m.unknown_since is null and m.id in (select d.value ->> 0 from json_each(o.detail, '$.attempts') d)",
  ),
  note(
    `changed = (
      select json_group_array(m.id) from (
        select distinct d.value ->> 0 as id from json_each(o.detail, '$.attempts') d) d
      join ownline_messages m on m.id = d.id
      where m.status = 'sending' and ${BEST_STATUS} = 'unknown')`,
    "json_array_length(o.detail, '$.attempts') > 0",
  ),
  act(
    "messages",
    "m",
    "status = 'unknown', unknown_since = o.at, settle_at = o.at + :lookInMs",
    "m.id in (select t.value from json_each(o.changed) t)",
  ),
];

const FINISH: readonly string[] = [
  statement(`
    delete from ownline_workers as w
    where w.alive_until <= (select o.at from ownline_ops o where ${FRESH}) and w.id <> :workerId`),
  FORGET_OLD,
  note(
    `answer = (select json_group_array(json_array('message', t.value)) from json_each(o.changed) t),
    detail = json_object(
      'recovered', json_array_length(o.detail, '$.conversations'),
      'leases', json((select json_group_array(json_object('id', c.id, 'turn', t.id, 'fence', c.fence,
          'pending', c.pending_seq))
        from ownline_conversations c join ownline_turns t on t.conversation_id = c.id and t.outcome is null
        where c.lease_worker = :workerId)))`,
  ),
];

/** See `Storage.heartbeat`. */
export const worker: ProceduresOf<"worker"> = { "worker.beat": BEAT, "worker.finish": FINISH };
