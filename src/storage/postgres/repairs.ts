import type { OutboundMessage } from "../../model/message.ts";
import { oneOf, record } from "../sql/fields.ts";
import type { RecordedFact, RequeuedTurn, Resolution, RivalQuery, Rivals, Suspicion, TurnRequeue } from "../storage.ts";
import { answerOf } from "./answer.ts";
import { operation } from "./common.ts";
import { unknownAttempts } from "./due.ts";
import { recordedFact } from "./facts.ts";
import type { PostgresLedger } from "./ledger.ts";
import { outboundOf, reasonText } from "./rows.ts";
import { isOpen } from "./tables.ts";

export const REPAIRS: readonly string[] = [
  operation({
    name: "resolve",
    args: `outbound_id text, attempts integer, statuses text[], decision text, error text, expiry_ms bigint`,
    declare: `msg ownline_messages;
  owner text;
  counts boolean;`,
    body: `select m.conversation_id into owner from ownline_messages m where m.id = arg.outbound_id and m.status is not null;
  perform 1 from ownline_conversations c where c.id = owner for update;
  moment := ownline_1_now(p_now);
  select * into msg from ownline_messages m where m.id = arg.outbound_id and m.status is not null;
  if not found then return ownline_1_keep(null, moment, 'unmatched', null, '[]', null); end if;

  counts := msg.status = any (arg.statuses) and (arg.attempts is null or arg.attempts = msg.attempts);
  if counts then
    if arg.decision = 'sent' then
      update ownline_attempts a set status = 'accepted', error = null
        where a.outbound_id = msg.id and a.n = msg.attempts and a.status = 'unknown';
    end if;
    update ownline_messages m set
      status = case arg.decision when 'resend' then 'intent' when 'sent' then 'accepted' when 'hold' then 'held'
        else 'failed' end,
      error = case when arg.decision in ('hold', 'drop') then arg.error end,
      not_before = case when arg.decision = 'resend' then moment else m.not_before end,
      expires_at = case when arg.decision = 'resend' then greatest(m.expires_at, moment + arg.expiry_ms)
        else m.expires_at end,
      due_at = null
      where m.id = msg.id;
  end if;
  return ownline_1_fact_told(arg.op, moment, msg.id, msg.status, counts, null);`,
  }),

  operation({
    name: "requeue_turn",
    args: "turn_id text",
    declare: `conv ownline_conversations;
  turn ownline_turns;
  why text := 'requeued';`,
    body: `select * into turn from ownline_turns t where t.id = arg.turn_id;
  select * into conv from ownline_conversations c where c.id = turn.conversation_id for update;
  moment := ownline_1_now(p_now);
  select * into turn from ownline_turns t where t.id = arg.turn_id;
  if turn.id is null or not exists (
    select 1 from ownline_messages m where m.conversation_id = conv.id and m.needs_answer
      and m.seq between turn.first_seq and turn.through_seq) then
    return ownline_1_keep(null, moment, 'unmatched', null, '[]', null);
  end if;
  if exists (select 1 from ownline_turns t where t.conversation_id = conv.id
    and (t.first_seq, t.position) > (turn.first_seq, turn.position)) then
    why := 'newer';
  elsif turn.outcome is distinct from 'fallback' then
    why := 'not-dead';
  elsif ownline_1_is_opted_out(conv.consent_key) then
    why := 'opted-out';
  else
    update ownline_conversations c set answered_seq = turn.first_seq - 1, backoff_until = null,
      pending_since = coalesce(c.pending_since, moment), due_at = case when not c.paused then moment end
      where c.id = conv.id;
  end if;
  return ownline_1_keep(arg.op, moment, why, null, '[]', conv.id);`,
  }),

  operation({
    name: "suspect",
    args: `"limit" bigint, look_in_ms bigint`,
    declare: `suspected text[];
  each_one record;`,
    body: `moment := ownline_1_now(p_now);
  suspected := array(
    select m.id from ownline_messages m where m.status in ('intent', 'sending') and m.origin <> 'auto-reply'
    order by m.created_at, m.id limit arg."limit");
  perform 1 from ownline_conversations c where c.id = any (array(
    select m.conversation_id from ownline_messages m where m.id = any (suspected)))
  order by c.id for update;
  -- What moved while the locks were waited for is no longer suspected.
  suspected := array(
    select m.id from ownline_messages m where m.id = any (suspected) and m.status in ('intent', 'sending')
    order by m.created_at, m.id);

  update ownline_attempts a set status = 'unknown', error = null, worker = null, started_at = m.created_at
    from ownline_messages m
    where m.id = any (suspected) and m.status = 'sending' and a.outbound_id = m.id and a.n = m.attempts;
  insert into ownline_attempts (outbound_id, n, conversation_id, status, started_at)
    select m.id, m.attempts + 1, m.conversation_id, 'unknown', m.created_at
    from ownline_messages m where m.id = any (suspected) and m.status = 'intent';
  update ownline_messages m set status = 'unknown', error = null,
    attempts = m.attempts + case when m.status = 'intent' then 1 else 0 end,
    slot_key = null, slot_at = null, slot_epoch = null,
    unknown_since = moment, settle_at = moment + arg.look_in_ms, witness_since = null
    where m.id = any (suspected);
  for each_one in
    select m.conversation_id, array_agg(m.id order by array_position(suspected, m.id)) as ids
    from ownline_messages m where m.id = any (suspected)
    group by m.conversation_id
  loop
    perform ownline_1_settle(each_one.conversation_id, each_one.ids);
  end loop;
  return ownline_1_keep(arg.op, moment, 'suspected', null, ownline_1_entries('message', suspected), null);`,
  }),
];

/** See `Storage.resolve`. */
export async function resolve(ledger: PostgresLedger, resolution: Resolution): Promise<RecordedFact> {
  const told = await ledger.call("resolve", {
    op: `resolve ${resolution.op}`,
    outbound_id: resolution.outboundId,
    attempts: resolution.attempts,
    statuses: resolution.from,
    decision: resolution.decision,
    error: reasonText(resolution.reason),
    expiry_ms: resolution.expiryMs,
  });
  return recordedFact(told);
}

const REQUEUED: readonly RequeuedTurn["outcome"][] = ["requeued", "newer", "not-dead", "opted-out", "unmatched"];

/** See `Storage.requeueTurn`. */
export async function requeueTurn(ledger: PostgresLedger, { op, turnId }: TurnRequeue): Promise<RequeuedTurn> {
  const told = await ledger.call("requeue_turn", { op: `requeueTurn ${op}`, turn_id: turnId });
  const { outcome, conversation } = answerOf(told);
  return { outcome: oneOf(outcome, "outcome", REQUEUED), conversation };
}

/** See `Storage.suspect`. */
export async function suspect(ledger: PostgresLedger, suspicion: Suspicion): Promise<readonly OutboundMessage[]> {
  const { op, limit, lookInMs } = suspicion;
  const told = await ledger.call("suspect", { op: `suspect ${op}`, limit, look_in_ms: lookInMs });
  return answerOf(told).messages("message").map(outboundOf);
}

const READ_RIVALS = `
  select jsonb_build_object(
    'attempts', (
      select jsonb_agg(jsonb_build_object('outbound_id', a.outbound_id, 'n', a.n, 'started_at', a.started_at)
        order by a.started_at, r.seq, a.n)
      from ownline_messages m
      cross join lateral (
        select u.* from ownline_attempts u where u.conversation_id = m.conversation_id and u.status = 'unknown'
        union all
        select w.* from ownline_messages o join ownline_attempts w on w.outbound_id = o.id and w.status = 'sending'
        where o.conversation_id = m.conversation_id and ${isOpen("o")} and o.status = 'sending') a
      join ownline_messages r on r.id = a.outbound_id and r.content = m.content
      where m.id = $1 and m.status is not null),
    'known', (
      select jsonb_agg(k.key) from ownline_keys k
      where k.kind = 'carrier' and k.key = any (array(select jsonb_array_elements_text($2::jsonb)))))::text as answer`;

/** See `Storage.rivals`. */
export async function rivals(ledger: PostgresLedger, { outboundId, carrierIds }: RivalQuery): Promise<Rivals> {
  const told = record(await ledger.read(READ_RIVALS, [outboundId, JSON.stringify(carrierIds)]), "rivals");
  const known = new Set<unknown>(Array.isArray(told.known) ? told.known : []);
  return { attempts: unknownAttempts(told.attempts), known: carrierIds.filter((id) => known.has(id)) };
}
