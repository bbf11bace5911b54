import type { Slice } from "../database.ts";
import { CLAIMABLE, isAhead, isForWorker, QUEUED, qualified, STOPPABLE } from "../sql/conditions.ts";
import { FUNCTION_SETTINGS, isWorkerAhead, writtenAhead } from "./statements.ts";

/** Those ids of a list that belong to plans with a slice. */
const of = (list: "roots" | "chosen", slice: Slice): string => `ownline_1_of(${list}, slices -> '${slice}')`;

/*
 * Rows that belong to one of several ids are found for each id by a subselect with a limit, or by `= any`. Such queries
 * use an index, even if a session still has a plan from a time when the tables were small.
 */

const ATTEMPT = `coalesce(
  (select a.outbound_id from ownline_attempts a where a.outbound_id = r.id and a.attempt = r.attempt),
  (select k.ref from ownline_keys k where k.kind = 'provider' and k.key = r.key))`;

const UNSENT = `${qualified(QUEUED, "u")} and u.scope = p ->> 'scope' and u.conversation_id <> all (without)
  order by u.created_at, u.id limit (p ->> 'limit')::bigint`;

/**
 * The statement of each slice in the function. It adds ids to the lists that are read at the end, or reads its rows
 * itself.
 */
const SLICES: { readonly [S in Slice]: string } = {
  attempts: `
    attempts := (select json_agg(to_json(a)) from ownline_attempts a
      where a.outbound_id = any (${of("chosen", "attempts")}));
    events := (select json_agg(to_json(e)) from ownline_events e
      where e.outbound_id = any (${of("chosen", "attempts")}));`,
  group: `
    messages := messages || array(select m.id from ownline_messages m where m.group_id = any (array(
      select g.group_id from ownline_messages g where g.id = any (${of("chosen", "group")}))));`,
  turn: `
    turns := turns || array(select m.turn_id from ownline_messages m where m.id = any (${of("chosen", "turn")}));`,
  queue: `
    owners := ${of("roots", "queue")};
    groups := array(select g.group_id from ownline_messages g where g.id = any (chosen));
    messages := messages || array(
      select m.id from ownline_messages m where m.conversation_id = any (owners)
        and m.unknown_since is not null and m.status = 'unknown' and m.origin <> 'auto-reply')
      || array(
      select (select q.id from ownline_messages q where q.conversation_id = o.id and ${qualified(QUEUED, "q")}
        and q.group_id <> all (groups) order by q.seq limit 1) from unnest(owners) o(id));`,
  stoppable: `
    names := array(select jsonb_array_elements_text(p -> 'stopped')) || array(
      select c.consent_key from ownline_conversations c where c.id = any (roots) and not p ? 'stopped');
    owners := array(select c.id from ownline_conversations c where c.consent_key = any (names));
    conversations := conversations || owners;
    messages := messages || array(
      select m.id from ownline_messages m
      where m.conversation_id = any (owners || roots) and ${qualified(STOPPABLE, "m")});`,
  unanswered: `
    messages := messages || array(
      select m.id from unnest(${of("roots", "unanswered")}) o(id) cross join lateral (
        select u.id from ownline_messages u where u.conversation_id = o.id and u.needs_answer
          and u.seq > (select c.answered_seq from ownline_conversations c where c.id = o.id) offset 0) m);`,
  "open-turn": `
    turns := turns || array(
      select t.id from ownline_turns t where t.outcome is null and t.conversation_id = any (${of("roots", "open-turn")}));`,
  "turns-of-first": `
    turns := turns || array(
      select t.id from unnest(${of("roots", "turns-of-first")}) o(id) cross join lateral (
        select b.id from ownline_turns b where b.conversation_id = o.id and b.first_seq = (
          select u.seq from ownline_messages u where u.conversation_id = o.id and u.needs_answer
            and u.seq > (select c.answered_seq from ownline_conversations c where c.id = o.id)
          order by u.seq limit 1) offset 0) t);`,
  "answered-first": `
    messages := messages || array(
      select (select m.id from ownline_messages m where m.conversation_id = t.conversation_id and m.needs_answer
        and m.seq between t.first_seq and t.through_seq order by m.seq limit 1)
      from ownline_turns t where t.id = any (turns));`,
  "newest-turn": `
    turns := turns || array(
      select (select t.id from ownline_turns t where t.conversation_id = o.id
        order by t.first_seq desc, t.repetition desc limit 1)
      from unnest(${of("roots", "newest-turn")}) o(id));`,
  recorded: `
    if recorded is not null then
      messages := messages || recorded
        || array(select m.auto_reply_id from ownline_messages m where m.id = any (recorded))
        || array(select m.id from ownline_messages m where m.group_id = any (recorded));
      conversations := conversations || array(
        select m.conversation_id from ownline_messages m where m.id = any (messages));
    end if;`,
  consent: `
    names := array(select jsonb_array_elements_text(p -> 'consents')) || array(
      select c.consent_key from ownline_conversations c where c.id = any (${of("roots", "consent")}));
    consents := (select json_agg(to_json(s)) from ownline_consents s where s.key = any (names));`,
  history: `
    history := (select json_agg(to_json(m)) from unnest(roots) with ordinality o(id, n)
      cross join lateral (select h.* from ownline_messages h where h.conversation_id = o.id
        order by h.seq desc limit (p ->> 'history')::bigint) m
      where o.n <= (p ->> 'wanted')::bigint);`,
};

/** The order of the statements. A slice comes after the slices whose ids it uses. */
const ORDER: readonly Slice[] = [
  "attempts",
  "group",
  "turn",
  "queue",
  "stoppable",
  "unanswered",
  "answered-first",
  "open-turn",
  "turns-of-first",
  "newest-turn",
  "recorded",
  "consent",
  "history",
];

const listed = (table: string, column: string, list: string): string =>
  `(select json_agg(to_json(t)) from ownline_${table} t
    where t.${column} = any (array(select jsonb_array_elements_text(p -> '${list}'))))`;

/** Reads a table only if there are ids to read, because the table's locks cost more than its rows. */
const readOf = (table: string, ids: string): string => `if cardinality(${ids}) > 0 then ${rowsOf(table, ids)} end if;`;

const rowsOf = (table: string, ids: string): string =>
  `rows_${table} := (select json_agg(to_json(t)) from ownline_${table} t where t.id = any (${ids}));`;

const named = (table: string, column: string): string =>
  `if p ? '${table}' then rows_${table} := ${listed(table, column, table)}; end if;`;

/**
 * Finds the ids and the rows of the conversations in one query, in the order of the plans. So a single call looks its
 * conversation up only once.
 */
const rootsText = (names: string, condition: string): string =>
  `select array_agg(c.id order by r.n), json_agg(to_json(c)) filter (where c.id is not null)
        into roots, rows_conversations
      from rows from (jsonb_to_recordset(p -> 'roots') as (${names})) with ordinality as r(${namesIn(names)}, n)
      left join lateral (select o.* from ownline_conversations o where ${condition.replaceAll("c.", "o.")} limit 1) c
        on true;`;

const namesIn = (names: string): string => names.replaceAll(" text", "");

const KEYS = `
      select json_agg(to_json(o)) as owned,
        array_agg(o.ref) filter (where o.kind <> 'provider' and o.ref is not null) as recorded
      from jsonb_to_recordset(p -> 'keys') as j(kind text, key text) cross join lateral (
        select f.* from ownline_keys f where f.kind = j.kind and f.key = j.key limit 1) o`;

const ANSWERS = `(select json_agg(json_build_array(a.call, a.answer)) from ownline_answers a
    where a.call = any (array(select jsonb_array_elements_text(p -> 'calls'))))`;

/**
 * Reads the clock and the rows of the plans. The function is `stable`: all its statements see the snapshot of the call,
 * and it locks nothing.
 */
export const LOAD: readonly string[] = [
  // `p_places` is `true` for all plans, otherwise a list of places.
  `create function ownline_1_of(p_list text[], p_places jsonb) returns text[] language plpgsql immutable as $body$
begin
  if p_places = 'true' then return p_list; end if;
  return array(select p_list[i.place::integer] from jsonb_array_elements_text(p_places) i(place));
end
$body$`,

  `create function ownline_1_load(p jsonb) returns json language plpgsql stable ${FUNCTION_SETTINGS} as $body$
declare
  clock bigint := floor(extract(epoch from clock_timestamp()) * 1000)::bigint;
  moment bigint := coalesce((p ->> 'now')::bigint, clock);
  slices jsonb := p -> 'slices';
  without text[] := array(select jsonb_array_elements_text(p -> 'without'));
  roots text[];
  count integer;
  chosen text[] := '{}';
  conversations text[];
  messages text[];
  turns text[] := '{}';
  names text[];
  owners text[];
  groups text[];
  recorded text[];
  expired text[];
  answers json;
  keys json;
  consents json;
  rows_conversations json;
  rows_messages json;
  rows_turns json;
  rows_workers json;
  rows_counters json;
  rows_rate_limits json;
  rows_sweeps json;
  attempts json;
  events json;
  history json;
begin
  case p ->> 'by'
    when 'due' then
      roots := array(
        select c.id from (${writtenAhead("conversations", "moment")}) c where c.scope = p ->> 'scope'
          and c.id <> all (without)
        limit (p ->> 'limit')::bigint) || array(
        select c.id from ownline_conversations c
        where ${qualified(CLAIMABLE, "c")} and c.scope = p ->> 'scope' and c.due_at <= moment
          and not ${isAhead("c", "moment")} and ${isForWorker("c", "moment", "(p ->> 'worker')")}
          and c.id <> all (without)
        order by c.due_at, c.id limit (p ->> 'limit')::bigint);
      -- Another process has taken the first conversations, so this call begins at another place of the list.
      if p ? 'place' then
        count := floor((p ->> 'place')::double precision * cardinality(roots));
        roots := roots[count + 1 :] || roots[: count];
      end if;
    when 'unsent' then
      chosen := array(select u.id from ownline_messages u where ${UNSENT});
      roots := array(select distinct m.conversation_id from ownline_messages m where m.id = any (chosen));
    when 'workers' then
      expired := array(select w.id from ownline_workers w where w.alive_until <= moment
          and w.id <> p ->> 'worker' and w.scope = p ->> 'scope')
        || array(select w.id from ownline_workers w where ${isWorkerAhead("w", "moment")}
          and w.id <> p ->> 'worker' and w.scope = p ->> 'scope'
          and ((select true from ownline_conversations c where c.lease_worker = w.id limit 1)
            or (select true from ownline_attempts a where a.worker = w.id limit 1)));
      chosen := array(
        select distinct a.outbound_id from (
          select s.outbound_id from ownline_attempts s where s.worker = any (expired)
            and s.conversation_id <> all (without)
          limit (p ->> 'limit')::bigint) a);
      roots := array(
        select c.id from ownline_conversations c where c.lease_worker = p ->> 'worker' and c.id <> all (without)
        union (select c.id from ownline_conversations c where c.lease_worker = any (expired)
            and c.id <> all (without)
          limit (p ->> 'limit')::bigint)
        union select m.conversation_id from ownline_messages m where m.id = any (chosen));
    when 'conversation' then
      ${rootsText("id text", "c.id = r.id")}
    when 'address' then
      ${rootsText("line text, participant_key text", "c.participant_key = r.participant_key and c.line = r.line")}
    when 'message' then
      chosen := array(select r.value ->> 'id' from jsonb_array_elements(p -> 'roots') r);
      roots := array(
        select (select m.conversation_id from ownline_messages m where m.id = r.id) from unnest(chosen) r(id));
    else
      select array_agg(r.message order by r.n), array_agg(case r.by
          when 'conversation' then r.id
          when 'address' then (
            select c.id from ownline_conversations c where c.participant_key = r.participant_key and c.line = r.line)
          when 'turn' then (select t.conversation_id from ownline_turns t where t.id = r.id)
          else (select m.conversation_id from ownline_messages m where m.id = r.message)
        end order by r.n)
        into chosen, roots
      from (
        select r.*, case r.by when 'message' then r.id when 'attempt' then ${ATTEMPT} end as message
        from rows from (jsonb_to_recordset(p -> 'roots')
          as (by text, id text, line text, participant_key text, attempt integer, key text))
          with ordinality as r(by, id, line, participant_key, attempt, key, n)) r;
  end case;
  conversations := array_remove(roots, null);
  count := case when rows_conversations is null then 0 else cardinality(conversations) end;
  messages := array_remove(chosen, null);
  if p ? 'turns' then turns := array(select jsonb_array_elements_text(p -> 'turns')); end if;
  -- One statement for everything that an inbound text needs, because starting a statement takes as long as running it.
  if p ? 'keys' and p ? 'consents' and not slices ? 'consent' then
    select k.owned, k.recorded, ${listed("consents", "key", "consents")}, ${ANSWERS}
      into keys, recorded, consents, answers from (${KEYS}) k;
  else
    if p ? 'keys' then select k.owned, k.recorded into keys, recorded from (${KEYS}) k; end if;
    if p ? 'consents' and not slices ? 'consent' then consents := ${listed("consents", "key", "consents")}; end if;
    answers := ${ANSWERS};
  end if;
  ${ORDER.map((slice) => `if slices ? '${slice}' then ${SLICES[slice]} end if;`).join("\n  ")}
  if cardinality(conversations) > count then ${rowsOf("conversations", "conversations")} end if;
  ${readOf("messages", "messages")}
  ${readOf("turns", "turns")}
  ${readOf("workers", "expired")}
  ${named("counters", "key")}
  ${named("rate_limits", "key")}
  ${named("sweeps", "sender")}
  return json_build_object('clock', clock, 'now', moment, 'found', roots, 'chosen', chosen, 'answers', answers,
    'conversations', rows_conversations, 'messages', rows_messages, 'attempts', attempts, 'events', events,
    'turns', rows_turns, 'keys', keys, 'consents', consents, 'counters', rows_counters,
    'rateLimits', rows_rate_limits, 'sweeps', rows_sweeps, 'workers', rows_workers,
    'history', history);
end
$body$`,
];
