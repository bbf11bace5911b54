import type { ErasePlan, Guard } from "../database.ts";
import { erasedIn } from "../ledger/stored-answer.ts";
import type { Erased, PurgeOrder } from "../storage.ts";
import { isDone, isNumber } from "./conditions.ts";
import type { SqlDriver, SqlRow, Write } from "./driver.ts";
import { integer, numberIn, text } from "./fields.ts";
import { pruneAll } from "./prune.ts";
import { bind, keepable, NOW, oneLine, prepare } from "./statement.ts";

/*
 * Deletions. The rows to delete are listed first. They are deleted only if no conversation has changed since. The keys
 * stay, but no longer refer to a message. Ids need no tombstone, because no id is used twice.
 */

const MOMENT = prepare(oneLine(`select ${NOW} as now`));
const ANSWER = prepare("select answer from ownline_answers where call = :call");

const ERASED_CONVERSATIONS = prepare(
  oneLine(`
    select c.id, c.version from ownline_conversations c
    where c.participant_key = :participantKey and (:line is null or c.line = :line)`),
);

const ERASED_MESSAGES = prepare(
  oneLine(`
    select m.id from ownline_conversations c cross join ownline_messages m on m.conversation_id = c.id
    where c.participant_key = :participantKey and (:line is null or c.line = :line)`),
);

const DONE = oneLine(`
  select m.id from ownline_messages m
  where m.created_at < ${NOW} - :olderThanMs and ${isDone("m.needs_answer = 0")}
  order by m.created_at, m.id limit :limit`);

const PURGED_MESSAGES = prepare(DONE);

const PURGED_CONVERSATIONS = prepare(
  oneLine(`
    select c.id, c.version from ownline_conversations c
    where c.id in (select p.conversation_id from ownline_messages p where p.id in (${DONE}))`),
);

/** `:messages` and `:conversations` are JSON lists of ids. */
const IN_MESSAGES = "(select j.value from json_each(:messages) j)";
const IN_CONVERSATIONS = "(select j.value from json_each(:conversations) j)";

const LISTED_GROUPS = `select m.group_id from ownline_messages m where m.id in ${IN_MESSAGES} and m.group_id is not null`;

/** The key of a group loses its reference when no part of the group is left. */
const FORGET_GROUPS = `
  update ownline_keys as k set ref = null, content = null where k.kind = 'outbound' and k.ref in (${LISTED_GROUPS})
    and not exists (select 1 from ownline_messages o where o.group_id = k.ref and o.id not in ${IN_MESSAGES})`;

const DELETE_MESSAGES: readonly string[] = [
  `update ownline_keys set ref = null, attempt = null where ref in ${IN_MESSAGES} and kind in ('inbound', 'provider')`,
  FORGET_GROUPS,
  `delete from ownline_events where outbound_id in ${IN_MESSAGES}`,
  `delete from ownline_attempts where outbound_id in ${IN_MESSAGES}`,
  `delete from ownline_messages where id in ${IN_MESSAGES}`,
];

const ERASE = [
  ...DELETE_MESSAGES,
  `delete from ownline_turns where conversation_id in ${IN_CONVERSATIONS}`,
  `delete from ownline_answers where conversation_id in ${IN_CONVERSATIONS}`,
  // A list that cannot be read may contain an erased conversation, so its answer is deleted too. A repetition of that
  // call is decided anew.
  `delete from ownline_answers as a where a.call > '' and a.conversation_ids is not null and case
    when json_valid(a.conversation_ids) then exists (
      select 1 from json_each(a.conversation_ids) l where l.value in ${IN_CONVERSATIONS})
    else true end`,
  `delete from ownline_conversations where id in ${IN_CONVERSATIONS}`,
].map((sql) => prepare(oneLine(sql)));

const PURGE = [
  ...DELETE_MESSAGES,
  `delete from ownline_turns as t
    where t.conversation_id in ${IN_CONVERSATIONS} and t.outcome is not null
      and not exists (select 1 from ownline_messages m where m.group_id = t.id)
      and not exists (select 1 from ownline_messages m where m.conversation_id = t.conversation_id
        and m.needs_answer = 1 and m.seq between t.first_seq and t.through_seq)`,
  `update ownline_conversations set version = version + 1
    where id in ${IN_CONVERSATIONS} and ${isNumber("version")}`,
].map((sql) => prepare(oneLine(sql)));

const EMPTIED = `conversation.id in ${IN_CONVERSATIONS} and conversation.paused = 0
  and not exists (select 1 from ownline_messages m where m.conversation_id = conversation.id)`;

const STORE_ERASED = prepare(
  oneLine(`
    insert into ownline_answers (call, at, answer)
    values (:call, :now, json_object('conversations', :erased, 'messages', json_array_length(:messages)))`),
);

const STORE_PURGED = prepare(
  oneLine(`
    insert into ownline_answers (call, at, answer)
    select :call, :now, json_object(
      'conversations', (select count(*) from ownline_conversations conversation where ${EMPTIED}),
      'messages', json_array_length(:messages))`),
);

const LEFT_OVER = [
  `delete from ownline_conversations as conversation where ${EMPTIED}`,
  "delete from ownline_counters where ends_at <= :now",
].map((sql) => prepare(oneLine(sql)));

/** See `Storage.erase`. */
export function erase(driver: SqlDriver, { callId, participantKey, line }: ErasePlan): Promise<Erased> {
  const call = `erase ${callId}`;
  const params = { call, participantKey, line, now: driver.now() };
  const reads = [MOMENT, ANSWER, ERASED_CONVERSATIONS, ERASED_MESSAGES].map((each) => bind(each, params));
  return driver.transact<Erased>(reads, (results) => {
    const [[moment] = [], [known] = [], conversations = [], messages = []] = results;
    if (known !== undefined) return answered(known, call);
    const listed = listsOf(call, moment, conversations, messages);
    const statements = [...ERASE, STORE_ERASED, ANSWER].map((each) => bind(each, { ...listed.params, call }));
    return { statements, guard: listed.guard, answer: (read) => storedIn(read, call) };
  });
}

/** See `Storage.purge`. */
export function purge(driver: SqlDriver, { callId, olderThanMs, limit }: PurgeOrder): Promise<Erased> {
  const call = `purge ${callId}`;
  const asked = { call, olderThanMs, limit, now: driver.now() };
  const reads = [MOMENT, ANSWER, PURGED_CONVERSATIONS, PURGED_MESSAGES].map((each) => bind(each, asked));
  return driver.transact<Erased>(reads, (results) => {
    const [[moment] = [], [known] = [], conversations = [], messages = []] = results;
    if (known !== undefined) return answered(known, call);
    const listed = listsOf(call, moment, conversations, messages);
    const params = { ...listed.params, call };
    const deletions = [...PURGE, STORE_PURGED, ...LEFT_OVER].map((each) => bind(each, params));
    const statements = [...deletions, ...pruneAll(params.now), bind(ANSWER, { call })];
    return { statements, guard: listed.guard, answer: (read) => storedIn(read, call) };
  });
}

function listsOf(
  call: string,
  moment: SqlRow | undefined,
  conversations: readonly SqlRow[],
  messages: readonly SqlRow[],
) {
  if (moment === undefined) throw new TypeError("A select without a table returned no row.");
  const now = integer(moment, "now");
  const guards: Guard[] = [{ on: "call", key: keepable(call), version: null }];
  for (const row of conversations) {
    const version = numberIn(row, "version");
    // A conversation whose version cannot be read needs no guard, because no decision is based on it.
    if (version !== null) guards.push({ on: "conversation", key: text(row, "id"), version });
  }
  const ids = (rows: readonly SqlRow[]): string => JSON.stringify(rows.map((row) => text(row, "id")));
  return {
    params: { now, conversations: ids(conversations), messages: ids(messages), erased: conversations.length },
    guard: { guards, charges: [], now },
  };
}

/** The result of a repetition: it deletes nothing more. */
function answered(row: SqlRow, call: string): Write<Erased> {
  return { statements: [], guard: null, answer: () => erasedIn(text(row, "answer"), call) };
}

function storedIn(results: readonly (readonly SqlRow[])[], call: string): Erased {
  const row = results.at(-1)?.[0];
  if (row === undefined) throw new TypeError("A deletion stored no answer.");
  return erasedIn(text(row, "answer"), call);
}
