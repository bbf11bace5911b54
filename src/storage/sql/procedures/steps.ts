/** A statement with `:name` parameters, on one line. */
export function statement(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** The present moment in a marker, and in statements that only read. Everything else takes `o.at`. */
export const NOW: string = "coalesce(:now, cast(unixepoch('subsec') * 1000 as integer))";

/** The condition under which the marker `o` belongs to this very call and not to an earlier one. */
export const FRESH: string = "o.id = :op and o.n = 1";

/** A marker that is older may go. */
export const FORGOTTEN_AFTER_MS: number = 60 * 60 * 1_000;

/** What a marker notes down: SQL expressions over `now.at` and whatever `from` joins to it. */
interface MarkerColumns {
  readonly outcome: string;
  readonly conversation?: string;
  readonly subject?: string;
  /** JSON. */
  readonly detail?: string;
  /** Joins, each beginning with `left join`. */
  readonly from?: string;
}

/** The first statement of a batch. */
export function marker(columns: MarkerColumns): string {
  return statement(`
    insert into ownline_ops (id, n, at, outcome, conversation_id, subject, detail)
    select :op, 1, now.at, ${columns.outcome}, ${columns.conversation ?? "null"}, ${columns.subject ?? "null"},
      ${columns.detail ?? "null"}
    from (select ${NOW} as at) now ${columns.from ?? ""}
    where true
    on conflict (id) do update set n = n + 1`);
}

/** A change of the marker itself, while fresh. */
export function note(assignments: string, condition = "true"): string {
  return statement(`update ownline_ops as o set ${assignments} where ${FRESH} and ${condition}`);
}

/** An update of one table joined with the fresh marker `o`. */
export function act(table: string, alias: string, assignments: string, condition: string): string {
  return statement(
    `update ownline_${table} as ${alias} set ${assignments} from ownline_ops o where ${FRESH} and ${condition}`,
  );
}

/** The subject and what was cancelled with it, as the answer's messages: `[role, id]` each. */
export const ANSWER_SUBJECT: string = note(
  `answer = (select json_group_array(json_array(a.role, a.id)) from (
    select 'message' as role, o.subject as id
    union all
    select 'cancelled', t.value from json_each(o.cancelled) t) a)`,
);

/** All parts of the group that is the subject. */
export const ANSWER_GROUP: string = note(
  `answer = (select json_group_array(json_array('message', m.id)) from ownline_messages m
    where m.group_id = o.subject)`,
);

/**
 * Keeps what can change of the answer's messages and conversation. Inside another JSON function, the JSON of a
 * subquery needs a `json()` around it: whether it is seen as JSON without is up to SQLite's version
 * (https://www.sqlite.org/json1.html).
 */
export const SNAPSHOT: string = note(
  `was_messages = (select json_group_array(json((
      select json_array(m.status, m.error, m.changed_seq, m.attempts, m.carrier_ids) from ownline_messages m
      where m.id = a.value ->> 1))) from json_each(o.answer) a),
    was_conversation = (
      select json_array(c.sender, c.paused, c.seq, c.inbound_seq, c.answered_seq, c.updated_at)
      from ownline_conversations c where c.id = o.conversation_id)`,
);

/** `outcome`, `at` and `detail` of the operation: of this call, or of the first one. */
export const READ_OPERATION: string = statement(
  "select o.outcome, o.at, o.subject, o.detail from ownline_ops o where o.id = :op",
);

/** The answer's messages. Put in order by `position`. */
const READ_MESSAGES: string = statement(`
  select a.key as position, a.value ->> 0 as role, m.*,
    json_extract(o.was_messages, '$[' || a.key || ']') as was
  from ownline_ops o, json_each(o.answer) a join ownline_messages m on m.id = a.value ->> 1
  where o.id = :op`);

/** The answer's conversation. */
const READ_CONVERSATION: string = statement(`
  select c.*, o.was_conversation as was
  from ownline_ops o join ownline_conversations c on c.id = o.conversation_id
  where o.id = :op`);

/** For operations that are known by a key of their own: their marker only lives inside the batch. */
export const FORGET: string = statement("delete from ownline_ops where id = :op");

/** What reads an answer with a conversation. */
export const READ_ANSWER: readonly string[] = [READ_OPERATION, READ_MESSAGES, READ_CONVERSATION];
