import { storyOf } from "../ledger/shown.ts";
import { record } from "../sql/fields.ts";
import { attemptRow, conversationRow, eventRow, messageRow, turnRow } from "../sql/rows.ts";
import type { MessageStory } from "../storage.ts";
import type { PostgresClient } from "./client.ts";
import { rowOf, rowsOf } from "./rows.ts";

/** One statement, so that all parts see the same snapshot. */
const READ_STORY = `
  with shown as (select m.* from ownline_messages m where m.id = $1),
  -- The turn that claimed the message last, or that wrote it.
  turn as (
    select t.* from shown m join ownline_turns t on t.id = case
      when m.status is not null then m.turn_id
      when m.needs_answer then (
        select case when u.through_seq >= m.seq then u.id end from ownline_turns u
        where u.conversation_id = m.conversation_id and u.first_seq <= m.seq
        order by u.first_seq desc, u.repetition desc limit 1)
    end),
  replies as (
    select r.* from ownline_messages r where r.group_id = any (array(
      select m.group_id from shown m where m.status is not null
      union all select t.id from turn t join shown m on m.status is null
      union all select m.auto_reply_id from shown m where m.status is null))),
  attempts as (
    select a.* from replies r join ownline_attempts a on a.outbound_id = r.id
    where (select m.status from shown m) is null or r.id = $1)
  select json_build_object(
    'message', to_json(m),
    'conversation', (select to_json(c) from ownline_conversations c where c.id = m.conversation_id),
    'turn', (select to_json(t) from turn t),
    'answers', (
      select json_agg(to_json(a)) from turn t
      join ownline_messages a on a.conversation_id = t.conversation_id and a.needs_answer
        and a.seq between t.first_seq and t.through_seq),
    'replies', (select json_agg(to_json(r)) from replies r),
    'attempts', (select json_agg(to_json(a)) from attempts a),
    'events', (
      select json_agg(to_json(e)) from attempts a cross join lateral (
        select v.* from ownline_events v where v.outbound_id = a.outbound_id and v.attempt = a.attempt offset 0) e)
    )::text as answer
  from shown m`;

/** See `Storage.story`. */
export async function story(client: PostgresClient, id: string): Promise<MessageStory | null> {
  const answer = await client.read(`select (${READ_STORY}) as answer`, [id]);
  if (answer === null) return null;
  const { message, conversation, turn, answers, replies, attempts, events } = record(answer, "story");
  return storyOf({
    message: messageRow(rowOf(message)),
    conversation: conversationRow(rowOf(conversation)),
    turn: turn === null ? null : turnRow(rowOf(turn)),
    answers: rowsOf(answers).map(messageRow),
    replies: rowsOf(replies).map(messageRow),
    attempts: rowsOf(attempts).map(attemptRow),
    events: rowsOf(events).map(eventRow),
  });
}
