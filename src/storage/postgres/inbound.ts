import { oneOf } from "../sql/fields.ts";
import type { AutoReplyRecord, InboundRecord, RecordedInbound } from "../storage.ts";
import { type Answer, answerOf } from "./answer.ts";
import { countersOf } from "./conditions.ts";
import { contentText, inboundOf, outboundOf } from "./rows.ts";

const OUTCOMES: readonly RecordedInbound["outcome"][] = ["recorded", "repeated", "erased"];

/** Of `inboundArgs`, what every text has. */
export const TEXT_COLUMNS: string =
  "key text, message_id text, conversation_id text, line text, sender text, participant text, consent_key text, " +
  "origin text, carrier_id text, content text, occurred_at bigint, needs_answer boolean, debounce_ms bigint, " +
  "max_wait_ms bigint";

export const INBOUND: readonly string[] = [
  // The answer for a text that is new, from rows that are at hand: as `ownline_1_tell` gives it.
  `create function ownline_1_recorded(p_at bigint, p_message json, p_then json, p_conversation json) returns json
    language sql stable as $body$
    select json_build_object('outcome', 'recorded', 'at', p_at, 'detail', null,
      'messages', json_build_array(json_build_object('role', 'message', 'was', json_build_object(), 'row', p_message)),
      'conversation', json_build_object('was', p_then, 'row', p_conversation))
  $body$`,

  // A text, known by its key. The consent of its person is locked, and the conversation where there is one.
  `create function ownline_1_inbound(p jsonb, p_now bigint) returns json language plpgsql as $body$
declare
  arg record;
  conv ownline_conversations;
  known ownline_messages;
  msg ownline_messages;
  moment bigint := ownline_1_now(p_now);
  counts boolean := false;
  changed boolean := false;
  needs boolean;
  reply text[] := '{}';
  cancelled text[] := '{}';
begin
  select * into arg from jsonb_to_record(p) as r(${TEXT_COLUMNS}, consent_state text, consent_source text,
    unless_since bigint, reply jsonb);

  insert into ownline_keys (kind, key, ref) values ('inbound', arg.key, arg.message_id) on conflict (kind, key) do nothing;
  if not found then
    select m.* into known from ownline_keys k join ownline_messages m on m.id = k.ref
      where k.kind = 'inbound' and k.key = arg.key;
    return ownline_1_keep(null, moment, case when known.id is null then 'erased' else 'repeated' end, null,
      ownline_1_entries('message', array[known.id]) || ownline_1_entries('autoReply', array[known.auto_reply_id]),
      known.conversation_id);
  end if;

  if arg.consent_state is not null then
    -- A STOP that was found late does not outlive the START that followed it.
    counts := not exists (
      select 1 from ownline_consents s
      where s.consent_key = arg.consent_key and s.state = 'opted-in' and s.changed_at > arg.unless_since);
    if counts then
      changed := ownline_1_consent(arg.consent_key, arg.consent_state, arg.consent_source, moment);
    end if;
  end if;
  needs := arg.needs_answer and not ownline_1_is_opted_out(arg.consent_key);

  insert into ownline_conversations as c
    (id, line, participant, sender, consent_key, seq, inbound_seq, pending_seq, pending_since, due_at, created_at,
      updated_at)
  values (arg.conversation_id, arg.line, arg.participant, arg.sender, arg.consent_key, 1, 1,
    case when needs then 1 else 0 end,
    case when needs then moment end,
    case when needs then moment + greatest(least(arg.debounce_ms, arg.max_wait_ms), 0) end,
    moment, moment)
  on conflict (participant, line) do update set
    sender = excluded.sender, consent_key = excluded.consent_key, seq = c.seq + 1, inbound_seq = c.seq + 1,
    updated_at = excluded.updated_at,
    pending_seq = case when needs then c.seq + 1 else c.pending_seq end,
    pending_since = case when needs then coalesce(c.pending_since, moment) else c.pending_since end,
    due_at = case when needs and not c.paused
      then greatest(
        least(moment + arg.debounce_ms, coalesce(c.pending_since, moment) + arg.max_wait_ms),
        moment, coalesce(c.backoff_until, 0))
      else c.due_at end
  returning * into conv;

  insert into ownline_messages (id, conversation_id, seq, changed_seq, origin, sender, participant, content, created_at,
    carrier_id, occurred_at, needs_answer)
  values (arg.message_id, conv.id, conv.seq, conv.seq, arg.origin, arg.sender, arg.participant, arg.content, moment,
    arg.carrier_id, coalesce(arg.occurred_at, moment), needs)
  returning * into msg;

  -- As nearly every text comes: nothing else has changed, and nothing needs to be read again.
  if arg.reply is null and arg.consent_state is null then
    return ownline_1_recorded(moment, to_json(msg), json_build_object(), to_json(conv));
  end if;

  if arg.reply is not null and ownline_1_auto_reply(conv.id, arg.reply, moment) then
    reply := array[arg.reply ->> 'id'];
    update ownline_messages m set auto_reply_id = reply[1] where m.id = arg.message_id;
  end if;
  if counts and arg.consent_state = 'opted-out' then
    cancelled := ownline_1_stop(arg.consent_key, conv.id, conv.seq, '{}', moment);
  end if;
  return ownline_1_keep(null, moment, 'recorded', jsonb_build_object('consentChanged', changed),
    ownline_1_entries('message', array[arg.message_id]) || ownline_1_entries('autoReply', reply)
      || ownline_1_entries('cancelled', cancelled),
    conv.id);
end
$body$`,

  // The reply that rides on the webhook's answer: all or nothing. Tells whether it was stored.
  `create function ownline_1_auto_reply(p_conversation text, p jsonb, p_now bigint) returns boolean
    language plpgsql as $body$
declare
  arg record;
  conv ownline_conversations;
begin
  select * into arg from jsonb_to_record(p) as r(id text, content text, encoding text, segments integer,
    unpaused boolean, consent boolean, counters jsonb);
  select * into conv from ownline_conversations c where c.id = p_conversation;
  if arg.unpaused and conv.paused then return false; end if;
  if arg.consent and ownline_1_is_opted_out(conv.consent_key) then return false; end if;
  if (select f.place from ownline_1_full_counter(arg.counters, p_now) f) is not null then return false; end if;
  perform ownline_1_charge(arg.counters, p_now);
  insert into ownline_messages (id, conversation_id, seq, changed_seq, origin, sender, participant, content, created_at,
    status, group_id, part, parts, attempts, carrier_ids, encoding, segments, expires_at, not_before, order_until,
    unknown_since, settle_at)
  values (arg.id, conv.id, conv.seq + 1, conv.seq + 1, 'auto-reply', conv.sender, conv.participant, arg.content, p_now,
    'sending', arg.id, 1, 1, 1, '{}', arg.encoding, arg.segments, p_now, p_now, 0, 0, 0);
  insert into ownline_attempts (outbound_id, n, conversation_id, status, started_at)
    values (arg.id, 1, conv.id, 'sending', p_now);
  update ownline_conversations c set seq = c.seq + 1 where c.id = conv.id;
  return true;
end
$body$`,
];

/** An inbound record as it travels. */
export function inboundArgs(inbound: InboundRecord): Readonly<Record<string, unknown>> {
  const { consent } = inbound;
  return {
    key: inbound.key,
    message_id: inbound.messageId,
    conversation_id: inbound.conversationId,
    line: inbound.line,
    sender: inbound.sender,
    participant: inbound.participant,
    consent_key: inbound.consentKey,
    origin: inbound.origin,
    carrier_id: inbound.carrierId,
    content: contentText(inbound),
    occurred_at: inbound.occurredAt,
    needs_answer: inbound.needsAnswer,
    debounce_ms: inbound.debounceMs,
    max_wait_ms: inbound.maxWaitMs,
    consent_state: consent?.state ?? null,
    consent_source: consent?.source ?? null,
    unless_since: consent?.unlessSince ?? null,
    reply: inbound.autoReply === null ? null : replyArgs(inbound.autoReply),
  };
}

/** `null` for a reply whose conditions cannot hold: it cannot wait. Its pace does not count. */
function replyArgs({ conditions, ...reply }: AutoReplyRecord): Readonly<Record<string, unknown>> | null {
  if (conditions.cancel !== null || conditions.delayMs > 0) return null;
  return {
    id: reply.id,
    content: contentText(reply),
    encoding: reply.encoding,
    segments: reply.segments,
    unpaused: conditions.unpaused,
    consent: conditions.consent,
    counters: countersOf(conditions.counters),
  };
}

/** What a text's function answered. */
export function recordedInbound(told: unknown): RecordedInbound {
  const { outcome, detail, messages, conversation }: Answer = answerOf(told);
  const [first] = messages("message");
  const [autoReply] = messages("autoReply");
  return {
    outcome: oneOf(outcome, "outcome", OUTCOMES),
    message: first === undefined ? null : inboundOf(first),
    conversation,
    autoReply: autoReply === undefined ? null : outboundOf(autoReply),
    cancelled: messages("cancelled").map(outboundOf),
    consentChanged: detail.consentChanged === true,
  };
}
