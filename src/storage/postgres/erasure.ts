import type { ErasePlan } from "../database.ts";
import { erasedIn } from "../ledger/stored-answer.ts";
import { isDone, isNumber } from "../sql/conditions.ts";
import { integer, record } from "../sql/fields.ts";
import type { Erased, PurgeOrder } from "../storage.ts";
import { pruneText } from "./apply.ts";
import type { PostgresClient } from "./client.ts";
import { FUNCTION_SETTINGS, textOf } from "./statements.ts";

const IS_DONE = isDone("not m.needs_answer");

/**
 * A function that deletes. A repetition of the call deletes nothing more, and returns the answer that the first call
 * stored.
 */
function deletion(name: string, body: string): string {
  return `create function ownline_1_${name}(p jsonb) returns jsonb language plpgsql ${FUNCTION_SETTINGS} as $body$
declare
  moment bigint := ownline_1_now((p ->> 'now')::bigint);
  stored text;
  removed jsonb;
  touched text[];
  owners text[];
  messages text[];
begin
  perform pg_advisory_xact_lock(hashtextextended('ownline call ' || (p ->> 'call'), 0));
  select a.answer into stored from ownline_answers a where a.call = p ->> 'call';
  if stored is not null then return to_jsonb(stored); end if;
  ${body}
  removed := jsonb_build_object('conversations', cardinality(owners), 'messages', cardinality(messages));
  insert into ownline_answers (call, at, answer) values (p ->> 'call', moment, removed::text);
  return removed;
end
$body$`;
}

/*
 * Deletions by sets. They lock the conversations first, as every decision does. A decision that was loaded before the
 * deletion is refused, because its conversation is deleted or has another version. Absence is checked row by row, by a
 * subselect with a limit, because PostgreSQL may turn `not exists` into a join with the whole table.
 */
export const ERASURE: readonly string[] = [
  // The keys stay, but no longer refer to a message. Ids need no tombstone, because no id is used twice.
  `create function ownline_1_forget(p_messages text[]) returns void language plpgsql ${FUNCTION_SETTINGS} as $body$
declare
  groups text[] := array(
    select distinct m.group_id from ownline_messages m where m.id = any (p_messages) and m.group_id is not null);
begin
  update ownline_keys k set ref = null, attempt = null
    where k.ref = any (p_messages) and k.kind in ('inbound', 'provider');
  delete from ownline_events e where e.outbound_id = any (p_messages);
  delete from ownline_attempts a where a.outbound_id = any (p_messages);
  delete from ownline_messages m where m.id = any (p_messages);
  update ownline_keys k set ref = null, content = null
    where k.ref = any (groups) and k.kind = 'outbound'
      and (select m.id from ownline_messages m where m.group_id = k.ref limit 1) is null;
end
$body$`,

  deletion(
    "erase",
    `owners := array(
    select c.id from ownline_conversations c
    where c.participant_key = p ->> 'participant_key' and (p ->> 'line' is null or c.line = p ->> 'line')
    order by c.id for update);
  messages := array(select m.id from ownline_messages m where m.conversation_id = any (owners));
  perform ownline_1_forget(messages);
  delete from ownline_turns t where t.conversation_id = any (owners);
  delete from ownline_answers a where a.conversation_id = any (owners);
  delete from ownline_answers a where a.conversation_ids is not null and a.conversation_ids && owners;
  delete from ownline_conversations c where c.id = any (owners);`,
  ),

  deletion(
    "purge",
    `messages := array(
    select m.id from ownline_messages m
    where m.created_at < moment - (p ->> 'older_than_ms')::bigint and ${IS_DONE}
    order by m.created_at, m.id limit (p ->> 'limit')::bigint);
  touched := array(select distinct m.conversation_id from ownline_messages m where m.id = any (messages));
  perform 1 from ownline_conversations c where c.id = any (touched) order by c.id for update;
  -- While this call waited for the locks, a decision may have changed some of the messages.
  messages := array(select m.id from ownline_messages m where m.id = any (messages) and ${IS_DONE});
  perform ownline_1_forget(messages);
  delete from ownline_turns t
    where t.conversation_id = any (touched) and t.outcome is not null
      and (select m.id from ownline_messages m where m.group_id = t.id limit 1) is null
      and (select m.id from ownline_messages m where m.conversation_id = t.conversation_id and m.needs_answer
        and m.seq between t.first_seq and t.through_seq limit 1) is null;
  update ownline_conversations c set version = c.version + 1
    where c.id = any (touched) and ${isNumber("c.version")};
  owners := array(
    select c.id from ownline_conversations c where c.id = any (touched) and not c.paused
      and (select m.id from ownline_messages m where m.conversation_id = c.id limit 1) is null);
  delete from ownline_turns t where t.conversation_id = any (owners);
  delete from ownline_conversations c where c.id = any (owners);
  delete from ownline_counters k where k.key = any (array(
    select f.key from ownline_counters f where f.ends_at <= moment order by f.ends_at for update skip locked));
  ${pruneText("null")}`,
  ),
];

/** See `Storage.erase`. */
export function erase(client: PostgresClient, { callId, participantKey, line }: ErasePlan): Promise<Erased> {
  return run(client, "erase", { call: `erase ${callId}`, participant_key: participantKey, line });
}

/** See `Storage.purge`. */
export function purge(client: PostgresClient, { callId, olderThanMs, limit }: PurgeOrder): Promise<Erased> {
  return run(client, "purge", { call: `purge ${callId}`, older_than_ms: Math.ceil(olderThanMs), limit });
}

async function run(
  client: PostgresClient,
  name: "erase" | "purge",
  order: Readonly<Record<string, unknown>> & { readonly call: string },
): Promise<Erased> {
  const answer = await client.call(name, textOf({ ...order, now: client.now() }));
  if (typeof answer === "string") return erasedIn(answer, order.call);
  const counts = record(answer, name);
  return { conversations: integer(counts, "conversations"), messages: integer(counts, "messages") };
}
