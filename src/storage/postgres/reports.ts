import { bestOf, rankOf } from "./common.ts";

/*
 * What a fact does to its attempt and its message. The conversation is locked. Each function tells whether the fact was
 * news. What follows for others is in facts.ts.
 */

export const REPORTS: readonly string[] = [
  // What the carrier reports of an attempt: answers and callbacks. Repetitions are counted, not kept.
  `create function ownline_1_report(p_outbound text, p_attempt integer, p jsonb, p_now bigint) returns boolean
    language plpgsql as $body$
declare
  arg record;
  att ownline_attempts;
  same ownline_events;
begin
  select * into arg from jsonb_to_record(p) as r(carrier_id text, status text, raw_status text, error text,
    error_code bigint);
  select * into att from ownline_attempts a where a.outbound_id = p_outbound and a.n = p_attempt;
  insert into ownline_keys (kind, key, ref, attempt) values ('carrier', arg.carrier_id, p_outbound, p_attempt)
    on conflict (kind, key) do nothing;
  update ownline_messages m set carrier_ids = m.carrier_ids || arg.carrier_id
    where m.id = p_outbound and not (m.carrier_ids @> array[arg.carrier_id]);
  update ownline_attempts a set carrier_id = arg.carrier_id
    where a.outbound_id = p_outbound and a.n = p_attempt and a.carrier_id is null;

  select * into same from ownline_events e
    where e.outbound_id = p_outbound and e.attempt = p_attempt and e.carrier_id = arg.carrier_id
      and e.status = arg.status and e.raw_status = arg.raw_status
      and (e.error is null) = (arg.error is null) and e.error_code is not distinct from arg.error_code
    order by e.position limit 1;
  if found then
    update ownline_events e set times = e.times + 1
      where e.outbound_id = p_outbound and e.attempt = p_attempt and e.position = same.position;
    return false;
  end if;
  insert into ownline_events (outbound_id, attempt, position, carrier_id, status, raw_status, error, error_code, at, times)
  select p_outbound, p_attempt, 1 + coalesce(max(e.position), 0), arg.carrier_id, arg.status, arg.raw_status, arg.error,
    arg.error_code, p_now, 1
  from ownline_events e where e.outbound_id = p_outbound and e.attempt = p_attempt;
  if ${rankOf("arg.status")} > ${rankOf("att.status")} then
    update ownline_attempts a set status = arg.status, error = arg.error, worker = null
      where a.outbound_id = p_outbound and a.n = p_attempt;
    perform ownline_1_show_best(p_outbound);
  end if;
  return true;
end
$body$`,

  // An entry of the carrier's list as the witness of an attempt. It speaks for one attempt only.
  `create function ownline_1_found(p_outbound text, p_attempt integer, p jsonb, p_now bigint) returns boolean
    language plpgsql as $body$
begin
  if not exists (select 1 from ownline_attempts a
    where a.outbound_id = p_outbound and a.n = p_attempt and a.status = 'unknown') then
    return false;
  end if;
  insert into ownline_keys (kind, key, ref, attempt) values ('carrier', p ->> 'carrier_id', p_outbound, p_attempt)
    on conflict (kind, key) do nothing;
  if not found then return false; end if;
  return ownline_1_report(p_outbound, p_attempt, p, p_now);
end
$body$`,

  // Begins, or begins anew, the time in which nobody knows what became of a message.
  `create function ownline_1_doubt(p_message text, p_look_at bigint, p_now bigint) returns void language plpgsql as $body$
begin
  update ownline_messages m set unknown_since = p_now, settle_at = p_look_at, witness_since = null
    where m.id = p_message;
end
$body$`,

  // The carrier did not take an attempt.
  `create function ownline_1_refusal(p_outbound text, p_attempt integer, p jsonb, p_now bigint) returns boolean
    language plpgsql as $body$
declare
  msg ownline_messages;
  best ownline_attempts;
  may_retry boolean;
  retry_at bigint := p_now + (p -> 'retry_in_ms')::bigint;
begin
  update ownline_attempts a set status = 'refused', error = p ->> 'error', worker = null
    where a.outbound_id = p_outbound and a.n = p_attempt and a.status in ('sending', 'unknown');
  if not found then return false; end if;
  select * into msg from ownline_messages m where m.id = p_outbound;
  if msg.status not in ('sending', 'unknown', 'intent') then return true; end if;
  may_retry := p ->> 'next' = 'retry' and msg.origin <> 'auto-reply';
  ${bestOf("p_outbound").replace("select b.*", "select b.* into best")};
  if best.n is not null and (may_retry or best.status <> 'unknown') then
    -- Another attempt decides what becomes of the message.
    perform ownline_1_doubt(p_outbound, retry_at, p_now);
    if msg.status = 'intent' then
      update ownline_messages m set not_before = greatest(m.not_before, retry_at) where m.id = p_outbound;
    else
      perform ownline_1_show_best(p_outbound);
    end if;
    return true;
  end if;
  update ownline_messages m set not_before = retry_at, status = case when may_retry then 'intent' else 'failed' end,
    error = p ->> 'error', due_at = null
    where m.id = p_outbound;
  return true;
end
$body$`,

  // Nobody knows whether the carrier took an attempt.
  `create function ownline_1_silence(p_outbound text, p_attempt integer, p jsonb, p_now bigint) returns boolean
    language plpgsql as $body$
begin
  update ownline_attempts a set status = 'unknown', error = p ->> 'error', worker = null
    where a.outbound_id = p_outbound and a.n = p_attempt and a.status = 'sending';
  if not found then return false; end if;
  if exists (select 1 from ownline_messages m where m.id = p_outbound and m.status = 'sending') then
    perform ownline_1_doubt(p_outbound, p_now + (p -> 'look_in_ms')::bigint, p_now);
    perform ownline_1_show_best(p_outbound);
  end if;
  return true;
end
$body$`,

  // The carrier's list does not show a message (yet).
  `create function ownline_1_absence(p_outbound text, p_attempt integer, p jsonb, p_now bigint) returns boolean
    language plpgsql as $body$
begin
  update ownline_messages m set settle_at = p_now + (p ->> 'look_in_ms')::bigint,
    witness_since = coalesce(m.witness_since, (p ->> 'as_of')::bigint)
    where m.id = p_outbound and m.status = 'unknown';
  return found;
end
$body$`,
];
