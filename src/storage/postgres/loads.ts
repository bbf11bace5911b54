import type { Loaded, Plan, Root, Slice } from "../database.ts";
import type { Table } from "../ledger/rows.ts";
import { QUEUED, STOPPABLE } from "../sql/conditions.ts";
import { integer, record } from "../sql/fields.ts";
import { collect, collected, listsOf } from "../sql/loaded.ts";
import { listIn, rowsOf } from "./rows.ts";
import { FUNCTION_SETTINGS, qualified } from "./statements.ts";

/** The ids of a list that belong to the plans which ask for a slice. */
const of = (list: "roots" | "chosen", slice: Slice): string => `ownline_1_of(${list}, slices -> '${slice}')`;

/*
 * Rows that belong to one of several ids are looked up for each id by a subselect with a limit, or by `= any`: then an
 * index serves them, also where a session keeps a plan from when the tables were small.
 */

const ATTEMPT = `coalesce(
  (select a.outbound_id from ownline_attempts a where a.outbound_id = r.id and a.attempt = r.attempt),
  (select k.ref from ownline_keys k where k.kind = 'provider' and k.key = r.key))`;

const UNSENT = `${qualified(QUEUED, "u")} order by u.created_at, u.id limit (p ->> 'limit')::bigint`;

/** Each slice, as a statement of the function. It adds to the ids of what is read in the end, or reads by itself. */
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
};

/** The ones that others build on come first. */
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
];

const listed = (table: string, column: string, list: string): string =>
  `(select json_agg(to_json(t)) from ownline_${table} t
    where t.${column} = any (array(select jsonb_array_elements_text(p -> '${list}'))))`;

/** Only where there is something to read is a table opened: its locks cost more than its rows. */
const readOf = (table: string, ids: string): string =>
  `if cardinality(${ids}) > 0 then
    told_${table} := (select json_agg(to_json(t)) from ownline_${table} t where t.id = any (${ids}));
  end if;`;

const named = (table: string, column: string): string =>
  `if p ? '${table}' then told_${table} := ${listed(table, column, table)}; end if;`;

/**
 * Reads the clock and what plans name. It is `stable`: all its statements see the snapshot of the call, and it locks
 * nothing.
 */
export const LOAD: readonly string[] = [
  // `true` for all plans, else the places of some of them.
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
  roots text[];
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
  told_conversations json;
  told_messages json;
  told_turns json;
  told_workers json;
  told_counters json;
  told_rate_limits json;
  told_sweeps json;
  attempts json;
  events json;
begin
  case p ->> 'by'
    when 'due' then
      roots := array(
        select c.id from ownline_conversations c
        where c.due_at is not null and c.lease_worker is null and c.due_at <= moment
        order by c.due_at, c.id limit (p ->> 'limit')::bigint);
    when 'unsent' then
      chosen := array(select u.id from ownline_messages u where ${UNSENT});
      roots := array(select distinct m.conversation_id from ownline_messages m where m.id = any (chosen));
    when 'workers' then
      expired := array(select w.id from ownline_workers w where w.alive_until <= moment and w.id <> p ->> 'worker');
      chosen := array(
        select distinct a.outbound_id from (
          select s.outbound_id from ownline_attempts s where s.worker = any (expired)
          limit (p ->> 'limit')::bigint) a);
      roots := array(
        select c.id from ownline_conversations c where c.lease_worker = p ->> 'worker'
        union (select c.id from ownline_conversations c where c.lease_worker = any (expired)
          limit (p ->> 'limit')::bigint)
        union select m.conversation_id from ownline_messages m where m.id = any (chosen));
    when 'conversation' then
      roots := array(select r.value ->> 'id' from jsonb_array_elements(p -> 'roots') r);
    when 'address' then
      roots := array(
        select (select c.id from ownline_conversations c where c.participant = r.participant and c.line = r.line)
        from jsonb_to_recordset(p -> 'roots') as r(line text, participant text));
    when 'message' then
      chosen := array(select r.value ->> 'id' from jsonb_array_elements(p -> 'roots') r);
      roots := array(
        select (select m.conversation_id from ownline_messages m where m.id = r.id) from unnest(chosen) r(id));
    else
      select array_agg(r.message order by r.n), array_agg(case r.by
          when 'conversation' then r.id
          when 'address' then (
            select c.id from ownline_conversations c where c.participant = r.participant and c.line = r.line)
          when 'turn' then (select t.conversation_id from ownline_turns t where t.id = r.id)
          else (select m.conversation_id from ownline_messages m where m.id = r.message)
        end order by r.n)
        into chosen, roots
      from (
        select r.*, case r.by when 'message' then r.id when 'attempt' then ${ATTEMPT} end as message
        from rows from (jsonb_to_recordset(p -> 'roots')
          as (by text, id text, line text, participant text, attempt integer, key text))
          with ordinality as r(by, id, line, participant, attempt, key, n)) r;
  end case;
  conversations := array_remove(roots, null);
  messages := array_remove(chosen, null);
  if p ? 'turns' then turns := array(select jsonb_array_elements_text(p -> 'turns')); end if;
  if p ? 'keys' then
    select json_agg(to_json(k)), array_agg(k.ref) filter (where k.kind <> 'provider' and k.ref is not null)
      into keys, recorded
    from jsonb_to_recordset(p -> 'keys') as j(kind text, key text) cross join lateral (
      select o.* from ownline_keys o where o.kind = j.kind and o.key = j.key limit 1) k;
  end if;
  if p ? 'consents' and not slices ? 'consent' then
    consents := ${listed("consents", "key", "consents")};
  end if;
  ${ORDER.map((slice) => `if slices ? '${slice}' then ${SLICES[slice]} end if;`).join("\n  ")}
  answers := (select json_agg(json_build_array(a.call, a.answer)) from ownline_answers a
    where a.call = any (array(select jsonb_array_elements_text(p -> 'calls'))));
  ${readOf("conversations", "conversations")}
  ${readOf("messages", "messages")}
  ${readOf("turns", "turns")}
  ${readOf("workers", "expired")}
  ${named("counters", "key")}
  ${named("rate_limits", "key")}
  ${named("sweeps", "sender")}
  return json_build_object('clock', clock, 'now', moment, 'found', roots, 'chosen', chosen, 'answers', answers,
    'conversations', told_conversations, 'messages', told_messages, 'attempts', attempts, 'events', events,
    'turns', told_turns, 'keys', keys, 'consents', consents, 'counters', told_counters,
    'rateLimits', told_rate_limits, 'sweeps', told_sweeps, 'workers', told_workers);
end
$body$`,
];

type Lists = { readonly [name: string]: unknown };

/** The parameter of the function: what all plans name, as lists. Only a lone plan may look at candidates. */
export function loadOf(plans: readonly Plan[], now: number | null): Lists {
  const [first] = plans;
  const isAlone = first !== undefined && isOfCandidates(first.root);
  return {
    now,
    calls: plans.map(({ call }) => call),
    slices: slicesOf(plans, isAlone),
    ...(isAlone ? candidatesOf(first.root) : rootsOf(plans)),
    ...some(
      "turns",
      plans.flatMap(({ root }) => (root.by === "turn" ? [root.id] : [])),
    ),
    ...some(
      "stopped",
      plans.flatMap(({ slices, consents = [] }) => (slices.includes("stoppable") ? consents : [])),
    ),
    ...some(
      "consents",
      plans.flatMap(({ consents = [] }) => consents),
    ),
    ...some(
      "keys",
      plans.flatMap(({ keys = [] }) => keys),
    ),
    ...some(
      "counters",
      plans.flatMap(({ counters = [] }) => counters),
    ),
    ...some(
      "rate_limits",
      plans.flatMap(({ rateLimits = [] }) => rateLimits),
    ),
    ...some(
      "sweeps",
      plans.flatMap(({ sweeps = [] }) => sweeps),
    ),
  };
}

function some(name: string, list: readonly unknown[]): Lists {
  return list.length === 0 ? {} : { [name]: list };
}

function isOfCandidates({ by }: Root): boolean {
  return by === "due" || by === "workers" || by === "unsent";
}

/** The place of each plan that asks for it, `true` for all of them. */
function slicesOf(plans: readonly Plan[], isAlone: boolean): Lists {
  const places = new Map<Slice, number[]>();
  for (const [index, { slices }] of plans.entries()) {
    for (const slice of slices) {
      const known = places.get(slice);
      if (known === undefined) places.set(slice, [index + 1]);
      else known.push(index + 1);
    }
  }
  const all = (list: readonly number[]): boolean => isAlone || list.length === plans.length;
  return Object.fromEntries(Array.from(places, ([slice, list]): [Slice, unknown] => [slice, all(list) || list]));
}

function candidatesOf(root: Root): Lists {
  const { by } = root;
  const limit = "limit" in root ? Math.min(root.limit, Number.MAX_SAFE_INTEGER) : 0;
  return by === "workers" ? { by, limit, worker: root.workerId } : { by, limit };
}

/** Most groups are of one kind, and a lone call always is: then no other table is opened to find its conversations. */
function rootsOf(plans: readonly Plan[]): Lists {
  const kinds = new Set(plans.map(({ root }) => root.by));
  const [only = "roots"] = kinds.size === 1 ? kinds : [];
  return { by: only, roots: plans.map(({ root }) => rootOf(root)) };
}

function rootOf(root: Root): Lists {
  switch (root.by) {
    case "attempt":
      return { by: root.by, id: root.outboundId, attempt: root.attempt, key: root.providerMessageId };
    case "conversation":
    case "message":
    case "turn":
    case "address":
    case "nothing":
      return { ...root };
    default:
      throw new TypeError("A plan that looks at candidates was grouped with others.");
  }
}

/** What the function read. */
export interface Read {
  readonly loaded: Loaded;
  /** The database's clock, also where the storage has another one. */
  readonly clock: number;
}

const READ: readonly Table[] = [
  "conversations",
  "messages",
  "attempts",
  "events",
  "turns",
  "keys",
  "consents",
  "counters",
  "rateLimits",
  "sweeps",
  "workers",
];

export function readFrom(told: unknown, plans: readonly Plan[]): Read {
  const read = record(told, "load");
  const rows = collected();
  for (const table of READ) for (const row of rowsOf(read[table])) collect(rows, table, row);
  const answers = new Map<string, string>();
  for (const [call, answer] of listIn<readonly [string, string]>(read.answers)) answers.set(call, answer);
  const found = listIn<string | null>(read.found);
  const chosen = listIn<string | null>(read.chosen);
  const [first] = plans;
  const isAlone = first !== undefined && isOfCandidates(first.root);
  const each = (list: readonly (string | null)[]): readonly (readonly string[])[] =>
    isAlone ? [list.flatMap((id) => id ?? [])] : plans.map((_, index) => [list[index] ?? []].flat());
  const loaded = { now: integer(read, "now"), rows: listsOf(rows), answers, found: each(found), chosen: each(chosen) };
  return { loaded, clock: integer(read, "clock") };
}
