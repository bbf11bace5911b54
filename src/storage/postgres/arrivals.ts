import type { InboundRecord, RecordedInbound } from "../storage.ts";
import { inboundArgs, recordedInbound } from "./inbound.ts";
import type { PostgresLedger } from "./ledger.ts";

export const ARRIVALS: readonly string[] = [
  `create function ownline_1_record_inbound(p jsonb, p_now bigint) returns json language plpgsql as $body$
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
  // order that everybody keeps. Texts that change a consent or charge a counter lock more, and come alone.
  `create function ownline_1_record_inbounds(p jsonb, p_now bigint) returns json language plpgsql as $body$
declare
  moment bigint;
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
  for each_text in
    select i.value, i.ordinality as n from jsonb_array_elements(p) with ordinality i
    order by i.value ->> 'participant' collate "C", i.value ->> 'line' collate "C", i.ordinality
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
  return consent === null && (autoReply === null || autoReply.conditions.counters.length === 0);
}
