import type { InboundRecord, RecordedInbound } from "../storage.ts";
import { head } from "./common.ts";
import { inboundArgs, recordedInbound, TEXT_COLUMNS } from "./inbound.ts";
import type { PostgresLedger } from "./ledger.ts";

/** The texts of a call, numbered in their order. */
const TEXTS = `rows from (jsonb_to_recordset(p) as (${TEXT_COLUMNS})) with ordinality t`;

export const ARRIVALS: readonly string[] = [
  `${head("record_inbound")}
declare
  own text;
begin
  perform ownline_1_lock_consent(p ->> 'consent_key', p ->> 'consent_state' is not null);
  select c.id into own from ownline_conversations c
    where c.participant = p ->> 'participant' and c.line = p ->> 'line';
  if p ->> 'consent_state' = 'opted-out' then
    perform ownline_1_lock_person(p ->> 'consent_key', own);
  else
    perform 1 from ownline_conversations c where c.id = own for update;
  end if;
  return ownline_1_inbound(p, p_now);
end
$body$`,

  // Many texts in one commit, in the order in which they are given within a conversation. All locks come first, in the
  // order that everybody keeps. Texts that change a consent or have a reply lock more, and come alone. New texts are
  // stored all at once: statements that write one row each spend most of their time on getting ready.
  `${head("record_inbounds")}
declare
  moment bigint;
  fresh bigint[];
  each_text record;
  answers json[] := array_fill(null::json, array[jsonb_array_length(p)]);
begin
  perform ownline_1_lock_consent(k.consent_key, false) from (
    select distinct i.value ->> 'consent_key' collate "C" as consent_key from jsonb_array_elements(p) i order by 1) k;
  perform 1 from ownline_conversations c where c.id = any (array(
    select (select o.id from ownline_conversations o
      where o.participant = i.value ->> 'participant' and o.line = i.value ->> 'line')
    from jsonb_array_elements(p) i))
  order by c.id for update;
  moment := ownline_1_now(p_now);

  with made as (
    insert into ownline_keys (kind, key, ref)
    select 'inbound', t.key, t.message_id from ${TEXTS} order by t.key collate "C", t.ordinality
    on conflict (kind, key) do nothing returning key)
  select array_agg(f.n) into fresh
    from (select min(t.ordinality) as n from ${TEXTS} join made on made.key = t.key group by t.key) f;

  insert into ownline_conversations (id, line, participant, sender, consent_key, created_at, updated_at)
    select distinct on (t.participant collate "C", t.line collate "C")
      t.conversation_id, t.line, t.participant, t.sender, t.consent_key, moment, moment
    from ${TEXTS}
    where t.ordinality = any (fresh) and (
      select o.id from ownline_conversations o where o.participant = t.participant and o.line = t.line) is null
    order by t.participant collate "C", t.line collate "C", t.ordinality
  on conflict (participant, line) do nothing;

  for each_text in
    with found as materialized (
      select t.*, t.needs_answer and not ownline_1_is_opted_out(t.consent_key) as needs, (
        select o.id from ownline_conversations o where o.participant = t.participant and o.line = t.line) as conversation
      from ${TEXTS} where t.ordinality = any (fresh)),
    texts as materialized (
      select f.*, row_number() over (partition by f.conversation order by f.ordinality) as place from found f),
    -- What each conversation gets: of the last text, and of the last that needs an answer.
    arrived as materialized (
      select t.conversation, count(*) as texts, max(t.place) filter (where t.needs) as needing,
        (array_agg(t.sender order by t.ordinality desc))[1] as sender,
        (array_agg(t.consent_key order by t.ordinality desc))[1] as consent_key,
        (array_agg(t.debounce_ms order by t.ordinality desc) filter (where t.needs))[1] as debounce_ms,
        (array_agg(t.max_wait_ms order by t.ordinality desc) filter (where t.needs))[1] as max_wait_ms
      from texts t group by t.conversation),
    moved as (
      update ownline_conversations c set
        sender = a.sender, consent_key = a.consent_key, seq = c.seq + a.texts, inbound_seq = c.seq + a.texts,
        updated_at = moment,
        pending_seq = case when a.needing > 0 then c.seq + a.needing else c.pending_seq end,
        pending_since = case when a.needing > 0 then coalesce(c.pending_since, moment) else c.pending_since end,
        due_at = case when a.needing > 0 and not c.paused
          then greatest(
            least(moment + a.debounce_ms, coalesce(c.pending_since, moment) + a.max_wait_ms),
            moment, coalesce(c.backoff_until, 0))
          else c.due_at end
      from arrived a
      where c.id = any (array(select r.conversation from arrived r)) and c.id = a.conversation
      returning c.id, c.seq - a.texts as before, to_json(c) as told),
    stored as (
      insert into ownline_messages as m (id, conversation_id, seq, changed_seq, origin, sender, participant, content,
        created_at, carrier_id, occurred_at, needs_answer)
      select t.message_id, t.conversation, v.before + t.place, v.before + t.place, t.origin, t.sender, t.participant,
        t.content, moment, t.carrier_id, coalesce(t.occurred_at, moment), t.needs
      from texts t join moved v on v.id = t.conversation
      returning m.id, m.seq, m.sender, to_json(m) as told)
    select t.ordinality as n, ownline_1_recorded(moment, s.told,
      json_build_object('sender', s.sender, 'seq', s.seq, 'inbound_seq', s.seq), v.told) as answer
    from texts t join stored s on s.id = t.message_id join moved v on v.id = t.conversation
  loop
    answers[each_text.n] := each_text.answer;
  end loop;

  -- Those that were known before, or twice among these.
  for each_text in
    select i.value, i.ordinality as n from jsonb_array_elements(p) with ordinality i
    where answers[i.ordinality] is null order by i.ordinality
  loop
    answers[each_text.n] := ownline_1_inbound(each_text.value, moment);
  end loop;
  return to_json(answers);
end
$body$`,
];

/** See `Storage.recordInbound`. */
export async function recordInbound(ledger: PostgresLedger, inbound: InboundRecord): Promise<RecordedInbound> {
  return recordedInbound(await ledger.call("record_inbound", inboundArgs(inbound)));
}

/** Records several texts in one commit: all of them or none. Answers in their order. */
export async function recordInbounds(
  ledger: PostgresLedger,
  inbounds: readonly InboundRecord[],
): Promise<readonly RecordedInbound[]> {
  const told = await ledger.call("record_inbounds", inbounds.map(inboundArgs));
  if (!Array.isArray(told)) throw new TypeError("The ledger's function answered something else than a list.");
  return told.map(recordedInbound);
}

/** Whether a text may share its commit with others: its locks are known before it is judged. */
export function canShareCommit({ consent, autoReply }: InboundRecord): boolean {
  return consent === null && autoReply === null;
}
