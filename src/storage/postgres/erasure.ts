import { integer } from "../sql/fields.ts";
import type { Erased, EraseOrder, PurgeOrder } from "../storage.ts";
import { answerOf } from "./answer.ts";
import { operation } from "./common.ts";
import type { PostgresLedger } from "./ledger.ts";
import { FORGOTTEN_AFTER_MS } from "./workers.ts";

/** What nothing waits for, of the messages `m`. */
const IS_DONE_WITH = `case
    when m.status is null then not m.needs_answer or m.seq <= (
      select c.answered_seq from ownline_conversations c where c.id = m.conversation_id)
    else m.status in ('delivered', 'undelivered', 'failed', 'cancelled')
  end`;

const TOLD = "jsonb_build_object('conversations', cardinality(owners), 'messages', cardinality(messages)), '[]', null";

/*
 * "Is there none?" is asked row by row, by a subselect with a limit: a "not exists" may become a join with the whole
 * table.
 */

export const ERASURE: readonly string[] = [
  // The keys keep a tombstone: their row without what it led to. Ids need none: what is not there is not found, and
  // nobody gives an id twice.
  `create function ownline_1_forget(p_messages text[]) returns void language plpgsql as $body$
declare
  groups text[] := array(
    select distinct m.group_id from ownline_messages m where m.id = any (p_messages) and m.group_id is not null);
begin
  update ownline_keys k set ref = null, attempt = null
    where k.ref = any (p_messages) and k.kind in ('inbound', 'carrier');
  delete from ownline_events e where e.outbound_id = any (p_messages);
  delete from ownline_attempts a where a.outbound_id = any (p_messages);
  delete from ownline_messages m where m.id = any (p_messages);
  update ownline_keys k set ref = null
    where k.ref = any (groups) and k.kind = 'send'
      and (select m.id from ownline_messages m where m.group_id = k.ref limit 1) is null;
end
$body$`,

  operation({
    name: "erase",
    args: "participant text, line text",
    declare: `owners text[];
  messages text[];`,
    body: `owners := array(
    select c.id from ownline_conversations c
    where c.participant = arg.participant and (arg.line is null or c.line = arg.line)
    order by c.id for update);
  moment := ownline_1_now(p_now);
  messages := array(select m.id from ownline_messages m where m.conversation_id = any (owners));
  perform ownline_1_forget(messages);
  delete from ownline_turns t where t.conversation_id = any (owners);
  delete from ownline_conversations c where c.id = any (owners);
  return ownline_1_keep(arg.op, moment, 'erased', ${TOLD});`,
  }),

  operation({
    name: "purge",
    args: `older_than_ms bigint, "limit" bigint`,
    declare: `touched text[];
  owners text[];
  messages text[];`,
    body: `moment := ownline_1_now(p_now);
  messages := array(
    select m.id from ownline_messages m where m.created_at < moment - arg.older_than_ms and ${IS_DONE_WITH}
    order by m.created_at, m.id limit arg."limit");
  touched := array(select distinct m.conversation_id from ownline_messages m where m.id = any (messages));
  perform 1 from ownline_conversations c where c.id = any (touched) order by c.id for update;
  -- A fact may have moved some of them while the locks were waited for.
  messages := array(select m.id from ownline_messages m where m.id = any (messages) and ${IS_DONE_WITH});
  perform ownline_1_forget(messages);
  delete from ownline_turns t
    where t.conversation_id = any (touched) and t.outcome is not null
      and (select m.id from ownline_messages m where m.group_id = t.id limit 1) is null
      and (select m.id from ownline_messages m where m.conversation_id = t.conversation_id and m.needs_answer
        and m.seq between t.first_seq and t.through_seq limit 1) is null;
  owners := array(
    select c.id from ownline_conversations c where c.id = any (touched) and not c.paused
      and (select m.id from ownline_messages m where m.conversation_id = c.id limit 1) is null);
  delete from ownline_turns t where t.conversation_id = any (owners);
  delete from ownline_conversations c where c.id = any (owners);
  delete from ownline_counters k where k.key = any (array(
    select f.key from ownline_counters f where f.ends_at <= moment order by f.ends_at for update skip locked));
  delete from ownline_ops o where o.id = any (array(
    select f.id from ownline_ops f where f.at < moment - ${FORGOTTEN_AFTER_MS} for update skip locked));
  return ownline_1_keep(arg.op, moment, 'purged', ${TOLD});`,
  }),
];

/** See `Storage.erase`. */
export async function erase(ledger: PostgresLedger, { op, participant, line }: EraseOrder): Promise<Erased> {
  return erasedOf(await ledger.call("erase", { op: `erase ${op}`, participant, line }));
}

/** See `Storage.purge`. */
export async function purge(ledger: PostgresLedger, { op, olderThanMs, limit }: PurgeOrder): Promise<Erased> {
  return erasedOf(await ledger.call("purge", { op: `purge ${op}`, older_than_ms: olderThanMs, limit }));
}

function erasedOf(told: unknown): Erased {
  const { detail } = answerOf(told);
  return { conversations: integer(detail, "conversations"), messages: integer(detail, "messages") };
}
