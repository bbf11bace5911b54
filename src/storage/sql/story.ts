import { storyOf } from "../ledger/shown.ts";
import type { MessageStory } from "../storage.ts";
import type { SqlDriver } from "./driver.ts";
import { attemptRow, conversationRow, eventRow, messageRow, turnRow } from "./rows.ts";
import { bind, oneLine, prepare } from "./statement.ts";

/** The turn that claimed message `m` last, or that wrote it. */
const TURN_ID = `case
  when m.status is not null then m.turn_id
  when m.needs_answer = 1 then (
    select case when t.through_seq >= m.seq then t.id end from ownline_turns t
    where t.conversation_id = m.conversation_id and t.first_seq <= m.seq
    order by t.first_seq desc, t.repetition desc limit 1)
end`;

/** The groups of message `m`: its own group, or the groups that answer it. */
const GROUPS = `select m.id as shown, m.status is null as answered, m.group_id as id from ownline_messages m
  where m.id = :id and m.group_id is not null
  union all
  select m.id, 1, ${TURN_ID} from ownline_messages m where m.id = :id and m.status is null
  union all
  select m.id, 1, m.auto_reply_id from ownline_messages m where m.id = :id and m.status is null`;

const SHOWN = `(${GROUPS}) g cross join ownline_messages r on r.group_id = g.id and (g.answered = 1 or r.id = g.shown)`;

const STATEMENTS = [
  "select m.* from ownline_messages m where m.id = :id",
  `select c.* from ownline_messages m cross join ownline_conversations c on c.id = m.conversation_id where m.id = :id`,
  `select t.* from ownline_messages m cross join ownline_turns t on t.id = ${TURN_ID} where m.id = :id`,
  `select a.* from ownline_messages m cross join ownline_turns t on t.id = ${TURN_ID}
    cross join ownline_messages a on a.conversation_id = t.conversation_id and a.needs_answer = 1
      and a.seq between t.first_seq and t.through_seq
    where m.id = :id`,
  `select r.* from (${GROUPS}) g cross join ownline_messages r on r.group_id = g.id`,
  `select a.* from ${SHOWN} cross join ownline_attempts a on a.outbound_id = r.id`,
  `select e.* from ${SHOWN} cross join ownline_events e on e.outbound_id = r.id`,
].map((sql) => prepare(oneLine(sql)));

/** See `Storage.story`. */
export async function story(driver: SqlDriver, id: string): Promise<MessageStory | null> {
  const read = await driver.read(STATEMENTS.map((statement) => bind(statement, { id })));
  const [[message] = [], [conversation] = [], [turn] = [], answers = [], replies = [], attempts = [], events = []] =
    read;
  if (message === undefined || conversation === undefined) return null;
  return storyOf({
    message: messageRow(message),
    conversation: conversationRow(conversation),
    turn: turn === undefined ? null : turnRow(turn),
    answers: answers.map(messageRow),
    replies: replies.map(messageRow),
    attempts: attempts.map(attemptRow),
    events: events.map(eventRow),
  });
}
