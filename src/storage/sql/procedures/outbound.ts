import type { ProceduresOf } from "../procedure.ts";
import { REFRESH_DUE } from "./order.ts";
import { ANSWER_GROUP, FRESH, marker, statement } from "./steps.ts";

const RECORDED = "o.outcome = 'recorded'";

const MARK = marker({
  outcome: `case
    when k.key is not null and k.ref is null then 'erased'
    when k.key is not null then 'repeated'
    when s.state = 'opted-out' then 'opted-out'
    else 'recorded'
  end`,
  conversation: `case
    when k.key is null and s.state = 'opted-out' then c.id
    when k.key is null then coalesce(c.id, :conversationId)
    else (select m.conversation_id from ownline_messages m where m.group_id = k.ref limit 1)
  end`,
  subject: "case when k.key is null then :groupId else k.ref end",
  from: `left join ownline_keys k on k.kind = 'send' and k.key = :key
    left join ownline_consents s on s.consent_key = :consentKey
    left join ownline_conversations c on c.participant = :participant and c.line = :line`,
});

const CONVERSATION = statement(`
  insert into ownline_conversations (id, line, participant, sender, consent_key, created_at, updated_at)
  select o.conversation_id, :line, :participant, :sender, :consentKey, o.at, o.at
  from ownline_ops o where ${FRESH} and ${RECORDED}
  on conflict (participant, line) do update set
    consent_key = excluded.consent_key, updated_at = excluded.updated_at`);

const KEY = statement(`
  insert into ownline_keys (kind, key, ref)
  select 'send', :key, o.subject from ownline_ops o where ${FRESH} and ${RECORDED}`);

/**
 * Files the parts of `:parts` as `intent`, under the subject as their group, and takes their positions.
 * `sender` and `turnId` are SQL.
 */
export function fileParts(sender: string, turnId: string, condition: string): readonly string[] {
  return [
    statement(`
      insert into ownline_messages (id, conversation_id, seq, changed_seq, origin, sender, participant, content,
        created_at, status, group_id, part, parts, turn_id, attempts, carrier_ids, encoding, segments, expires_at,
        not_before, order_until)
      select p.value ->> 'id', c.id, c.seq + p.key + 1, c.seq + p.key + 1, :origin, ${sender}, c.participant,
        p.value ->> 'content', o.at, 'intent', o.subject, p.key + 1, json_array_length(:parts), ${turnId}, 0, '[]',
        p.value ->> 'encoding', p.value ->> 'segments', o.at + :expiryMs, o.at, 0
      from ownline_ops o join ownline_conversations c on c.id = o.conversation_id, json_each(:parts) p
      where ${FRESH} and ${condition}`),
    statement(`
      update ownline_conversations as c
      set seq = c.seq + json_array_length(:parts),
        updated_at = case when json_array_length(:parts) > 0 then o.at else c.updated_at end
      from ownline_ops o where ${FRESH} and ${condition} and c.id = o.conversation_id`),
  ];
}

/** See `Storage.recordOutbound`. */
export const outbound: ProceduresOf<"outbound"> = {
  "outbound.record": [MARK, CONVERSATION, KEY, ...fileParts(":sender", "null", RECORDED), REFRESH_DUE, ANSWER_GROUP],
};
