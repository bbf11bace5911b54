import type { ProceduresOf } from "../procedure.ts";
import { statement } from "./steps.ts";

/** The turn that claimed text `m` last, or that wrote it. */
const TURN_ID = `case
  when m.status is not null then m.turn_id
  when m.needs_answer = 1 then (
    select case when t.through_seq >= m.seq then t.id end from ownline_turns t
    where t.conversation_id = m.conversation_id and t.first_seq <= m.seq order by t.first_seq desc, length(t.id) desc, t.id desc limit 1)
end`;

const MESSAGE = statement("select m.* from ownline_messages m where m.id = :id");

const CONVERSATION = statement(`
  select c.* from ownline_messages m join ownline_conversations c on c.id = m.conversation_id where m.id = :id`);

const TURN = statement(`
  select t.* from ownline_messages m join ownline_turns t on t.id = ${TURN_ID} where m.id = :id`);

const ANSWERS = statement(`
  select a.* from ownline_messages m join ownline_turns t on t.id = ${TURN_ID}
  join ownline_messages a on a.conversation_id = t.conversation_id and a.needs_answer = 1
    and a.seq between t.first_seq and t.through_seq
  where m.id = :id order by a.seq`);

/** The groups that belong to message `m`: its own, or those that answer it. */
const GROUPS = `select m.id as told, m.status is null as answered, m.group_id as id from ownline_messages m
  where m.id = :id and m.group_id is not null
  union all
  select m.id, 1, ${TURN_ID} from ownline_messages m where m.id = :id and m.status is null
  union all
  select m.id, 1, m.auto_reply_id from ownline_messages m where m.id = :id and m.status is null`;

const REPLIES = statement(`select r.* from (${GROUPS}) g join ownline_messages r on r.group_id = g.id`);

const TOLD = `(${GROUPS}) g join ownline_messages r on r.group_id = g.id and (g.answered = 1 or r.id = g.told)`;

const ATTEMPTS = statement(`select r.seq, a.* from ${TOLD} join ownline_attempts a on a.outbound_id = r.id`);

const EVENTS = statement(`select e.* from ${TOLD} join ownline_events e on e.outbound_id = r.id`);

/** See `Storage.story`. */
export const story: ProceduresOf<"story"> = {
  "story.read": [MESSAGE, CONVERSATION, TURN, ANSWERS, REPLIES, ATTEMPTS, EVENTS],
};
