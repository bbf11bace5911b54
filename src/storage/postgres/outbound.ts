import { oneOf } from "../sql/fields.ts";
import type { OutboundRecord, PartRecord, RecordedOutbound } from "../storage.ts";
import { answerOf } from "./answer.ts";
import { head } from "./common.ts";
import type { PostgresLedger } from "./ledger.ts";
import { contentText, outboundOf } from "./rows.ts";

const OUTCOMES: readonly RecordedOutbound["outcome"][] = ["recorded", "repeated", "opted-out", "erased"];

export const OUTBOUND: readonly string[] = [
  // Files the parts of one text as intents, and takes their positions. The conversation is locked.
  `create function ownline_1_file_parts(p_conversation text, p_group text, p_origin text, p_sender text, p_turn text,
    p_parts jsonb, p_expiry_ms bigint, p_now bigint) returns void language plpgsql as $body$
declare
  parts integer := jsonb_array_length(p_parts);
begin
  if parts = 0 then return; end if;
  insert into ownline_messages (id, conversation_id, seq, changed_seq, origin, sender, participant, content, created_at,
    status, group_id, part, parts, turn_id, attempts, carrier_ids, encoding, segments, expires_at, not_before,
    order_until, unknown_since, settle_at)
  select r.id, c.id, c.seq + r.part, c.seq + r.part, p_origin, p_sender, c.participant, r.content, p_now, 'intent',
    p_group, r.part, parts, p_turn, 0, '{}', r.encoding, r.segments, p_now + p_expiry_ms, p_now, 0, 0, 0
  from ownline_conversations c,
    jsonb_to_recordset(p_parts) as r(id text, part integer, content text, encoding text, segments integer)
  where c.id = p_conversation;
  update ownline_conversations c set seq = c.seq + parts, updated_at = p_now where c.id = p_conversation;
end
$body$`,

  `${head("record_outbound")}
declare
  arg record;
  conversation text;
  known ownline_keys;
  moment bigint;
begin
  select * into arg from jsonb_to_record(p) as r(key text, group_id text, conversation_id text, line text,
    sender text, participant text, consent_key text, origin text, parts jsonb, expiry_ms bigint);
  perform ownline_1_lock_consent(arg.consent_key, false);
  select c.id into conversation from ownline_conversations c
    where c.participant = arg.participant and c.line = arg.line for update;
  moment := ownline_1_now(p_now);

  select * into known from ownline_keys k where k.kind = 'send' and k.key = arg.key;
  if not found then
    if ownline_1_is_opted_out(arg.consent_key) then
      return ownline_1_keep(null, moment, 'opted-out', null, '[]', conversation);
    end if;
    insert into ownline_keys (kind, key, ref) values ('send', arg.key, arg.group_id) on conflict (kind, key) do nothing;
    if not found then select * into known from ownline_keys k where k.kind = 'send' and k.key = arg.key; end if;
  end if;
  if known.key is not null then
    return ownline_1_keep(null, moment, case when known.ref is null then 'erased' else 'repeated' end, null,
      ownline_1_entries('message',
        array(select m.id from ownline_messages m where m.group_id = known.ref order by m.part)),
      (select m.conversation_id from ownline_messages m where m.group_id = known.ref order by m.part limit 1));
  end if;

  insert into ownline_conversations as c (id, line, participant, sender, consent_key, created_at, updated_at)
  values (arg.conversation_id, arg.line, arg.participant, arg.sender, arg.consent_key, moment, moment)
  on conflict (participant, line) do update set consent_key = excluded.consent_key, updated_at = excluded.updated_at
  returning c.id into conversation;
  perform ownline_1_file_parts(conversation, arg.group_id, arg.origin, arg.sender, null, arg.parts, arg.expiry_ms, moment);
  perform ownline_1_settle(conversation, '{}');
  return ownline_1_keep(null, moment, 'recorded', null,
    ownline_1_entries('message', array(select r.id from jsonb_to_recordset(arg.parts) as r(id text, part integer)
      order by r.part)),
    conversation);
end
$body$`,
];

/** Parts as they travel. */
export function partsOf(parts: readonly PartRecord[]): readonly Readonly<Record<string, unknown>>[] {
  return parts.map((part, index) => ({
    id: part.id,
    part: index + 1,
    content: contentText(part),
    encoding: part.encoding,
    segments: part.segments,
  }));
}

/** See `Storage.recordOutbound`. */
export async function recordOutbound(ledger: PostgresLedger, outbound: OutboundRecord): Promise<RecordedOutbound> {
  const told = await ledger.call("record_outbound", {
    key: outbound.key,
    group_id: outbound.groupId,
    conversation_id: outbound.conversationId,
    line: outbound.line,
    sender: outbound.sender,
    participant: outbound.participant,
    consent_key: outbound.consentKey,
    origin: outbound.origin,
    parts: partsOf(outbound.parts),
    expiry_ms: outbound.expiryMs,
  });
  const { outcome, messages, conversation } = answerOf(told);
  return {
    outcome: oneOf(outcome, "outcome", OUTCOMES),
    messages: messages("message").map(outboundOf),
    conversation,
  };
}
