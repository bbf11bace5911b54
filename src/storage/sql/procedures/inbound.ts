import type { ProceduresOf } from "../procedure.ts";
import { chargeCounters, fullCounters } from "./counters.ts";
import { cancelForConsent, silence, writeConsent } from "./order.ts";
import { act, FRESH, marker, note, statement } from "./steps.ts";

const RECORDED = "o.outcome = 'recorded'";

/** The change of consent counts: none that came late undoes the person's later word. */
const COUNTS = `k.key is null and :consentState is not null and not exists (
  select 1 from ownline_consents s where s.consent_key = :consentKey and s.state = 'opted-in'
    and s.changed_at > :unlessSince)`;

const COUNTED = `${RECORDED} and o.detail ->> 'counts' = 1`;

const MARK = marker({
  outcome: "case when k.key is null then 'recorded' when k.ref is null then 'erased' else 'repeated' end",
  conversation: "case when k.key is null then coalesce(c.id, :conversationId) else m.conversation_id end",
  subject: "case when k.key is null then :messageId else k.ref end",
  detail: `json_object('counts', ${COUNTS}, 'consentChanged', ${COUNTS} and not exists (
    select 1 from ownline_consents s where s.consent_key = :consentKey and s.state = :consentState))`,
  from: `left join ownline_keys k on k.kind = 'inbound' and k.key = :key
    left join ownline_messages m on m.id = k.ref
    left join ownline_conversations c on c.participant = :participant and c.line = :line`,
});

const CONVERSATION = statement(`
  insert into ownline_conversations
    (id, line, participant, sender, consent_key, seq, inbound_seq, created_at, updated_at)
  select o.conversation_id, :line, :participant, :sender, :consentKey, 1, 1, o.at, o.at
  from ownline_ops o where ${FRESH} and ${RECORDED}
  on conflict (participant, line) do update set
    sender = excluded.sender, consent_key = excluded.consent_key, seq = seq + 1, inbound_seq = seq + 1,
    updated_at = excluded.updated_at`);

const KEY = statement(`
  insert into ownline_keys (kind, key, ref)
  select 'inbound', :key, o.subject from ownline_ops o where ${FRESH} and ${RECORDED}`);

/** Written before the message, so that the message is judged by what it says itself. */
const CONSENT = writeConsent(COUNTED);

const MESSAGE = statement(`
  insert into ownline_messages (id, conversation_id, seq, changed_seq, origin, sender, participant, content,
    created_at, carrier_id, occurred_at, needs_answer)
  select o.subject, c.id, c.seq, c.seq, :origin, :sender, :participant, :content, o.at, :carrierId,
    coalesce(:occurredAt, o.at),
    :needsAnswer = 1 and not exists (
      select 1 from ownline_consents s where s.consent_key = :consentKey and s.state = 'opted-out')
  from ownline_ops o join ownline_conversations c on c.id = o.conversation_id
  where ${FRESH} and ${RECORDED}`);

const PENDING = act(
  "conversations",
  "c",
  `pending_seq = c.seq, pending_since = coalesce(c.pending_since, o.at), due_at = case when c.paused = 0 then
    max(min(o.at + :debounceMs, coalesce(c.pending_since, o.at) + :maxWaitMs), o.at, coalesce(c.backoff_until, 0)) end`,
  `${RECORDED} and c.id = o.conversation_id
    and exists (select 1 from ownline_messages m where m.id = o.subject and m.needs_answer = 1)`,
);

const STORED_REPLY = `${RECORDED} and exists (select 1 from ownline_messages r where r.id = :replyId
  and r.conversation_id = o.conversation_id)`;

/** The auto-reply, all or nothing: every later statement asks whether it is there. */
const AUTO_REPLY: readonly string[] = [
  statement(`
    insert into ownline_messages (id, conversation_id, seq, changed_seq, origin, sender, participant, content,
      created_at, status, group_id, part, parts, attempts, carrier_ids, encoding, segments, expires_at,
      not_before, order_until)
    select :replyId, c.id, c.seq + 1, c.seq + 1, 'auto-reply', c.sender, c.participant, :replyContent, o.at, 'sending',
      :replyId, 1, 1, 1, '[]', :replyEncoding, :replySegments, o.at, o.at, 0
    from ownline_ops o join ownline_conversations c on c.id = o.conversation_id
    where ${FRESH} and ${RECORDED}
      and (:replyUnpaused = 0 or c.paused = 0)
      and (:replyConsent = 0 or not exists (
        select 1 from ownline_consents s where s.consent_key = c.consent_key and s.state = 'opted-out'))
      and not exists (select 1 from ${fullCounters("o.at")})`),
  statement(`
    insert into ownline_attempts (outbound_id, n, status, started_at)
    select :replyId, 1, 'sending', o.at from ownline_ops o where ${FRESH} and ${STORED_REPLY}`),
  chargeCounters(STORED_REPLY),
  act("conversations", "c", "seq = c.seq + 1", `c.id = o.conversation_id and ${STORED_REPLY}`),
  act("messages", "m", "auto_reply_id = :replyId", `m.id = o.subject and ${STORED_REPLY}`),
];

const ANSWER = note(
  `answer = (select json_group_array(json_array(a.role, a.id)) from (
    select 'message' as role, o.subject as id
    union all
    select 'autoReply', m.auto_reply_id from ownline_messages m where m.id = o.subject and m.auto_reply_id is not null
    union all
    select 'cancelled', t.value from json_each(o.cancelled) t) a)`,
);

/** See `Storage.recordInbound`. */
export const inbound: ProceduresOf<"inbound"> = {
  "inbound.take": [MARK, CONVERSATION, KEY],
  "inbound.consent": [CONSENT],
  "inbound.message": [MESSAGE],
  "inbound.pending": [PENDING],
  "inbound.silence": silence(COUNTED),
  "inbound.autoReply": AUTO_REPLY,
  "inbound.cancel": cancelForConsent(COUNTED),
  "inbound.answer": [ANSWER],
};
