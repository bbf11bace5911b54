import { STATUS_RANK, STATUS_WORTH } from "../../model/delivery-status.ts";
import { isOpen } from "./tables.ts";

/*
 * What the operations share, in PL/pgSQL. Each statement in a volatile function under READ COMMITTED sees what was
 * committed before it began. So an operation locks first and judges what it has locked afterwards, and the whole of it
 * is one call: one round trip, one commit, and no state of a session that a transaction pooler would lose.
 *
 * Locks are taken in one order, so that no two operations wait for each other: operation, consent, conversations (by
 * id), keys, counters (by key), paces, workers.
 */

/** A text in SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** `case` over the words of a status column, from a table of the model. */
function ranked(column: string, ranks: Readonly<Record<string, number>>): string {
  const cases = Object.entries(ranks).map(([status, rank]) => `when '${status}' then ${rank}`);
  return `(case ${column} ${cases.join(" ")} end)`;
}

/** How far an attempt has come. */
export function rankOf(column: string): string {
  return ranked(column, STATUS_RANK);
}

/**
 * The head of a function that is called from outside. Its statements, and those of the functions that it calls, keep
 * one plan for all arguments: left to choose, PostgreSQL planned those with lists of ids anew on every call, which took
 * longer than to run them (https://www.postgresql.org/docs/current/sql-prepare.html, plan_cache_mode). Such a plan may
 * be made while a table is nearly empty and serve it when it is not, so that none may read a table from end to end.
 */
export function head(name: string): string {
  return `create function ownline_1_${name}(p jsonb, p_now bigint) returns json language plpgsql
  set plan_cache_mode = force_generic_plan set enable_seqscan = off as $body$`;
}

interface OperationText {
  readonly name: string;
  /** What the call hands over, as columns of `arg`; `op` is there always. */
  readonly args: string;
  readonly declare?: string;
  readonly body: string;
}

/**
 * A mutating operation. A repetition finds what the first call answered and returns it: the operation's lock makes it
 * wait for a first call that is still under way.
 */
export function operation({ name, args, declare = "", body }: OperationText): string {
  return `${head(name)}
declare
  arg record;
  kept json;
  moment bigint;
  ${declare}
begin
  select * into arg from jsonb_to_record(p) as r(op text, ${args});
  kept := ownline_1_kept(arg.op);
  if kept is not null then return kept; end if;
  ${body}
end
$body$`;
}

/**
 * The attempt whose state message `id` shows: the best that may have left, the later one of two equals. An unknown one
 * behind which another has left is decided about already.
 */
export function bestOf(id: string): string {
  return `select b.* from ownline_attempts b where b.outbound_id = ${id} and b.status <> 'refused'
    and (b.status <> 'unknown' or (select l.n from ownline_attempts l
      where l.outbound_id = ${id} and l.n > b.n and l.status <> 'refused' limit 1) is null)
    order by ${ranked("b.status", STATUS_WORTH)} desc, b.n desc limit 1`;
}

export const COMMON: readonly string[] = [
  // The storage's clock. An operation reads it once, after it has its locks: so times rise with positions.
  `create function ownline_1_now(p_now bigint) returns bigint language sql as $body$
    select coalesce(p_now, floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
  $body$`,

  // Exclusive for a change of consent, shared for what is judged by it while a conversation may be new: a row lock
  // needs a row, and of most people nothing is known.
  `create function ownline_1_lock_consent(p_key text, p_exclusive boolean) returns void language plpgsql as $body$
begin
  if p_exclusive then
    perform pg_advisory_xact_lock(hashtextextended('ownline consent ' || p_key, 0));
  else
    perform pg_advisory_xact_lock_shared(hashtextextended('ownline consent ' || p_key, 0));
  end if;
end
$body$`,

  // The answer's messages, with what can change of them as it is now. Texts are not copied. A subselect for each id is
  // served by the index, whatever the planner thinks that a list holds.
  `create function ownline_1_entries(p_role text, p_ids text[]) returns jsonb language plpgsql as $body$
begin
  return (
    select coalesce(jsonb_agg(e.entry order by e.n) filter (where e.entry is not null), '[]') from (
      select t.n, (
        select jsonb_build_array(p_role, m.id, jsonb_build_object('status', m.status, 'error', m.error,
          'changed_seq', m.changed_seq, 'attempts', m.attempts, 'carrier_ids', m.carrier_ids))
        from ownline_messages m where m.id = t.id) as entry
      from unnest(p_ids) with ordinality t(id, n)) e);
end
$body$`,

  // An answer with its rows, and what they were then. What was erased since is not there.
  `create function ownline_1_tell(p_answer jsonb) returns json language plpgsql as $body$
begin
  return json_build_object(
    'outcome', p_answer -> 'outcome',
    'at', p_answer -> 'at',
    'detail', p_answer -> 'detail',
    'messages', (
      select json_agg(e.told order by e.n) filter (where e.told is not null) from (
        select t.n, (
          select json_build_object('role', t.entry -> 0, 'was', t.entry -> 2, 'row', to_json(m))
          from ownline_messages m where m.id = t.entry ->> 1) as told
        from jsonb_array_elements(p_answer -> 'messages') with ordinality t(entry, n)) e),
    'conversation', (
      select json_build_object('was', p_answer #> '{conversation,was}', 'row', to_json(c))
      from ownline_conversations c where c.id = p_answer #>> '{conversation,id}'));
end
$body$`,

  `create function ownline_1_kept(p_op text) returns json language plpgsql as $body$
declare
  answer jsonb;
begin
  perform pg_advisory_xact_lock(hashtextextended('ownline operation ' || p_op, 0));
  select o.answer into answer from ownline_ops o where o.id = p_op;
  return case when answer is not null then ownline_1_tell(answer) end;
end
$body$`,

  // Keeps an answer for repetitions (none where the operation is null) and tells it.
  `create function ownline_1_keep(p_op text, p_now bigint, p_outcome text, p_detail jsonb, p_messages jsonb,
    p_conversation text) returns json language plpgsql as $body$
declare
  answer jsonb;
begin
  answer := jsonb_build_object('outcome', p_outcome, 'at', p_now, 'detail', p_detail, 'messages', p_messages,
    'conversation', (
      select jsonb_build_object('id', c.id, 'was', jsonb_build_object('sender', c.sender, 'paused', c.paused,
        'seq', c.seq, 'inbound_seq', c.inbound_seq, 'answered_seq', c.answered_seq, 'updated_at', c.updated_at))
      from ownline_conversations c where c.id = p_conversation));
  if p_op is not null then
    insert into ownline_ops (id, at, answer) values (p_op, p_now, answer);
  end if;
  return ownline_1_tell(answer);
end
$body$`,

  // What every operation does after it has changed messages of a conversation: gives the changed ones the next
  // positions in their order, ends the waiting of those behind them, and says of every open message when it is due
  // (behind another one: never).
  `create function ownline_1_settle(p_conversation text, p_changed text[]) returns void language plpgsql as $body$
declare
  moved bigint;
begin
  if cardinality(p_changed) > 0 then
    update ownline_messages m set changed_seq = c.seq + array_position(p_changed, m.id)
      from ownline_conversations c where c.id = p_conversation and m.id = any (p_changed);
    update ownline_conversations c set seq = c.seq + cardinality(p_changed) where c.id = p_conversation;
    select min(m.seq) into moved from ownline_messages m where m.id = any (p_changed) and m.origin <> 'auto-reply';
  end if;
  update ownline_messages m set order_until = d.order_until, due_at = d.due_at
    from (
      select o.id, o.order_until, case
          when o.status = 'unknown' then o.settle_at
          when o.status = 'intent' and not o.is_behind then greatest(o.not_before, o.order_until)
        end as due_at
      from (
        select m.id, m.status, m.settle_at, m.not_before,
          case when m.seq > moved then 0 else m.order_until end as order_until,
          coalesce(bool_or(m.status in ('intent', 'sending')) over (
            order by m.seq rows between unbounded preceding and 1 preceding), false)
          or coalesce(bool_or(m.status = 'unknown') over (
            partition by m.group_id order by m.seq rows between unbounded preceding and 1 preceding), false) as is_behind
        from ownline_messages m where m.conversation_id = p_conversation and ${isOpen("m")}) o) d
    where m.id = d.id and (m.order_until, m.due_at) is distinct from (d.order_until, d.due_at);
end
$body$`,

  // The later parts of a message's group that have not left.
  `create function ownline_1_later_parts(p_group text, p_part integer) returns text[] language plpgsql as $body$
begin
  return array(
    select m.id from ownline_messages m
    where m.group_id = p_group and m.part > p_part and m.status in ('intent', 'held') order by m.part);
end
$body$`,

  `create function ownline_1_cancel(p_ids text[], p_error text) returns void language plpgsql as $body$
begin
  update ownline_messages m set status = 'cancelled', error = p_error, due_at = null where m.id = any (p_ids);
end
$body$`,

  // Lets a message show the best of its attempts.
  `create function ownline_1_show_best(p_message text) returns void language plpgsql as $body$
declare
  best ownline_attempts;
begin
  ${bestOf("p_message").replace("select b.*", "select b.* into best")};
  if best.outbound_id is null then return; end if;
  update ownline_messages m set
    status = best.status,
    error = case when best.status in ('failed', 'undelivered') then best.error end,
    due_at = case when best.status = 'unknown' then m.due_at end
  where m.id = p_message;
end
$body$`,

  // Registers a worker as alive; never shortens its time.
  `create function ownline_1_register(p_worker text, p_until bigint) returns void language plpgsql as $body$
begin
  insert into ownline_workers as w (id, alive_until) values (p_worker, p_until)
  on conflict (id) do update set alive_until = greatest(w.alive_until, excluded.alive_until);
end
$body$`,

  // Writes a person's consent; a repeated opt-out leaves it as it is. Tells whether its state is another than before.
  `create function ownline_1_consent(p_key text, p_state text, p_source text, p_now bigint) returns boolean
    language plpgsql as $body$
declare
  before text;
begin
  select s.state into before from ownline_consents s where s.consent_key = p_key;
  insert into ownline_consents as s (consent_key, state, source, changed_at) values (p_key, p_state, p_source, p_now)
  on conflict (consent_key) do update
    set state = excluded.state, source = excluded.source, changed_at = excluded.changed_at
    where s.state = 'opted-in' or excluded.state = 'opted-in';
  return before is distinct from p_state;
end
$body$`,

  `create function ownline_1_is_opted_out(p_key text) returns boolean language plpgsql as $body$
begin
  return exists (select 1 from ownline_consents s where s.consent_key = p_key and s.state = 'opted-out');
end
$body$`,
];
