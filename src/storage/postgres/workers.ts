import { integer, text } from "../sql/fields.ts";
import type { Heartbeat, HeartbeatAnswer } from "../storage.ts";
import { answerOf, rowsOf } from "./answer.ts";
import { bestOf, operation } from "./common.ts";
import type { PostgresLedger } from "./ledger.ts";
import { outboundOf } from "./rows.ts";

/** The answer to an operation is kept for this long. */
export const FORGOTTEN_AFTER_MS: number = 60 * 60 * 1_000;

export const WORKERS: readonly string[] = [
  // Buries those whose time is over: returns the messages of which nobody knows now whether they left, and how many
  // conversations were taken back. What a worker holds is locked before the worker, as in a claim.
  `create function ownline_1_bury(p_worker text, p_look_in_ms bigint, p_now bigint,
    out unsettled text[], out recovered integer) language plpgsql as $body$
declare
  dead text[] := array(select w.id from ownline_workers w where w.alive_until <= p_now and w.id <> p_worker);
  held text[];
  lost text[];
  each_one record;
begin
  unsettled := '{}';
  recovered := 0;
  if cardinality(dead) = 0 then return; end if;
  perform 1 from ownline_conversations c where c.id = any (array(
    select l.id from ownline_conversations l where l.lease_worker = any (dead)
    union select a.conversation_id from ownline_attempts a where a.worker = any (dead)))
  order by c.id for update;
  -- Whoever was heard of meanwhile lives, and whom another beat buries is left to it.
  dead := array(
    select w.id from ownline_workers w where w.id = any (dead) and w.alive_until <= p_now order by w.id
    for update skip locked);

  held := array(select c.id from ownline_conversations c where c.lease_worker = any (dead));
  recovered := cardinality(held);
  update ownline_turns t set crashes = t.crashes + 1 where t.conversation_id = any (held) and t.outcome is null;
  update ownline_conversations c set lease_worker = null, due_at = p_now where c.id = any (held);

  lost := array(select a.outbound_id from ownline_attempts a where a.worker = any (dead));
  update ownline_attempts a set status = 'unknown', error = null, worker = null where a.worker = any (dead);
  for each_one in
    select m.conversation_id, array_agg(m.id order by m.seq) as ids from ownline_messages m
    where m.id = any (lost) and m.status = 'sending'
      and (select best.status from (${bestOf("m.id")}) best) = 'unknown'
    group by m.conversation_id order by m.conversation_id
  loop
    update ownline_messages m set status = 'unknown', unknown_since = p_now, settle_at = p_now + p_look_in_ms,
      witness_since = null
      where m.id = any (each_one.ids);
    perform ownline_1_settle(each_one.conversation_id, each_one.ids);
    unsettled := unsettled || each_one.ids;
  end loop;
  delete from ownline_workers w where w.id = any (dead);
end
$body$`,

  operation({
    name: "heartbeat",
    args: "worker text, lease_ms bigint, look_in_ms bigint",
    declare: "buried record;",
    body: `moment := ownline_1_now(p_now);
  select * into buried from ownline_1_bury(arg.worker, arg.look_in_ms, moment);
  perform ownline_1_register(arg.worker, moment + arg.lease_ms);
  -- So that operations do not pile up where nobody purges: a few at each beat.
  delete from ownline_ops o where o.id = any (array(
    select f.id from ownline_ops f where f.at < moment - ${FORGOTTEN_AFTER_MS} order by f.at limit 500
    for update skip locked));
  return ownline_1_keep(arg.op, moment, 'beaten',
    jsonb_build_object('recovered', buried.recovered, 'leases', (
      select coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'turn', t.id, 'fence', c.fence,
        'pending', c.pending_seq) order by c.id), '[]')
      from ownline_conversations c join ownline_turns t on t.conversation_id = c.id and t.outcome is null
      where c.lease_worker = arg.worker)),
    ownline_1_entries('message', buried.unsettled), null);`,
  }),
];

/** See `Storage.heartbeat`. */
export async function heartbeat(ledger: PostgresLedger, beat: Heartbeat): Promise<HeartbeatAnswer> {
  const { workerId, leaseMs, lookInMs } = beat;
  const args = { op: `heartbeat ${beat.op}`, worker: workerId, lease_ms: leaseMs, look_in_ms: lookInMs };
  const { detail, messages } = answerOf(await ledger.call("heartbeat", args));
  return {
    leases: rowsOf(detail.leases).map((lease) => ({
      conversationId: text(lease, "id"),
      turnId: text(lease, "turn"),
      fence: integer(lease, "fence"),
      pendingSeq: integer(lease, "pending"),
    })),
    unsettled: messages("message").map(outboundOf),
    recovered: integer(detail, "recovered"),
  };
}
