import type { ProceduresOf } from "../procedure.ts";
import { FORGOTTEN_AFTER_MS, FRESH, marker, note, READ_OPERATION, statement } from "./steps.ts";

/*
 * What is forgotten is listed in the marker first: the messages in `changed`, the conversations in `cancelled`. The
 * keys keep a tombstone: their row without what it led to. Ids need none: what is not there is not found, and nobody
 * gives an id twice.
 */

const LISTED = `select t.value from ownline_ops o, json_each(o.changed) t where ${FRESH}`;

const LISTED_CONVERSATIONS = `select t.value from ownline_ops o, json_each(o.cancelled) t where ${FRESH}`;

const FORGET_MESSAGES: readonly string[] = [
  statement(`
    update ownline_keys set ref = null, attempt = null
    where ref in (${LISTED}) and kind in ('inbound', 'carrier')`),
  statement(`delete from ownline_events where outbound_id in (${LISTED})`),
  statement(`delete from ownline_attempts where outbound_id in (${LISTED})`),
  statement(`delete from ownline_slots where outbound_id in (${LISTED})`),
  statement(`delete from ownline_witnesses where outbound_id in (${LISTED})`),
];

/** After the messages are gone: keys of groups of which no part is left. `detail` lists the groups. */
const FORGET_GROUPS = statement(`
  update ownline_keys as k set ref = null
  where k.kind = 'send' and k.ref in (
      select t.value from ownline_ops o, json_each(o.detail, '$.groups') t where ${FRESH})
    and not exists (select 1 from ownline_messages m where m.group_id = k.ref)`);

const LIST_GROUPS = note(
  `detail = json_object('groups', json((
    select json_group_array(distinct m.group_id) from json_each(o.changed) t join ownline_messages m on m.id = t.value
    where m.group_id is not null)))`,
);

const DELETE_MESSAGES = statement(`delete from ownline_messages where id in (${LISTED})`);

const DELETE_CONVERSATIONS = statement(`delete from ownline_conversations where id in (${LISTED_CONVERSATIONS})`);

const COUNT: readonly string[] = [
  note(
    `detail = json_object('conversations', json_array_length(o.cancelled), 'messages', json_array_length(o.changed)),
      changed = '[]', cancelled = '[]'`,
  ),
  READ_OPERATION,
];

/** See `Storage.erase`. */
const ERASE: readonly string[] = [
  marker({ outcome: "'erased'" }),
  note(
    `cancelled = (select json_group_array(c.id) from ownline_conversations c
      where c.participant = :participant and (:line is null or c.line = :line))`,
  ),
  note(
    `changed = (select json_group_array(m.id) from json_each(o.cancelled) t
      join ownline_messages m on m.conversation_id = t.value)`,
  ),
  LIST_GROUPS,
  ...FORGET_MESSAGES,
  statement(`delete from ownline_turns where conversation_id in (${LISTED_CONVERSATIONS})`),
  DELETE_MESSAGES,
  FORGET_GROUPS,
  DELETE_CONVERSATIONS,
  ...COUNT,
];

/** See `Storage.purge`. */
const PURGE: readonly string[] = [
  marker({ outcome: "'purged'" }),
  note(
    `changed = (select json_group_array(p.id) from (
      select m.id from ownline_messages m
      where m.created_at < o.at - :olderThanMs and case
        when m.status is null then m.needs_answer = 0 or m.seq <= (
          select c.answered_seq from ownline_conversations c where c.id = m.conversation_id)
        else m.status in ('delivered', 'undelivered', 'failed', 'cancelled')
      end
      order by m.created_at, m.id limit :limit) p)`,
  ),
  note(
    `cancelled = (select json_group_array(distinct m.conversation_id) from json_each(o.changed) t
      join ownline_messages m on m.id = t.value)`,
  ),
  LIST_GROUPS,
  ...FORGET_MESSAGES,
  DELETE_MESSAGES,
  FORGET_GROUPS,
  statement(`
    delete from ownline_turns as t
    where t.conversation_id in (${LISTED_CONVERSATIONS}) and t.outcome is not null
      and not exists (select 1 from ownline_messages m where m.group_id = t.id)
      and not exists (select 1 from ownline_messages m where m.conversation_id = t.conversation_id
        and m.needs_answer = 1 and m.seq between t.first_seq and t.through_seq)`),
  note(
    `cancelled = (select json_group_array(c.id) from json_each(o.cancelled) t
      join ownline_conversations c on c.id = t.value
      where c.paused = 0 and not exists (select 1 from ownline_messages m where m.conversation_id = c.id))`,
  ),
  DELETE_CONVERSATIONS,
  statement(`delete from ownline_counters where ends_at <= (select o.at from ownline_ops o where ${FRESH})`),
  statement(`
    delete from ownline_ops where at < (select o.at - ${FORGOTTEN_AFTER_MS} from ownline_ops o where ${FRESH})`),
  ...COUNT,
];

export const erasure: ProceduresOf<"erasure"> = { "erasure.erase": ERASE, "erasure.purge": PURGE };
