-- The statements of ownline's ledger, for the version of the code that asks for digest 4127238f4b42943b. Made by
-- `npm run migrations`. A published file never changes.

create table if not exists ownline_procedures (
  digest text not null,
  name text not null,
  steps text not null,
  primary key (digest, name)
) strict;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'common.settle', '[
"update ownline_messages as m set changed_seq = s.position from ( select x.id, c.seq + row_number() over (partition by x.conversation_id order by t.key) as position from ownline_ops o, json_each(o.changed) t join ownline_messages x on x.id = t.value join ownline_conversations c on c.id = x.conversation_id where o.id = :op and o.n = 1) s where m.id = s.id",
"update ownline_conversations as c set seq = max(c.seq, (select max(m.changed_seq) from ownline_messages m where m.conversation_id = c.id)) where c.id in (select x.conversation_id from ownline_ops o, json_each(o.changed) t join ownline_messages x on x.id = t.value where o.id = :op and o.n = 1)",
"update ownline_messages as m set order_until = 0 where m.conversation_id in (select x.conversation_id from ownline_ops o, json_each(o.changed) t join ownline_messages x on x.id = t.value where o.id = :op and o.n = 1) and (m.status = ''intent'' or m.status = ''sending'' or m.status = ''unknown'' or m.status = ''held'') and m.order_until > 0 and m.seq > (select min(x.seq) from ownline_ops o, json_each(o.changed) t join ownline_messages x on x.id = t.value where o.id = :op and o.n = 1 and x.conversation_id = m.conversation_id and x.origin <> ''auto-reply'')",
"update ownline_messages as m set due_at = case when m.origin = ''auto-reply'' then null when m.status = ''unknown'' then m.settle_at when m.status = ''intent'' and not exists (select 1 from ownline_messages e where e.conversation_id = m.conversation_id and (e.status = ''intent'' or e.status = ''sending'' or e.status = ''unknown'' or e.status = ''held'') and e.seq < m.seq and e.origin <> ''auto-reply'' and (e.status in (''intent'', ''sending'') or (e.status = ''unknown'' and e.group_id = m.group_id))) then max(m.not_before, m.order_until) end where m.conversation_id in (select o.conversation_id from ownline_ops o where o.id = :op and o.n = 1 union all select x.conversation_id from ownline_ops o, json_each(o.changed) t join ownline_messages x on x.id = t.value where o.id = :op and o.n = 1) and (m.status = ''intent'' or m.status = ''sending'' or m.status = ''unknown'' or m.status = ''held'')"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'common.answer', '[
"update ownline_ops as o set was_messages = (select json_group_array(json(( select json_array(m.status, m.error, m.changed_seq, m.attempts, m.carrier_ids) from ownline_messages m where m.id = a.value ->> 1))) from json_each(o.answer) a), was_conversation = ( select json_array(c.sender, c.paused, c.seq, c.inbound_seq, c.answered_seq, c.updated_at) from ownline_conversations c where c.id = o.conversation_id) where o.id = :op and o.n = 1 and true",
"select o.outcome, o.at, o.subject, o.detail from ownline_ops o where o.id = :op",
"select a.key as position, a.value ->> 0 as role, m.*, json_extract(o.was_messages, ''$['' || a.key || '']'') as was from ownline_ops o, json_each(o.answer) a join ownline_messages m on m.id = a.value ->> 1 where o.id = :op",
"select c.*, o.was_conversation as was from ownline_ops o join ownline_conversations c on c.id = o.conversation_id where o.id = :op"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'common.answerOnce', '[
"select o.outcome, o.at, o.subject, o.detail from ownline_ops o where o.id = :op",
"select a.key as position, a.value ->> 0 as role, m.*, json_extract(o.was_messages, ''$['' || a.key || '']'') as was from ownline_ops o, json_each(o.answer) a join ownline_messages m on m.id = a.value ->> 1 where o.id = :op",
"select c.*, o.was_conversation as was from ownline_ops o join ownline_conversations c on c.id = o.conversation_id where o.id = :op",
"delete from ownline_ops where id = :op"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'inbound.take', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when k.key is null then ''recorded'' when k.ref is null then ''erased'' else ''repeated'' end, case when k.key is null then coalesce(c.id, :conversationId) else m.conversation_id end, case when k.key is null then :messageId else k.ref end, json_object(''counts'', k.key is null and :consentState is not null and not exists ( select 1 from ownline_consents s where s.consent_key = :consentKey and s.state = ''opted-in'' and s.changed_at > :unlessSince), ''consentChanged'', k.key is null and :consentState is not null and not exists ( select 1 from ownline_consents s where s.consent_key = :consentKey and s.state = ''opted-in'' and s.changed_at > :unlessSince) and not exists ( select 1 from ownline_consents s where s.consent_key = :consentKey and s.state = :consentState)) from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_keys k on k.kind = ''inbound'' and k.key = :key left join ownline_messages m on m.id = k.ref left join ownline_conversations c on c.participant = :participant and c.line = :line where true on conflict (id) do update set n = n + 1",
"insert into ownline_conversations (id, line, participant, sender, consent_key, seq, inbound_seq, created_at, updated_at) select o.conversation_id, :line, :participant, :sender, :consentKey, 1, 1, o.at, o.at from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' on conflict (participant, line) do update set sender = excluded.sender, consent_key = excluded.consent_key, seq = seq + 1, inbound_seq = seq + 1, updated_at = excluded.updated_at",
"insert into ownline_keys (kind, key, ref) select ''inbound'', :key, o.subject from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded''"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'inbound.consent', '[
"insert into ownline_consents (consent_key, state, source, changed_at) select c.consent_key, :consentState, :consentSource, o.at from ownline_ops o join ownline_conversations c on c.id = o.conversation_id where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and o.detail ->> ''counts'' = 1 on conflict (consent_key) do update set state = excluded.state, source = excluded.source, changed_at = excluded.changed_at where state <> excluded.state"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'inbound.message', '[
"insert into ownline_messages (id, conversation_id, seq, changed_seq, origin, sender, participant, content, created_at, carrier_id, occurred_at, needs_answer) select o.subject, c.id, c.seq, c.seq, :origin, :sender, :participant, :content, o.at, :carrierId, coalesce(:occurredAt, o.at), :needsAnswer = 1 and not exists ( select 1 from ownline_consents s where s.consent_key = :consentKey and s.state = ''opted-out'') from ownline_ops o join ownline_conversations c on c.id = o.conversation_id where o.id = :op and o.n = 1 and o.outcome = ''recorded''"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'inbound.pending', '[
"update ownline_conversations as c set pending_seq = c.seq, pending_since = coalesce(c.pending_since, o.at), due_at = case when c.paused = 0 then max(min(o.at + :debounceMs, coalesce(c.pending_since, o.at) + :maxWaitMs), o.at, coalesce(c.backoff_until, 0)) end from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and c.id = o.conversation_id and exists (select 1 from ownline_messages m where m.id = o.subject and m.needs_answer = 1)"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'inbound.silence', '[
"update ownline_turns as t set outcome = ''cancelled'', committed_at = o.at from ownline_ops o where o.id = :op and o.n = 1 and t.conversation_id = o.conversation_id and t.outcome is null and o.outcome = ''recorded'' and o.detail ->> ''counts'' = 1",
"update ownline_conversations as c set lease_worker = null, fence = c.fence + 1, answered_seq = c.inbound_seq, pending_since = null, due_at = null, backoff_until = null from ownline_ops o where o.id = :op and o.n = 1 and c.id = o.conversation_id and o.outcome = ''recorded'' and o.detail ->> ''counts'' = 1"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'inbound.autoReply', '[
"insert into ownline_messages (id, conversation_id, seq, changed_seq, origin, sender, participant, content, created_at, status, group_id, part, parts, attempts, carrier_ids, encoding, segments, expires_at, not_before, order_until) select :replyId, c.id, c.seq + 1, c.seq + 1, ''auto-reply'', c.sender, c.participant, :replyContent, o.at, ''sending'', :replyId, 1, 1, 1, ''[]'', :replyEncoding, :replySegments, o.at, o.at, 0 from ownline_ops o join ownline_conversations c on c.id = o.conversation_id where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and (:replyUnpaused = 0 or c.paused = 0) and (:replyConsent = 0 or not exists ( select 1 from ownline_consents s where s.consent_key = c.consent_key and s.state = ''opted-out'')) and not exists (select 1 from json_each(:counters) j left join ownline_counters k on k.key = j.value ->> ''key'' where (case when k.ends_at > o.at then k.count else 0 end) + (j.value ->> ''charge'') > (j.value ->> ''max''))",
"insert into ownline_attempts (outbound_id, n, status, started_at) select :replyId, 1, ''sending'', o.at from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and exists (select 1 from ownline_messages r where r.id = :replyId and r.conversation_id = o.conversation_id)",
"insert into ownline_counters (key, count, ends_at) select j.value ->> ''key'', j.value ->> ''charge'', o.at + (j.value ->> ''windowMs'') from ownline_ops o, json_each(:counters) j where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and exists (select 1 from ownline_messages r where r.id = :replyId and r.conversation_id = o.conversation_id) on conflict (key) do update set count = excluded.count + case when ends_at > (select o.at from ownline_ops o where o.id = :op) then count else 0 end, ends_at = case when ends_at > (select o.at from ownline_ops o where o.id = :op) then ends_at else excluded.ends_at end",
"update ownline_conversations as c set seq = c.seq + 1 from ownline_ops o where o.id = :op and o.n = 1 and c.id = o.conversation_id and o.outcome = ''recorded'' and exists (select 1 from ownline_messages r where r.id = :replyId and r.conversation_id = o.conversation_id)",
"update ownline_messages as m set auto_reply_id = :replyId from ownline_ops o where o.id = :op and o.n = 1 and m.id = o.subject and o.outcome = ''recorded'' and exists (select 1 from ownline_messages r where r.id = :replyId and r.conversation_id = o.conversation_id)"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'inbound.cancel', '[
"update ownline_ops as o set cancelled = (select json_group_array(m.id) from ownline_conversations own join ownline_conversations c on c.consent_key = own.consent_key join ownline_messages m on m.conversation_id = c.id where own.id = o.conversation_id and (m.status = ''intent'' or m.status = ''sending'' or m.status = ''unknown'' or m.status = ''held'') and m.status in (''intent'', ''held'') and m.origin <> ''auto-reply'') where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and o.detail ->> ''counts'' = 1",
"update ownline_messages as m set status = ''cancelled'', due_at = null, error = coalesce(case when m.id = o.subject then o.detail ->> ''error'' end, :cancelReason) from ownline_ops o, json_each(o.cancelled) t where o.id = :op and o.n = 1 and m.id = t.value",
"update ownline_ops as o set changed = (select json_group_array(l.id) from ( select t.value as id from json_each(o.changed) t union all select t.value from json_each(o.cancelled) t) l) where o.id = :op and o.n = 1 and o.cancelled <> ''[]''"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'inbound.answer', '[
"update ownline_ops as o set answer = (select json_group_array(json_array(a.role, a.id)) from ( select ''message'' as role, o.subject as id union all select ''autoReply'', m.auto_reply_id from ownline_messages m where m.id = o.subject and m.auto_reply_id is not null union all select ''cancelled'', t.value from json_each(o.cancelled) t) a) where o.id = :op and o.n = 1 and true"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'outbound.record', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when k.key is not null and k.ref is null then ''erased'' when k.key is not null then ''repeated'' when s.state = ''opted-out'' then ''opted-out'' else ''recorded'' end, case when k.key is null and s.state = ''opted-out'' then c.id when k.key is null then coalesce(c.id, :conversationId) else (select m.conversation_id from ownline_messages m where m.group_id = k.ref limit 1) end, case when k.key is null then :groupId else k.ref end, null from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_keys k on k.kind = ''send'' and k.key = :key left join ownline_consents s on s.consent_key = :consentKey left join ownline_conversations c on c.participant = :participant and c.line = :line where true on conflict (id) do update set n = n + 1",
"insert into ownline_conversations (id, line, participant, sender, consent_key, created_at, updated_at) select o.conversation_id, :line, :participant, :sender, :consentKey, o.at, o.at from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' on conflict (participant, line) do update set consent_key = excluded.consent_key, updated_at = excluded.updated_at",
"insert into ownline_keys (kind, key, ref) select ''send'', :key, o.subject from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded''",
"insert into ownline_messages (id, conversation_id, seq, changed_seq, origin, sender, participant, content, created_at, status, group_id, part, parts, turn_id, attempts, carrier_ids, encoding, segments, expires_at, not_before, order_until) select p.value ->> ''id'', c.id, c.seq + p.key + 1, c.seq + p.key + 1, :origin, :sender, c.participant, p.value ->> ''content'', o.at, ''intent'', o.subject, p.key + 1, json_array_length(:parts), null, 0, ''[]'', p.value ->> ''encoding'', p.value ->> ''segments'', o.at + :expiryMs, o.at, 0 from ownline_ops o join ownline_conversations c on c.id = o.conversation_id, json_each(:parts) p where o.id = :op and o.n = 1 and o.outcome = ''recorded''",
"update ownline_conversations as c set seq = c.seq + json_array_length(:parts), updated_at = case when json_array_length(:parts) > 0 then o.at else c.updated_at end from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and c.id = o.conversation_id",
"update ownline_messages as m set due_at = case when m.origin = ''auto-reply'' then null when m.status = ''unknown'' then m.settle_at when m.status = ''intent'' and not exists (select 1 from ownline_messages e where e.conversation_id = m.conversation_id and (e.status = ''intent'' or e.status = ''sending'' or e.status = ''unknown'' or e.status = ''held'') and e.seq < m.seq and e.origin <> ''auto-reply'' and (e.status in (''intent'', ''sending'') or (e.status = ''unknown'' and e.group_id = m.group_id))) then max(m.not_before, m.order_until) end where m.conversation_id in (select o.conversation_id from ownline_ops o where o.id = :op and o.n = 1 union all select x.conversation_id from ownline_ops o, json_each(o.changed) t join ownline_messages x on x.id = t.value where o.id = :op and o.n = 1) and (m.status = ''intent'' or m.status = ''sending'' or m.status = ''unknown'' or m.status = ''held'')",
"update ownline_ops as o set answer = (select json_group_array(json_array(''message'', m.id)) from ownline_messages m where m.group_id = o.subject) where o.id = :op and o.n = 1 and true"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'turn.claim', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when c.id is null then ''none'' else ''claimed'' end, c.id, null, null from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_conversations c on c.id = ( select d.id from ownline_conversations d where d.due_at is not null and d.due_at <= coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) and d.lease_worker is null and d.paused = 0 order by d.due_at, d.id limit 1) where true on conflict (id) do update set n = n + 1",
"update ownline_conversations as c set lease_worker = :workerId, fence = c.fence + 1, due_at = null from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''claimed'' and c.id = o.conversation_id",
"insert into ownline_turns (id, conversation_id, first_seq, through_seq, runs, created_at) select coalesce( (select t.id from ownline_turns t where t.conversation_id = c.id and t.outcome is null), ''t'' || m.id || coalesce(''.'' || (select nullif(count(*), 0) from ownline_turns t where t.conversation_id = c.id and t.first_seq = m.seq), '''')), c.id, m.seq, c.pending_seq, 1, o.at from ownline_ops o join ownline_conversations c on c.id = o.conversation_id join ownline_messages m on m.conversation_id = c.id and m.needs_answer = 1 and m.seq > c.answered_seq where o.id = :op and o.n = 1 and o.outcome = ''claimed'' order by m.seq limit 1 on conflict (id) do update set runs = runs + 1, through_seq = excluded.through_seq",
"insert into ownline_workers (id, alive_until) select :workerId, o.at + :leaseMs from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''claimed'' on conflict (id) do update set alive_until = max(alive_until, excluded.alive_until)",
"update ownline_ops as o set detail = ( select json_object(''fence'', c.fence, ''waitedMs'', o.at - coalesce(c.pending_since, o.at), ''crashes'', t.crashes, ''turn'', json_object(''id'', t.id, ''conversation_id'', t.conversation_id, ''runs'', t.runs, ''failures'', t.failures, ''superseded'', t.superseded, ''through_seq'', t.through_seq, ''outcome'', t.outcome, ''created_at'', t.created_at, ''committed_at'', t.committed_at)) from ownline_conversations c join ownline_turns t on t.conversation_id = c.id and t.outcome is null where c.id = o.conversation_id), answer = ( select json_group_array(json_array(''message'', m.id)) from ownline_conversations c join ownline_messages m on m.conversation_id = c.id and m.needs_answer = 1 and m.seq > c.answered_seq where c.id = o.conversation_id) where o.id = :op and o.n = 1 and o.outcome = ''claimed''"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'turn.commit', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when c.lease_worker = :workerId and c.fence = :fence and t.id = :turnId then case when :supersede = 1 and c.pending_seq > :throughSeq then ''superseded'' else ''committed'' end else ''lost'' end, c.id, :turnId, null from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_conversations c on c.id = :conversationId left join ownline_turns t on t.conversation_id = c.id and t.outcome is null where true on conflict (id) do update set n = n + 1",
"update ownline_conversations as c set lease_worker = null from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''superseded'' and c.id = o.conversation_id",
"update ownline_turns as t set superseded = t.superseded + 1 from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''superseded'' and t.id = o.subject",
"insert into ownline_messages (id, conversation_id, seq, changed_seq, origin, sender, participant, content, created_at, status, group_id, part, parts, turn_id, attempts, carrier_ids, encoding, segments, expires_at, not_before, order_until) select p.value ->> ''id'', c.id, c.seq + p.key + 1, c.seq + p.key + 1, :origin, c.sender, c.participant, p.value ->> ''content'', o.at, ''intent'', o.subject, p.key + 1, json_array_length(:parts), o.subject, 0, ''[]'', p.value ->> ''encoding'', p.value ->> ''segments'', o.at + :expiryMs, o.at, 0 from ownline_ops o join ownline_conversations c on c.id = o.conversation_id, json_each(:parts) p where o.id = :op and o.n = 1 and o.outcome = ''committed''",
"update ownline_conversations as c set seq = c.seq + json_array_length(:parts), updated_at = case when json_array_length(:parts) > 0 then o.at else c.updated_at end from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''committed'' and c.id = o.conversation_id",
"update ownline_conversations as c set lease_worker = null, answered_seq = :throughSeq, backoff_until = null, pending_since = case when c.pending_seq > :throughSeq then o.at end, due_at = case when c.pending_seq > :throughSeq and :pause = 0 then c.due_at end, paused = :pause, fence = c.fence + :pause from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''committed'' and c.id = o.conversation_id",
"update ownline_turns as t set outcome = :outcome, committed_at = o.at from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''committed'' and t.id = o.subject",
"update ownline_messages as m set due_at = case when m.origin = ''auto-reply'' then null when m.status = ''unknown'' then m.settle_at when m.status = ''intent'' and not exists (select 1 from ownline_messages e where e.conversation_id = m.conversation_id and (e.status = ''intent'' or e.status = ''sending'' or e.status = ''unknown'' or e.status = ''held'') and e.seq < m.seq and e.origin <> ''auto-reply'' and (e.status in (''intent'', ''sending'') or (e.status = ''unknown'' and e.group_id = m.group_id))) then max(m.not_before, m.order_until) end where m.conversation_id in (select o.conversation_id from ownline_ops o where o.id = :op and o.n = 1 union all select x.conversation_id from ownline_ops o, json_each(o.changed) t join ownline_messages x on x.id = t.value where o.id = :op and o.n = 1) and (m.status = ''intent'' or m.status = ''sending'' or m.status = ''unknown'' or m.status = ''held'')",
"update ownline_ops as o set answer = (select json_group_array(json_array(''message'', m.id)) from ownline_messages m where m.group_id = o.subject) where o.id = :op and o.n = 1 and true"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'turn.release', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when c.lease_worker = :workerId and c.fence = :fence and t.id = :turnId then ''held'' else ''lost'' end, c.id, :turnId, null from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_conversations c on c.id = :conversationId left join ownline_turns t on t.conversation_id = c.id and t.outcome is null where true on conflict (id) do update set n = n + 1",
"update ownline_conversations as c set lease_worker = null, due_at = case when :reason = ''superseded'' then min(o.at + :retryInMs, coalesce(c.due_at, o.at + :retryInMs)) else o.at + :retryInMs end, backoff_until = case when :reason = ''failed'' then o.at + :retryInMs else c.backoff_until end from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''held'' and c.id = o.conversation_id",
"update ownline_turns as t set failures = t.failures + (:reason = ''failed''), superseded = t.superseded + (:reason = ''superseded'') from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''held'' and t.id = o.subject",
"select o.outcome, o.at, o.subject, o.detail from ownline_ops o where o.id = :op"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'send.judge', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when m.id is null or m.status is null or m.status <> ''intent'' then ''gone'' when m.expires_at <= now.at then ''expired'' when :cancel is not null then ''cancel'' when :consent = 1 and exists ( select 1 from ownline_consents s where s.consent_key = c.consent_key and s.state = ''opted-out'') then ''optedOut'' when :unpaused = 1 and c.paused = 1 and not exists ( select 1 from ownline_turns t where t.id = m.turn_id and t.outcome = ''handed-off'') then ''paused'' when exists (select 1 from ownline_messages g where g.group_id = m.group_id and g.part < m.part and g.status in (''failed'', ''undelivered'', ''cancelled'', ''held'')) then ''earlierPart'' when exists (select 1 from ownline_messages e where e.conversation_id = m.conversation_id and (e.status = ''intent'' or e.status = ''sending'' or e.status = ''unknown'' or e.status = ''held'') and e.seq < m.seq and e.origin <> ''auto-reply'' and (e.status in (''intent'', ''sending'') or (e.status = ''unknown'' and e.group_id = m.group_id))) then ''behind'' when exists (select 1 from ownline_messages e where e.conversation_id = m.conversation_id and (e.status = ''intent'' or e.status = ''sending'' or e.status = ''unknown'' or e.status = ''held'') and e.seq < m.seq and e.origin <> ''auto-reply'' and e.status = ''unknown'' and e.group_id <> m.group_id and e.unknown_since + :orderWaitMs > now.at) then ''order'' when :delayMs > 0 then ''delay'' when exists (select 1 from json_each(:counters) j left join ownline_counters k on k.key = j.value ->> ''key'' where (case when k.ends_at > now.at then k.count else 0 end) + (j.value ->> ''charge'') > (j.value ->> ''max'') and j.value ->> ''full'' = ''cancel'') then ''full'' when exists (select 1 from json_each(:counters) j left join ownline_counters k on k.key = j.value ->> ''key'' where (case when k.ends_at > now.at then k.count else 0 end) + (j.value ->> ''charge'') > (j.value ->> ''max'')) then ''busy'' when coalesce(q.at, p.free_at) > now.at then ''pace'' else ''claimed'' end, m.conversation_id, m.id, null from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_messages m on m.id = :outboundId left join ownline_conversations c on c.id = m.conversation_id left join ownline_paces p on p.key = :paceKey left join ownline_slots q on q.outbound_id = m.id and q.pace = p.key and q.epoch = p.epoch where true on conflict (id) do update set n = n + 1",
"update ownline_ops as o set outcome = case when o.outcome in (''gone'', ''claimed'') then o.outcome when o.outcome in (''behind'', ''order'', ''delay'', ''busy'', ''pace'') then ''waiting'' else ''cancelled'' end, detail = json_object(''why'', o.outcome, ''error'', case when o.outcome = ''full'' then ( select j.value ->> ''error'' from json_each(:counters) j left join ownline_counters k on k.key = j.value ->> ''key'' where (case when k.ends_at > o.at then k.count else 0 end) + (j.value ->> ''charge'') > (j.value ->> ''max'') and j.value ->> ''full'' = ''cancel'' order by j.key limit 1) else :errors ->> o.outcome end, ''reason'', case when o.outcome = ''busy'' then ( select reason from ( select j.value ->> ''reason'' as reason, coalesce(case when k.ends_at > o.at then k.ends_at end, o.at + (j.value ->> ''windowMs'')) as free_at, j.key as place from json_each(:counters) j left join ownline_counters k on k.key = j.value ->> ''key'' where (case when k.ends_at > o.at then k.count else 0 end) + (j.value ->> ''charge'') > (j.value ->> ''max'')) order by free_at desc, place limit 1) when o.outcome = ''pace'' then :paceReason end, ''until'', case when o.outcome = ''order'' then (select max(e.unknown_since) + :orderWaitMs from ownline_messages m join ownline_messages e on e.conversation_id = m.conversation_id and (e.status = ''intent'' or e.status = ''sending'' or e.status = ''unknown'' or e.status = ''held'') and e.seq < m.seq and e.origin <> ''auto-reply'' and e.status = ''unknown'' and e.group_id <> m.group_id where m.id = o.subject) when o.outcome = ''delay'' then o.at + :delayMs when o.outcome = ''busy'' then ( select max(coalesce(case when k.ends_at > o.at then k.ends_at end, o.at + (j.value ->> ''windowMs''))) from json_each(:counters) j left join ownline_counters k on k.key = j.value ->> ''key'' where (case when k.ends_at > o.at then k.count else 0 end) + (j.value ->> ''charge'') > (j.value ->> ''max'')) end, ''attempt'', (select m.attempts + 1 from ownline_messages m where m.id = o.subject), ''overtook'', json((select json_group_array(e.id) from ownline_messages m join ownline_messages e on e.conversation_id = m.conversation_id and (e.status = ''intent'' or e.status = ''sending'' or e.status = ''unknown'' or e.status = ''held'') and e.seq < m.seq and e.origin <> ''auto-reply'' and e.status = ''unknown'' and e.group_id <> m.group_id where m.id = o.subject))) where o.id = :op and o.n = 1 and true"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'send.pace', '[
"update ownline_ops as o set detail = (select json_set(o.detail, ''$.holds'', q.at is not null, ''$.until'', case when o.detail ->> ''why'' = ''pace'' then coalesce(q.at, p.free_at) else o.detail ->> ''until'' end) from ownline_messages m left join ownline_paces p on p.key = :paceKey left join ownline_slots q on q.outbound_id = m.id and q.pace = p.key and q.epoch = p.epoch where m.id = o.subject) where o.id = :op and o.n = 1 and o.subject is not null",
"insert into ownline_slots (outbound_id, pace, at, epoch) select o.subject, p.key, p.free_at, p.epoch from ownline_ops o join ownline_paces p on p.key = :paceKey where o.id = :op and o.n = 1 and o.detail ->> ''why'' = ''pace'' and o.detail ->> ''holds'' = 0 on conflict (outbound_id) do update set pace = excluded.pace, at = excluded.at, epoch = excluded.epoch",
"update ownline_paces as p set free_at = p.free_at + :costMs from ownline_ops o where o.id = :op and o.n = 1 and p.key = :paceKey and o.detail ->> ''why'' = ''pace'' and o.detail ->> ''holds'' = 0",
"insert into ownline_paces (key, free_at, epoch) select :paceKey, o.at + :costMs, 0 from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''claimed'' and o.detail ->> ''holds'' = 0 on conflict (key) do update set free_at = excluded.free_at"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'send.move', '[
"update ownline_messages as m set order_until = case when o.detail ->> ''why'' = ''order'' then o.detail ->> ''until'' else m.order_until end, not_before = case when o.detail ->> ''why'' in (''delay'', ''busy'', ''pace'') then o.detail ->> ''until'' else m.not_before end from ownline_ops o where o.id = :op and o.n = 1 and m.id = o.subject and o.outcome = ''waiting''",
"insert into ownline_counters (key, count, ends_at) select j.value ->> ''key'', j.value ->> ''charge'', o.at + (j.value ->> ''windowMs'') from ownline_ops o, json_each(:counters) j where o.id = :op and o.n = 1 and o.outcome = ''claimed'' on conflict (key) do update set count = excluded.count + case when ends_at > (select o.at from ownline_ops o where o.id = :op) then count else 0 end, ends_at = case when ends_at > (select o.at from ownline_ops o where o.id = :op) then ends_at else excluded.ends_at end",
"update ownline_messages as m set status = ''sending'', attempts = m.attempts + 1, error = null, due_at = null from ownline_ops o where o.id = :op and o.n = 1 and m.id = o.subject and o.outcome = ''claimed''",
"insert into ownline_attempts (outbound_id, n, status, started_at, worker) select o.subject, o.detail ->> ''attempt'', ''sending'', o.at, :workerId from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''claimed''",
"delete from ownline_slots where outbound_id = (select o.subject from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''claimed'')",
"insert into ownline_workers (id, alive_until) select :workerId, o.at + :leaseMs from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''claimed'' on conflict (id) do update set alive_until = max(alive_until, excluded.alive_until)",
"update ownline_ops as o set changed = json_array(o.subject) where o.id = :op and o.n = 1 and o.outcome = ''claimed''",
"update ownline_ops as o set cancelled = (select json_group_array(p.id) from ( select o.subject as id union all select l.id from (select l.id from ownline_messages s join ownline_messages l on l.group_id = s.group_id and l.part > s.part where s.id = o.subject and l.status in (''intent'', ''held'') order by l.part) l) p) where o.id = :op and o.n = 1 and o.outcome = ''cancelled''",
"update ownline_messages as m set status = ''cancelled'', due_at = null, error = coalesce(case when m.id = o.subject then o.detail ->> ''error'' end, :cancelReason) from ownline_ops o, json_each(o.cancelled) t where o.id = :op and o.n = 1 and m.id = t.value",
"update ownline_ops as o set changed = (select json_group_array(l.id) from ( select t.value as id from json_each(o.changed) t union all select t.value from json_each(o.cancelled) t) l) where o.id = :op and o.n = 1 and o.cancelled <> ''[]''"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'send.finish', '[
"update ownline_ops as o set answer = (select json_group_array(json_array(a.role, a.id)) from ( select ''message'' as role, o.subject as id union all select ''cancelled'', t.value from json_each(o.cancelled) t) a) where o.id = :op and o.n = 1 and true"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'fact.report', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when m.id is null then ''unmatched'' when exists (select 1 from ownline_events e where e.outbound_id = a.outbound_id and e.attempt = a.n and e.carrier_id = :carrierId and e.status = :status and e.raw_status = :rawStatus and (e.error ->> ''code'') is (:error ->> ''code'') and (e.error is null) = (:error is null)) then ''repeated'' else ''recorded'' end, m.conversation_id, m.id, json_object(''attempt'', a.n, ''before'', m.status) from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_attempts direct on direct.outbound_id = :outboundId and direct.n = :attempt left join ownline_keys k on k.kind = ''carrier'' and k.key = :calledBack and direct.outbound_id is null left join ownline_attempts a on a.outbound_id = coalesce(direct.outbound_id, k.ref) and a.n = coalesce(direct.n, k.attempt) left join ownline_messages m on m.id = a.outbound_id where true on conflict (id) do update set n = n + 1"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'fact.finding', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when m.id is null then ''unmatched'' when a.status <> ''unknown'' then ''known'' when exists (select 1 from ownline_keys i where i.kind = ''carrier'' and i.key = :carrierId) then ''known'' else ''recorded'' end, m.conversation_id, m.id, json_object(''attempt'', a.n, ''before'', m.status) from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_attempts direct on direct.outbound_id = :outboundId and direct.n = :attempt left join ownline_keys k on k.kind = ''carrier'' and k.key = :calledBack and direct.outbound_id is null left join ownline_attempts a on a.outbound_id = coalesce(direct.outbound_id, k.ref) and a.n = coalesce(direct.n, k.attempt) left join ownline_messages m on m.id = a.outbound_id where true on conflict (id) do update set n = n + 1"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'fact.event', '[
"update ownline_events as e set times = e.times + 1 from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''repeated'' and e.outbound_id = o.subject and e.attempt = o.detail ->> ''attempt'' and e.carrier_id = :carrierId and e.status = :status and e.raw_status = :rawStatus and (e.error ->> ''code'') is (:error ->> ''code'') and (e.error is null) = (:error is null)",
"insert into ownline_events (outbound_id, attempt, position, carrier_id, status, raw_status, error, at, times) select a.outbound_id, a.n, 1 + coalesce((select max(e.position) from ownline_events e where e.outbound_id = a.outbound_id and e.attempt = a.n), 0), :carrierId, :status, :rawStatus, :error, o.at, 1 from ownline_ops o join ownline_attempts a on a.outbound_id = o.subject and a.n = o.detail ->> ''attempt'' where o.id = :op and o.n = 1 and o.outcome = ''recorded''",
"insert into ownline_keys (kind, key, ref, attempt) select ''carrier'', :carrierId, o.subject, o.detail ->> ''attempt'' from ownline_ops o where o.id = :op and o.n = 1 and o.outcome in (''recorded'', ''repeated'') on conflict (kind, key) do nothing",
"update ownline_messages as m set carrier_ids = json_insert(m.carrier_ids, ''$[#]'', :carrierId) from ownline_ops o where o.id = :op and o.n = 1 and o.outcome in (''recorded'', ''repeated'') and m.id = o.subject and not exists (select 1 from json_each(m.carrier_ids) i where i.value = :carrierId)",
"update ownline_attempts as a set carrier_id = :carrierId from ownline_ops o where o.id = :op and o.n = 1 and o.outcome in (''recorded'', ''repeated'') and a.carrier_id is null and a.outbound_id = o.subject and a.n = o.detail ->> ''attempt''",
"update ownline_ops as o set detail = json_set(o.detail, ''$.rises'', coalesce((select case a.status when ''refused'' then 0 when ''sending'' then 1 when ''unknown'' then 2 when ''accepted'' then 3 when ''sent'' then 4 when ''failed'' then 5 when ''undelivered'' then 6 when ''delivered'' then 7 end < case :status when ''refused'' then 0 when ''sending'' then 1 when ''unknown'' then 2 when ''accepted'' then 3 when ''sent'' then 4 when ''failed'' then 5 when ''undelivered'' then 6 when ''delivered'' then 7 end from ownline_attempts a where a.outbound_id = o.subject and a.n = o.detail ->> ''attempt''), 0)) where o.id = :op and o.n = 1 and o.outcome = ''recorded''",
"update ownline_attempts as a set status = :status, error = :error, worker = null from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and o.detail ->> ''rises'' = 1 and a.outbound_id = o.subject and a.n = o.detail ->> ''attempt''",
"update ownline_messages as m set status = coalesce((select a.status from ownline_attempts a where a.outbound_id = m.id and a.n = (select b.n from ownline_attempts b where b.outbound_id = m.id and b.status <> ''refused'' and (b.status <> ''unknown'' or not exists (select 1 from ownline_attempts l where l.outbound_id = b.outbound_id and l.n > b.n and l.status <> ''refused'')) order by case b.status when ''failed'' then 0 when ''undelivered'' then 1 when ''sending'' then 2 when ''unknown'' then 2 when ''accepted'' then 3 when ''sent'' then 4 when ''delivered'' then 5 end desc, b.n desc limit 1)), m.status), error = (select a.error from ownline_attempts a where a.outbound_id = m.id and a.n = (select b.n from ownline_attempts b where b.outbound_id = m.id and b.status <> ''refused'' and (b.status <> ''unknown'' or not exists (select 1 from ownline_attempts l where l.outbound_id = b.outbound_id and l.n > b.n and l.status <> ''refused'')) order by case b.status when ''failed'' then 0 when ''undelivered'' then 1 when ''sending'' then 2 when ''unknown'' then 2 when ''accepted'' then 3 when ''sent'' then 4 when ''delivered'' then 5 end desc, b.n desc limit 1) and a.status in (''failed'', ''undelivered'')) from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and o.detail ->> ''rises'' = 1 and m.id = o.subject"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'fact.absence', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when m.id is null then ''unmatched'' when m.status = ''unknown'' then ''recorded'' else ''repeated'' end, m.conversation_id, m.id, json_object(''attempt'', a.n, ''before'', m.status) from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_attempts direct on direct.outbound_id = :outboundId and direct.n = :attempt left join ownline_keys k on k.kind = ''carrier'' and k.key = :calledBack and direct.outbound_id is null left join ownline_attempts a on a.outbound_id = coalesce(direct.outbound_id, k.ref) and a.n = coalesce(direct.n, k.attempt) left join ownline_messages m on m.id = a.outbound_id where true on conflict (id) do update set n = n + 1",
"update ownline_messages as m set settle_at = o.at + :lookInMs from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and m.id = o.subject",
"insert into ownline_witnesses (outbound_id, unknown_since, attempts, since) select m.id, m.unknown_since, m.attempts, :asOf from ownline_ops o join ownline_messages m on m.id = o.subject where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and :asOf is not null on conflict (outbound_id) do update set unknown_since = excluded.unknown_since, attempts = excluded.attempts, since = excluded.since where unknown_since <> excluded.unknown_since or attempts <> excluded.attempts"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'fact.refusal', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when m.id is null then ''unmatched'' when a.status in (''sending'', ''unknown'') then ''recorded'' else ''repeated'' end, m.conversation_id, m.id, json_object(''attempt'', a.n, ''before'', m.status) from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_attempts direct on direct.outbound_id = :outboundId and direct.n = :attempt left join ownline_keys k on k.kind = ''carrier'' and k.key = :calledBack and direct.outbound_id is null left join ownline_attempts a on a.outbound_id = coalesce(direct.outbound_id, k.ref) and a.n = coalesce(direct.n, k.attempt) left join ownline_messages m on m.id = a.outbound_id where true on conflict (id) do update set n = n + 1",
"update ownline_attempts as a set status = ''refused'', error = :error, worker = null from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and a.outbound_id = o.subject and a.n = o.detail ->> ''attempt''",
"update ownline_ops as o set detail = json_set(o.detail, ''$.way'', (select case when m.status not in (''sending'', ''unknown'', ''intent'') then ''none'' when not ((select b.n from ownline_attempts b where b.outbound_id = m.id and b.status <> ''refused'' and (b.status <> ''unknown'' or not exists (select 1 from ownline_attempts l where l.outbound_id = b.outbound_id and l.n > b.n and l.status <> ''refused'')) order by case b.status when ''failed'' then 0 when ''undelivered'' then 1 when ''sending'' then 2 when ''unknown'' then 2 when ''accepted'' then 3 when ''sent'' then 4 when ''delivered'' then 5 end desc, b.n desc limit 1) is not null and (:next = ''retry'' and m.origin <> ''auto-reply'' or (select a.status from ownline_attempts a where a.outbound_id = m.id and a.n = (select b.n from ownline_attempts b where b.outbound_id = m.id and b.status <> ''refused'' and (b.status <> ''unknown'' or not exists (select 1 from ownline_attempts l where l.outbound_id = b.outbound_id and l.n > b.n and l.status <> ''refused'')) order by case b.status when ''failed'' then 0 when ''undelivered'' then 1 when ''sending'' then 2 when ''unknown'' then 2 when ''accepted'' then 3 when ''sent'' then 4 when ''delivered'' then 5 end desc, b.n desc limit 1)) <> ''unknown'')) then ''refused'' when m.status = ''intent'' then ''later'' else ''other'' end from ownline_messages m where m.id = o.subject)) where o.id = :op and o.n = 1 and o.outcome = ''recorded''",
"update ownline_messages as m set settle_at = o.at + :retryInMs, unknown_since = o.at, not_before = case when m.status = ''intent'' then max(m.not_before, o.at + :retryInMs) else m.not_before end from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and o.detail ->> ''way'' in (''later'', ''other'') and m.id = o.subject",
"update ownline_messages as m set status = coalesce((select a.status from ownline_attempts a where a.outbound_id = m.id and a.n = (select b.n from ownline_attempts b where b.outbound_id = m.id and b.status <> ''refused'' and (b.status <> ''unknown'' or not exists (select 1 from ownline_attempts l where l.outbound_id = b.outbound_id and l.n > b.n and l.status <> ''refused'')) order by case b.status when ''failed'' then 0 when ''undelivered'' then 1 when ''sending'' then 2 when ''unknown'' then 2 when ''accepted'' then 3 when ''sent'' then 4 when ''delivered'' then 5 end desc, b.n desc limit 1)), m.status), error = (select a.error from ownline_attempts a where a.outbound_id = m.id and a.n = (select b.n from ownline_attempts b where b.outbound_id = m.id and b.status <> ''refused'' and (b.status <> ''unknown'' or not exists (select 1 from ownline_attempts l where l.outbound_id = b.outbound_id and l.n > b.n and l.status <> ''refused'')) order by case b.status when ''failed'' then 0 when ''undelivered'' then 1 when ''sending'' then 2 when ''unknown'' then 2 when ''accepted'' then 3 when ''sent'' then 4 when ''delivered'' then 5 end desc, b.n desc limit 1) and a.status in (''failed'', ''undelivered'')) from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and o.detail ->> ''way'' = ''other'' and m.id = o.subject",
"update ownline_messages as m set not_before = o.at + :retryInMs, status = case when :next = ''retry'' and m.origin <> ''auto-reply'' then ''intent'' else ''failed'' end, error = :error from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and o.detail ->> ''way'' = ''refused'' and m.id = o.subject"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'fact.slowDown', '[
"insert into ownline_paces (key, free_at, epoch) select :slowKey, o.at + :slowMs, 1 from ownline_ops o where o.id = :op and o.n = 1 and o.outcome <> ''unmatched'' on conflict (key) do update set free_at = max(free_at, excluded.free_at), epoch = epoch + 1"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'fact.silence', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when m.id is null then ''unmatched'' when a.status = ''sending'' then ''recorded'' else ''repeated'' end, m.conversation_id, m.id, json_object(''attempt'', a.n, ''before'', m.status) from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_attempts direct on direct.outbound_id = :outboundId and direct.n = :attempt left join ownline_keys k on k.kind = ''carrier'' and k.key = :calledBack and direct.outbound_id is null left join ownline_attempts a on a.outbound_id = coalesce(direct.outbound_id, k.ref) and a.n = coalesce(direct.n, k.attempt) left join ownline_messages m on m.id = a.outbound_id where true on conflict (id) do update set n = n + 1",
"update ownline_attempts as a set status = ''unknown'', error = :error, worker = null from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and a.outbound_id = o.subject and a.n = o.detail ->> ''attempt''",
"update ownline_messages as m set unknown_since = o.at from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and m.status <> ''sending'' and m.unknown_since is null and m.id = o.subject",
"update ownline_messages as m set unknown_since = o.at, settle_at = o.at + :lookInMs, status = coalesce((select a.status from ownline_attempts a where a.outbound_id = m.id and a.n = (select b.n from ownline_attempts b where b.outbound_id = m.id and b.status <> ''refused'' and (b.status <> ''unknown'' or not exists (select 1 from ownline_attempts l where l.outbound_id = b.outbound_id and l.n > b.n and l.status <> ''refused'')) order by case b.status when ''failed'' then 0 when ''undelivered'' then 1 when ''sending'' then 2 when ''unknown'' then 2 when ''accepted'' then 3 when ''sent'' then 4 when ''delivered'' then 5 end desc, b.n desc limit 1)), m.status), error = (select a.error from ownline_attempts a where a.outbound_id = m.id and a.n = (select b.n from ownline_attempts b where b.outbound_id = m.id and b.status <> ''refused'' and (b.status <> ''unknown'' or not exists (select 1 from ownline_attempts l where l.outbound_id = b.outbound_id and l.n > b.n and l.status <> ''refused'')) order by case b.status when ''failed'' then 0 when ''undelivered'' then 1 when ''sending'' then 2 when ''unknown'' then 2 when ''accepted'' then 3 when ''sent'' then 4 when ''delivered'' then 5 end desc, b.n desc limit 1) and a.status in (''failed'', ''undelivered'')) from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and m.status = ''sending'' and m.id = o.subject"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'fact.resolution', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when m.id is null then ''unmatched'' when m.status in (select f.value from json_each(:from) f) and coalesce(:attempts, m.attempts) = m.attempts then ''recorded'' else ''repeated'' end, m.conversation_id, m.id, json_object(''before'', m.status) from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_messages m on m.id = :outboundId and m.status is not null where true on conflict (id) do update set n = n + 1",
"update ownline_messages as m set not_before = case when :status = ''intent'' then o.at else m.not_before end, expires_at = case when :status = ''intent'' then max(m.expires_at, o.at + :expiryMs) else m.expires_at end, status = :status, error = :error from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and m.id = o.subject",
"update ownline_attempts as a set status = ''accepted'', error = null from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''recorded'' and :status = ''accepted'' and a.status = ''unknown'' and a.outbound_id = o.subject and a.n = (select m.attempts from ownline_messages m where m.id = o.subject)"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'fact.change', '[
"update ownline_messages as m set due_at = null from ownline_ops o where o.id = :op and o.n = 1 and m.id = o.subject and m.due_at is not null and m.status not in (''intent'', ''unknown'')",
"update ownline_ops as o set changed = json_array(o.subject) where o.id = :op and o.n = 1 and exists (select 1 from ownline_messages m where m.id = o.subject and m.status <> o.detail ->> ''before'')"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'fact.laterParts', '[
"update ownline_ops as o set cancelled = (select json_group_array(p.id) from (select l.id from ownline_messages s join ownline_messages l on l.group_id = s.group_id and l.part > s.part where s.id = o.subject and l.status in (''intent'', ''held'') order by l.part) p) where o.id = :op and o.n = 1 and exists (select 1 from ownline_messages m where m.id = o.subject and m.status <> o.detail ->> ''before'' and m.status in (''failed'', ''undelivered'', ''held''))",
"update ownline_messages as m set status = ''cancelled'', due_at = null, error = coalesce(case when m.id = o.subject then o.detail ->> ''error'' end, :cancelReason) from ownline_ops o, json_each(o.cancelled) t where o.id = :op and o.n = 1 and m.id = t.value",
"update ownline_ops as o set changed = (select json_group_array(l.id) from ( select t.value as id from json_each(o.changed) t union all select t.value from json_each(o.cancelled) t) l) where o.id = :op and o.n = 1 and o.cancelled <> ''[]''"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'fact.optOut', '[
"update ownline_ops as o set detail = json_set(o.detail, ''$.consentChanged'', not exists ( select 1 from ownline_conversations c join ownline_consents s on s.consent_key = c.consent_key where c.id = o.conversation_id and s.state = ''opted-out'')) where o.id = :op and o.n = 1 and o.outcome <> ''unmatched''",
"insert into ownline_consents (consent_key, state, source, changed_at) select c.consent_key, :consentState, :consentSource, o.at from ownline_ops o join ownline_conversations c on c.id = o.conversation_id where o.id = :op and o.n = 1 and o.outcome <> ''unmatched'' on conflict (consent_key) do update set state = excluded.state, source = excluded.source, changed_at = excluded.changed_at where state <> excluded.state",
"update ownline_turns as t set outcome = ''cancelled'', committed_at = o.at from ownline_ops o where o.id = :op and o.n = 1 and t.conversation_id = o.conversation_id and t.outcome is null and o.outcome <> ''unmatched''",
"update ownline_conversations as c set lease_worker = null, fence = c.fence + 1, answered_seq = c.inbound_seq, pending_since = null, due_at = null, backoff_until = null from ownline_ops o where o.id = :op and o.n = 1 and c.id = o.conversation_id and o.outcome <> ''unmatched''",
"update ownline_ops as o set cancelled = (select json_group_array(m.id) from ownline_conversations own join ownline_conversations c on c.consent_key = own.consent_key join ownline_messages m on m.conversation_id = c.id where own.id = o.conversation_id and (m.status = ''intent'' or m.status = ''sending'' or m.status = ''unknown'' or m.status = ''held'') and m.status in (''intent'', ''held'') and m.origin <> ''auto-reply'') where o.id = :op and o.n = 1 and o.outcome <> ''unmatched''",
"update ownline_messages as m set status = ''cancelled'', due_at = null, error = coalesce(case when m.id = o.subject then o.detail ->> ''error'' end, :cancelReason) from ownline_ops o, json_each(o.cancelled) t where o.id = :op and o.n = 1 and m.id = t.value",
"update ownline_ops as o set changed = (select json_group_array(l.id) from ( select t.value as id from json_each(o.changed) t union all select t.value from json_each(o.cancelled) t) l) where o.id = :op and o.n = 1 and o.cancelled <> ''[]''"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'fact.finish', '[
"update ownline_ops as o set detail = json_set(o.detail, ''$.changed'', exists (select 1 from ownline_messages m where m.id = o.subject and m.status <> o.detail ->> ''before'')) where o.id = :op and o.n = 1 and o.outcome <> ''unmatched''",
"update ownline_ops as o set answer = (select json_group_array(json_array(a.role, a.id)) from ( select ''message'' as role, o.subject as id union all select ''cancelled'', t.value from json_each(o.cancelled) t) a) where o.id = :op and o.n = 1 and true"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'worker.beat', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, ''beaten'', null, null, null from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now where true on conflict (id) do update set n = n + 1",
"insert into ownline_workers (id, alive_until) select :workerId, o.at + :leaseMs from ownline_ops o where o.id = :op and o.n = 1 and true on conflict (id) do update set alive_until = max(alive_until, excluded.alive_until)",
"update ownline_ops as o set detail = json_object( ''conversations'', json((select json_group_array(c.id) from ownline_workers w join ownline_conversations c on c.lease_worker = w.id where w.alive_until <= o.at and w.id <> :workerId)), ''attempts'', json((select json_group_array(json_array(a.outbound_id, a.n)) from ownline_workers w join ownline_attempts a on a.worker = w.id where w.alive_until <= o.at and w.id <> :workerId))) where o.id = :op and o.n = 1 and true",
"update ownline_turns as t set crashes = t.crashes + 1 where t.outcome is null and t.conversation_id in ( select d.value from ownline_ops o, json_each(o.detail, ''$.conversations'') d where o.id = :op and o.n = 1)",
"update ownline_conversations as c set lease_worker = null, due_at = (select o.at from ownline_ops o where o.id = :op) where c.id in (select d.value from ownline_ops o, json_each(o.detail, ''$.conversations'') d where o.id = :op and o.n = 1)",
"update ownline_attempts as a set status = ''unknown'', worker = null where (a.outbound_id, a.n) in ( select d.value ->> 0, d.value ->> 1 from ownline_ops o, json_each(o.detail, ''$.attempts'') d where o.id = :op and o.n = 1)",
"update ownline_messages as m set unknown_since = o.at from ownline_ops o where o.id = :op and o.n = 1 and m.unknown_since is null and m.id in (select d.value ->> 0 from json_each(o.detail, ''$.attempts'') d)",
"update ownline_ops as o set changed = ( select json_group_array(m.id) from ( select distinct d.value ->> 0 as id from json_each(o.detail, ''$.attempts'') d) d join ownline_messages m on m.id = d.id where m.status = ''sending'' and (select a.status from ownline_attempts a where a.outbound_id = m.id and a.n = (select b.n from ownline_attempts b where b.outbound_id = m.id and b.status <> ''refused'' and (b.status <> ''unknown'' or not exists (select 1 from ownline_attempts l where l.outbound_id = b.outbound_id and l.n > b.n and l.status <> ''refused'')) order by case b.status when ''failed'' then 0 when ''undelivered'' then 1 when ''sending'' then 2 when ''unknown'' then 2 when ''accepted'' then 3 when ''sent'' then 4 when ''delivered'' then 5 end desc, b.n desc limit 1)) = ''unknown'') where o.id = :op and o.n = 1 and json_array_length(o.detail, ''$.attempts'') > 0",
"update ownline_messages as m set status = ''unknown'', unknown_since = o.at, settle_at = o.at + :lookInMs from ownline_ops o where o.id = :op and o.n = 1 and m.id in (select t.value from json_each(o.changed) t)"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'worker.finish', '[
"delete from ownline_workers as w where w.alive_until <= (select o.at from ownline_ops o where o.id = :op and o.n = 1) and w.id <> :workerId",
"delete from ownline_ops where id in ( select f.id from ownline_ops f where f.at < (select o.at - 3600000 from ownline_ops o where o.id = :op and o.n = 1) order by f.at limit 500)",
"update ownline_ops as o set answer = (select json_group_array(json_array(''message'', t.value)) from json_each(o.changed) t), detail = json_object( ''recovered'', json_array_length(o.detail, ''$.conversations''), ''leases'', json((select json_group_array(json_object(''id'', c.id, ''turn'', t.id, ''fence'', c.fence, ''pending'', c.pending_seq)) from ownline_conversations c join ownline_turns t on t.conversation_id = c.id and t.outcome is null where c.lease_worker = :workerId))) where o.id = :op and o.n = 1 and true"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'due.work', '[
"select n.at, exists (select 1 from ownline_conversations c where c.due_at is not null and c.lease_worker is null and c.paused = 0 and c.due_at <= n.at) as turns, (select min(c.due_at) from ownline_conversations c where c.due_at is not null and c.lease_worker is null and c.paused = 0 and c.due_at > n.at) as next_turn, (select min(m.due_at) from ownline_messages m where m.due_at is not null and m.due_at > n.at) as next_message, (select w.alive_until from ownline_workers w where w.alive_until > -1 and (exists (select 1 from ownline_conversations c where c.lease_worker = w.id) or exists (select 1 from ownline_attempts a where a.worker = w.id)) order by w.alive_until limit 1) as next_death from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) n",
"select m.*, c.consent_key, coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) - m.unknown_since as unknown_for, w.since as witness_since from ownline_messages m join ownline_conversations c on c.id = m.conversation_id left join ownline_witnesses w on w.outbound_id = m.id and w.unknown_since = m.unknown_since and w.attempts = m.attempts where m.due_at is not null and m.due_at <= coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) order by m.due_at, m.id limit :limit",
"select c.* from ownline_conversations c where c.id in (select m.conversation_id from ownline_messages m where m.due_at is not null and m.due_at <= coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) order by m.due_at, m.id limit :limit)",
"select a.outbound_id, a.n, a.started_at from ownline_attempts a where a.outbound_id in (select m.id from ownline_messages m where m.due_at is not null and m.due_at <= coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) order by m.due_at, m.id limit :limit) and a.status = ''unknown''"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'due.rivals', '[
"select a.outbound_id, a.n, a.started_at, m.seq from ownline_messages s join ownline_messages m on m.conversation_id = s.conversation_id and m.unknown_since is not null and m.content = s.content join ownline_attempts a on a.outbound_id = m.id and a.status = ''unknown'' where s.id = :outboundId union all select a.outbound_id, a.n, a.started_at, m.seq from ownline_messages s join ownline_messages m on m.conversation_id = s.conversation_id and (m.status = ''intent'' or m.status = ''sending'' or m.status = ''unknown'' or m.status = ''held'') and m.status = ''sending'' and m.origin <> ''auto-reply'' and m.content = s.content join ownline_attempts a on a.outbound_id = m.id and a.status = ''sending'' where s.id = :outboundId",
"select k.key from json_each(:carrierIds) j join ownline_keys k on k.kind = ''carrier'' and k.key = j.value"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'pause.set', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when c.id is null or c.paused = :paused then ''kept'' when :paused = 1 then ''paused'' when :skipPending = 1 then ''skipped'' else ''resumed'' end, c.id, null, null from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_conversations c on c.id = :conversationId where true on conflict (id) do update set n = n + 1",
"update ownline_conversations as c set paused = 1, lease_worker = null, fence = c.fence + 1, due_at = null from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''paused'' and c.id = o.conversation_id",
"update ownline_turns as t set outcome = ''cancelled'', committed_at = o.at from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''skipped'' and t.conversation_id = o.conversation_id and t.outcome is null",
"update ownline_conversations as c set answered_seq = c.inbound_seq, pending_since = null from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''skipped'' and c.id = o.conversation_id",
"update ownline_conversations as c set paused = 0, backoff_until = null, due_at = case when c.pending_since is not null then o.at end from ownline_ops o where o.id = :op and o.n = 1 and o.outcome in (''resumed'', ''skipped'') and c.id = o.conversation_id"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'query.conversation', '[
"select c.* from ownline_conversations c where c.id = :id"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'query.consent', '[
"select s.* from ownline_consents s where s.consent_key = :consentKey"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'query.conversations', '[
"select c.* from ownline_conversations c where (c.updated_at, c.id) < (:updatedAt, :id) order by c.updated_at desc, c.id desc limit :limit"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'query.newestConversations', '[
"select c.* from ownline_conversations c indexed by ownline_conversations_activity where c.updated_at > -1 order by c.updated_at desc, c.id desc limit :limit"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'query.messagesAfter', '[
"select m.* from ownline_messages m where m.conversation_id = :conversationId and m.seq > :seq order by m.seq limit :limit"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'query.messagesBefore', '[
"select m.* from ownline_messages m where m.conversation_id = :conversationId and m.seq < :seq order by m.seq desc limit :limit"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'query.changes', '[
"select m.* from ownline_messages m where m.conversation_id = :conversationId and m.changed_seq > :seq order by m.changed_seq limit :limit"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'repair.requeue', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when t.id is null or not exists (select 1 from ownline_messages m where m.conversation_id = t.conversation_id and m.needs_answer = 1 and m.seq between t.first_seq and t.through_seq) then ''unmatched'' when exists (select 1 from ownline_turns l where l.conversation_id = t.conversation_id and l.first_seq >= t.first_seq and (l.first_seq, length(l.id), l.id) > (t.first_seq, length(t.id), t.id)) then ''newer'' when t.outcome is not ''fallback'' then ''not-dead'' when exists (select 1 from ownline_consents s where s.consent_key = c.consent_key and s.state = ''opted-out'') then ''opted-out'' else ''requeued'' end, case when exists (select 1 from ownline_messages m where m.conversation_id = t.conversation_id and m.needs_answer = 1 and m.seq between t.first_seq and t.through_seq) then c.id end, null, json_object(''answeredSeq'', t.first_seq - 1) from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_turns t on t.id = :turnId left join ownline_conversations c on c.id = t.conversation_id where true on conflict (id) do update set n = n + 1",
"update ownline_conversations as c set answered_seq = o.detail ->> ''answeredSeq'', pending_since = coalesce(c.pending_since, o.at), backoff_until = null, due_at = case when c.paused = 0 then o.at end from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''requeued'' and c.id = o.conversation_id"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'repair.suspect', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, ''suspected'', null, null, null from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now where true on conflict (id) do update set n = n + 1",
"update ownline_ops as o set changed = (select json_group_array(l.id) from ( select m.id from ownline_messages m where (m.status = ''intent'' or m.status = ''sending'') and m.origin <> ''auto-reply'' and m.created_at > -1 order by m.created_at, m.id limit :limit) l) where o.id = :op and o.n = 1 and true",
"update ownline_attempts as a set status = ''unknown'', error = null, worker = null, started_at = m.created_at from ownline_ops o, json_each(o.changed) t join ownline_messages m on m.id = t.value where o.id = :op and o.n = 1 and m.status = ''sending'' and a.outbound_id = m.id and a.n = m.attempts",
"insert into ownline_attempts (outbound_id, n, status, started_at) select m.id, m.attempts + 1, ''unknown'', m.created_at from ownline_ops o, json_each(o.changed) t join ownline_messages m on m.id = t.value where o.id = :op and o.n = 1 and m.status = ''intent''",
"update ownline_messages as m set attempts = m.attempts + (m.status = ''intent''), status = ''unknown'', error = null, unknown_since = o.at, settle_at = o.at + :lookInMs from ownline_ops o where o.id = :op and o.n = 1 and m.id in (select t.value from json_each(o.changed) t)",
"delete from ownline_slots where outbound_id in ( select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1)"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'repair.suspected', '[
"update ownline_ops as o set answer = (select json_group_array(json_array(''message'', t.value)) from json_each(o.changed) t) where o.id = :op and o.n = 1 and true"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'erasure.erase', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, ''erased'', null, null, null from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now where true on conflict (id) do update set n = n + 1",
"update ownline_ops as o set cancelled = (select json_group_array(c.id) from ownline_conversations c where c.participant = :participant and (:line is null or c.line = :line)) where o.id = :op and o.n = 1 and true",
"update ownline_ops as o set changed = (select json_group_array(m.id) from json_each(o.cancelled) t join ownline_messages m on m.conversation_id = t.value) where o.id = :op and o.n = 1 and true",
"update ownline_ops as o set detail = json_object(''groups'', json(( select json_group_array(distinct m.group_id) from json_each(o.changed) t join ownline_messages m on m.id = t.value where m.group_id is not null))) where o.id = :op and o.n = 1 and true",
"update ownline_keys set ref = null, attempt = null where ref in (select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1) and kind in (''inbound'', ''carrier'')",
"delete from ownline_events where outbound_id in (select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1)",
"delete from ownline_attempts where outbound_id in (select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1)",
"delete from ownline_slots where outbound_id in (select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1)",
"delete from ownline_witnesses where outbound_id in (select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1)",
"delete from ownline_turns where conversation_id in (select t.value from ownline_ops o, json_each(o.cancelled) t where o.id = :op and o.n = 1)",
"delete from ownline_messages where id in (select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1)",
"update ownline_keys as k set ref = null where k.kind = ''send'' and k.ref in ( select t.value from ownline_ops o, json_each(o.detail, ''$.groups'') t where o.id = :op and o.n = 1) and not exists (select 1 from ownline_messages m where m.group_id = k.ref)",
"delete from ownline_conversations where id in (select t.value from ownline_ops o, json_each(o.cancelled) t where o.id = :op and o.n = 1)",
"update ownline_ops as o set detail = json_object(''conversations'', json_array_length(o.cancelled), ''messages'', json_array_length(o.changed)), changed = ''[]'', cancelled = ''[]'' where o.id = :op and o.n = 1 and true",
"select o.outcome, o.at, o.subject, o.detail from ownline_ops o where o.id = :op"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'erasure.purge', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, ''purged'', null, null, null from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now where true on conflict (id) do update set n = n + 1",
"update ownline_ops as o set changed = (select json_group_array(p.id) from ( select m.id from ownline_messages m where m.created_at < o.at - :olderThanMs and case when m.status is null then m.needs_answer = 0 or m.seq <= ( select c.answered_seq from ownline_conversations c where c.id = m.conversation_id) else m.status in (''delivered'', ''undelivered'', ''failed'', ''cancelled'') end order by m.created_at, m.id limit :limit) p) where o.id = :op and o.n = 1 and true",
"update ownline_ops as o set cancelled = (select json_group_array(distinct m.conversation_id) from json_each(o.changed) t join ownline_messages m on m.id = t.value) where o.id = :op and o.n = 1 and true",
"update ownline_ops as o set detail = json_object(''groups'', json(( select json_group_array(distinct m.group_id) from json_each(o.changed) t join ownline_messages m on m.id = t.value where m.group_id is not null))) where o.id = :op and o.n = 1 and true",
"update ownline_keys set ref = null, attempt = null where ref in (select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1) and kind in (''inbound'', ''carrier'')",
"delete from ownline_events where outbound_id in (select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1)",
"delete from ownline_attempts where outbound_id in (select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1)",
"delete from ownline_slots where outbound_id in (select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1)",
"delete from ownline_witnesses where outbound_id in (select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1)",
"delete from ownline_messages where id in (select t.value from ownline_ops o, json_each(o.changed) t where o.id = :op and o.n = 1)",
"update ownline_keys as k set ref = null where k.kind = ''send'' and k.ref in ( select t.value from ownline_ops o, json_each(o.detail, ''$.groups'') t where o.id = :op and o.n = 1) and not exists (select 1 from ownline_messages m where m.group_id = k.ref)",
"delete from ownline_turns as t where t.conversation_id in (select t.value from ownline_ops o, json_each(o.cancelled) t where o.id = :op and o.n = 1) and t.outcome is not null and not exists (select 1 from ownline_messages m where m.group_id = t.id) and not exists (select 1 from ownline_messages m where m.conversation_id = t.conversation_id and m.needs_answer = 1 and m.seq between t.first_seq and t.through_seq)",
"update ownline_ops as o set cancelled = (select json_group_array(c.id) from json_each(o.cancelled) t join ownline_conversations c on c.id = t.value where c.paused = 0 and not exists (select 1 from ownline_messages m where m.conversation_id = c.id)) where o.id = :op and o.n = 1 and true",
"delete from ownline_conversations where id in (select t.value from ownline_ops o, json_each(o.cancelled) t where o.id = :op and o.n = 1)",
"delete from ownline_counters where ends_at <= (select o.at from ownline_ops o where o.id = :op and o.n = 1)",
"delete from ownline_ops where at < (select o.at - 3600000 from ownline_ops o where o.id = :op and o.n = 1)",
"update ownline_ops as o set detail = json_object(''conversations'', json_array_length(o.cancelled), ''messages'', json_array_length(o.changed)), changed = ''[]'', cancelled = ''[]'' where o.id = :op and o.n = 1 and true",
"select o.outcome, o.at, o.subject, o.detail from ownline_ops o where o.id = :op"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'story.read', '[
"select m.* from ownline_messages m where m.id = :id",
"select c.* from ownline_messages m join ownline_conversations c on c.id = m.conversation_id where m.id = :id",
"select t.* from ownline_messages m join ownline_turns t on t.id = case when m.status is not null then m.turn_id when m.needs_answer = 1 then ( select case when t.through_seq >= m.seq then t.id end from ownline_turns t where t.conversation_id = m.conversation_id and t.first_seq <= m.seq order by t.first_seq desc, length(t.id) desc, t.id desc limit 1) end where m.id = :id",
"select a.* from ownline_messages m join ownline_turns t on t.id = case when m.status is not null then m.turn_id when m.needs_answer = 1 then ( select case when t.through_seq >= m.seq then t.id end from ownline_turns t where t.conversation_id = m.conversation_id and t.first_seq <= m.seq order by t.first_seq desc, length(t.id) desc, t.id desc limit 1) end join ownline_messages a on a.conversation_id = t.conversation_id and a.needs_answer = 1 and a.seq between t.first_seq and t.through_seq where m.id = :id order by a.seq",
"select r.* from (select m.id as told, m.status is null as answered, m.group_id as id from ownline_messages m where m.id = :id and m.group_id is not null union all select m.id, 1, case when m.status is not null then m.turn_id when m.needs_answer = 1 then ( select case when t.through_seq >= m.seq then t.id end from ownline_turns t where t.conversation_id = m.conversation_id and t.first_seq <= m.seq order by t.first_seq desc, length(t.id) desc, t.id desc limit 1) end from ownline_messages m where m.id = :id and m.status is null union all select m.id, 1, m.auto_reply_id from ownline_messages m where m.id = :id and m.status is null) g join ownline_messages r on r.group_id = g.id",
"select r.seq, a.* from (select m.id as told, m.status is null as answered, m.group_id as id from ownline_messages m where m.id = :id and m.group_id is not null union all select m.id, 1, case when m.status is not null then m.turn_id when m.needs_answer = 1 then ( select case when t.through_seq >= m.seq then t.id end from ownline_turns t where t.conversation_id = m.conversation_id and t.first_seq <= m.seq order by t.first_seq desc, length(t.id) desc, t.id desc limit 1) end from ownline_messages m where m.id = :id and m.status is null union all select m.id, 1, m.auto_reply_id from ownline_messages m where m.id = :id and m.status is null) g join ownline_messages r on r.group_id = g.id and (g.answered = 1 or r.id = g.told) join ownline_attempts a on a.outbound_id = r.id",
"select e.* from (select m.id as told, m.status is null as answered, m.group_id as id from ownline_messages m where m.id = :id and m.group_id is not null union all select m.id, 1, case when m.status is not null then m.turn_id when m.needs_answer = 1 then ( select case when t.through_seq >= m.seq then t.id end from ownline_turns t where t.conversation_id = m.conversation_id and t.first_seq <= m.seq order by t.first_seq desc, length(t.id) desc, t.id desc limit 1) end from ownline_messages m where m.id = :id and m.status is null union all select m.id, 1, m.auto_reply_id from ownline_messages m where m.id = :id and m.status is null) g join ownline_messages r on r.group_id = g.id and (g.answered = 1 or r.id = g.told) join ownline_events e on e.outbound_id = r.id"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'sweep.claim', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when s.committed_at is not null and now.at < s.committed_at + :everyMs then ''none'' when s.claimed_until is not null and now.at < s.claimed_until then ''none'' else ''claimed'' end, null, null, null from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_sweeps s on s.sender = :sender where true on conflict (id) do update set n = n + 1",
"insert into ownline_sweeps (sender, fence, claimed_until) select :sender, 1, o.at + :leaseMs from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''claimed'' on conflict (sender) do update set fence = fence + 1, claimed_until = excluded.claimed_until",
"update ownline_ops as o set detail = (select json_object(''watermark'', s.watermark, ''fence'', s.fence) from ownline_sweeps s where s.sender = :sender) where o.id = :op and o.n = 1 and o.outcome = ''claimed''",
"select o.outcome, o.at, o.subject, o.detail from ownline_ops o where o.id = :op"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'sweep.recorded', '[
"select k.key from json_each(:keys) j join ownline_keys k on k.kind = ''inbound'' and k.key = j.value"
]')
  on conflict (digest, name) do nothing;

insert into ownline_procedures (digest, name, steps) values ('4127238f4b42943b', 'sweep.commit', '[
"insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail) select :op, 1, now.at, case when s.claimed_until is not null and s.fence = :fence then ''committed'' else ''lost'' end, null, null, null from (select coalesce(:now, cast(unixepoch(''subsec'') * 1000 as integer)) as at) now left join ownline_sweeps s on s.sender = :sender where true on conflict (id) do update set n = n + 1",
"update ownline_sweeps as s set watermark = :watermark, committed_at = o.at, claimed_until = null from ownline_ops o where o.id = :op and o.n = 1 and o.outcome = ''committed'' and s.sender = :sender",
"select o.outcome, o.at, o.subject, o.detail from ownline_ops o where o.id = :op"
]')
  on conflict (digest, name) do nothing;

