import { PRIMARY_KEYS } from "../ledger/rows.ts";
import { OLDEST_DECISION_MS, ROWS_A_HEARTBEAT, STORED_FOR_MS } from "../ledger/rules/limits.ts";
import { COLUMNS, isVersioned, type StoredAs, TABLE_NAMES, type Written } from "../sql/columns.ts";
import { isAhead, isLaterThanRight, isOpenWindow } from "../sql/conditions.ts";
import { FULL, PRECEDED } from "./conflicts.ts";
import { FUNCTION_SETTINGS } from "./statements.ts";

/**
 * The order in which rows of a table are inserted. If two calls insert the same rows in the same order, one waits for
 * the other, and they do not deadlock.
 */
const INSERT_ORDER: { readonly [T in Written]: string } = {
  keys: "r.kind, r.key",
  conversations: "r.participant_key, r.line",
  consents: "r.key",
  rateLimits: "r.key",
  sweeps: "r.sender",
  messages: "r.id",
  attempts: "r.outbound_id, r.attempt",
  events: "r.outbound_id, r.attempt, r.position",
  turns: "r.id",
};

/** The order in which the tables are inserted into. */
export const WRITTEN: readonly Written[] = [
  "keys",
  "conversations",
  "consents",
  "rateLimits",
  "sweeps",
  "messages",
  "attempts",
  "events",
  "turns",
];

/**
 * Tables of which the load may have found a row to be absent, with their key columns. The insertion itself checks the
 * absence. If another process is inserting the same row, the insertion waits for it and then finds its row.
 */
const ABSENT: { readonly [T in Written]?: string } = {
  keys: "kind, key",
  conversations: "participant_key, line",
  rateLimits: "key",
  sweeps: "sender",
};

function insertText(table: Written): string {
  const columns = COLUMNS[table].map(({ column }) => column);
  const values = columns.map((column) => (column === "version" ? "1" : `r.${column}`));
  const name = TABLE_NAMES[table];
  const names = ABSENT[table];
  return `added := p #> '{insert,${table}}';
  if added is not null then
    insert into ${name} (${columns.join(", ")}) select ${values.join(", ")}
    from jsonb_populate_recordset(null::${name}, added) r order by ${INSERT_ORDER[table]}${
      names === undefined ? "" : ` on conflict (${names}) do nothing`
    };
    ${names === undefined ? "" : raiseUnlessAll(table)}
  end if;`;
}

/**
 * Raises an exception if another process has inserted one of the rows. Only an exception undoes the rows that this call
 * has inserted.
 */
function raiseUnlessAll(table: string): string {
  return `get diagnostics written = row_count;
    if written < jsonb_array_length(added) then
      raise exception 'Another process was first: ${table}.' using errcode = '${PRECEDED}';
    end if;`;
}

/** Updates rows by their patches. A column that a patch does not name keeps its value. */
function updateText(table: Written): string {
  const names = PRIMARY_KEYS[table].map((field) => columnOf(table, field));
  const [first = ""] = names;
  const key = names.map((column) => `t.${column}`).join(" || ' ' || ");
  const patch = `(patches -> (${key}))`;
  const sets = COLUMNS[table]
    .filter(({ column }) => column !== "version" && !isOneOf(names, column))
    .map(({ column, storedAs }) => {
      const value = `(${patch} ->> '${column}')${CASTS[storedAs]}`;
      return `${column} = case when ${patch} ? '${column}' then ${value} else t.${column} end`;
    });
  if (isVersioned(table)) sets.push("version = t.version + 1");
  return `patches := p #> '{update,${table}}';
  if patches is not null then
    update ${TABLE_NAMES[table]} t set ${sets.join(", ")}
    where t.${first} = any (array(select e.value ->> '${first}' from jsonb_each(patches) e))${
      names.length > 1 ? ` and patches ? (${key})` : ""
    };
  end if;`;
}

/** How the text of a patch becomes the value of a column. */
const CASTS: { readonly [K in StoredAs]: string } = { text: "", json: "", integer: "::bigint", boolean: "::boolean" };

function columnOf(table: Written, field: string): string {
  return COLUMNS[table].find((column) => column.field === field)?.column ?? field;
}

function isOneOf(list: readonly string[], one: string): boolean {
  return list.includes(one);
}

/**
 * Checks that rows have the versions that were loaded. A row that was absent has no entry in `rows`, and must still be
 * absent.
 */
function guardText(on: string, present: string): string {
  return `expected := p #> '{guards,${on}}';
  if expected is not null then
    select coalesce(jsonb_object_agg(l.key, l.version), '{}') into present from (${present}) l;
    if present <> expected -> 'rows' then
      moved := moved || coalesce((
        select jsonb_agg('${on} ' || n.key) from jsonb_array_elements_text(expected -> 'names') n(key)
        where present -> n.key is distinct from expected -> 'rows' -> n.key), '[]');
    end if;
  end if;`;
}

const versions = (table: string, column: string, version: string): string =>
  `select t.${column} as key, t.${version} as version from ownline_${table} t
      where t.${column} = any (array(select jsonb_array_elements_text(expected -> 'names')))`;

/** The versions of rows, locked until the call commits. */
const locked = (table: string, column: string, version = "version"): string =>
  `${versions(table, column, version)} order by t.${column} for no key update`;

/**
 * Locks the workers in the order in which they are inserted. So two heartbeats that reclaim from each other do not
 * deadlock.
 */
const LOCK_WORKERS = `perform 1 from ownline_workers w where w.id = any (array(
      select jsonb_array_elements_text(p #> '{guards,worker,names}') union all
      select a.value ->> 'id' from jsonb_array_elements(p -> 'alive') a))
    order by w.id for no key update;`;

const IS_OPEN = isOpenWindow("k", "moment");

/**
 * Deletes old stored answers, and workers that hold nothing and expired over an hour ago. It skips locked rows. An
 * answer that a clock ahead stored gets the present time, so that it is deleted after the usual time.
 */
export function pruneText(limit: string): string {
  return `update ownline_answers a set at = moment where a.call = any (array(
    select f.call from ownline_answers f where ${isLaterThanRight("f.at", "moment")} order by f.at desc limit ${limit}
    for update skip locked));
  delete from ownline_answers a where a.call = any (array(
    select f.call from ownline_answers f where f.at < moment - ${STORED_FOR_MS} order by f.at limit ${limit}
    for update skip locked));
  delete from ownline_workers w where w.id = any (array(
    select f.id from ownline_workers f where f.alive_until < moment - ${STORED_FOR_MS}
      and (select true from ownline_conversations c where c.lease_worker = f.id limit 1) is null
      and (select true from ownline_attempts a where a.worker = f.id limit 1) is null
    order by f.alive_until limit ${limit} for update skip locked));`;
}

/**
 * Takes locks, checks the guards, and writes, all in one statement that is its own transaction. Returns `null` if it
 * has written. Otherwise returns the guards that no longer hold, and has written nothing.
 *
 * The locks are taken in the order of the statements: consents, conversations, rate limits, sweeps, workers, then the
 * new rows (stored answers first, then keys). Counters come last: many calls charge them at once, and then wait only
 * for the commit. Deletions of old rows skip locked rows.
 */
export const APPLY: readonly string[] = [
  `create function ownline_1_apply(p jsonb) returns jsonb language plpgsql ${FUNCTION_SETTINGS} as $body$
declare
  moment bigint := (p ->> 'now')::bigint;
  moved jsonb := '[]';
  expected jsonb;
  present jsonb;
  patches jsonb;
  added jsonb;
  consent jsonb;
  locked text;
  written integer;
begin
  -- Advisory locks, because most people have no consent row that could be locked. Assignments cost less than a query.
  for i in 0 .. coalesce(jsonb_array_length(p -> 'consents'), 0) - 1 loop
    consent := p -> 'consents' -> i;
    if (consent ->> 'is_written')::boolean then
      locked := pg_advisory_xact_lock(hashtextextended('ownline consent ' || (consent ->> 'key'), 0))::text;
    else
      locked := pg_advisory_xact_lock_shared(hashtextextended('ownline consent ' || (consent ->> 'key'), 0))::text;
    end if;
  end loop;
  ${guardText("conversation", locked("conversations", "id"))}
  -- One that is only read is not locked: it may be hot, and a change of it by another call comes after this one then.
  if p #> '{update,rateLimits}' is not null then
    perform 1 from ownline_rate_limits t where t.key = any (array(select jsonb_object_keys(p #> '{update,rateLimits}')))
      order by t.key for no key update;
  end if;
  ${guardText("rateLimit", versions("rate_limits", "key", "version"))}
  ${guardText("sweep", locked("sweeps", "sender"))}
  if p #> '{guards,worker}' is not null then
    ${LOCK_WORKERS}
  end if;
  ${guardText("worker", versions("workers", "id", "alive_until"))}
  ${guardText("consent", versions("consents", "key", "version"))}
  ${guardText(
    "filed",
    `select n.key, (select count(*) from ownline_conversations c where c.consent_key = n.key) as version
      from jsonb_array_elements_text(expected -> 'names') n(key)`,
  )}
  ${guardText(
    "key",
    `select n.key, 0 as version from jsonb_array_elements_text(expected -> 'names') n(key)
      where (select true from ownline_keys k
        where k.kind = n.key::jsonb ->> 0 and k.key = n.key::jsonb ->> 1 limit 1)`,
  )}
  ${guardText(
    "address",
    `select n.key, 0 as version from jsonb_array_elements_text(expected -> 'names') n(key)
      where (select true from ownline_conversations c
        where c.line = n.key::jsonb ->> 0 and c.participant_key = n.key::jsonb ->> 1 limit 1)`,
  )}
  ${guardText(
    "call",
    `select a.call as key, 0 as version from ownline_answers a
      where a.call = any (array(select jsonb_array_elements_text(expected -> 'names')))`,
  )}
  if floor(extract(epoch from clock_timestamp()) * 1000)::bigint - (p ->> 'clock')::bigint > ${OLDEST_DECISION_MS} then
    moved := moved || '["age"]';
  end if;
  if moved <> '[]' then return moved; end if;

  if p ? 'alive' then
    insert into ownline_workers as w (id, scope, alive_until, written_at)
    select a.id, a.scope, a.alive_until, moment
    from jsonb_to_recordset(p -> 'alive') as a(id text, scope text, alive_until bigint) order by a.id
    on conflict (id) do update set alive_until = excluded.alive_until, written_at = excluded.written_at
    where w.alive_until < excluded.alive_until or ${isAhead("w", "moment")};
  end if;
  added := p -> 'answers';
  if added is not null then
    insert into ownline_answers (call, at, answer, conversation_id, conversation_ids)
    select r.call, moment, r.answer, r.conversation_id, r.conversation_ids
    from jsonb_populate_recordset(null::ownline_answers, added) r order by r.call on conflict (call) do nothing;
    ${raiseUnlessAll("answers")}
  end if;
  if p ? 'insert' then
    ${WRITTEN.map(insertText).join("\n    ")}
  end if;
  if p ? 'update' then
    ${WRITTEN.filter((table) => table !== "keys")
      .map(updateText)
      .join("\n    ")}
  end if;
  added := p -> 'charges';
  if added is not null then
    insert into ownline_counters as k (key, charged, ends_at, written_at)
    select c.key, c.charge, c.ends_at, moment
    from jsonb_to_recordset(added) as c(key text, charge double precision, ends_at bigint) order by c.key
    on conflict (key) do update set
      charged = case when ${IS_OPEN} then k.charged + excluded.charged else excluded.charged end,
      ends_at = case when ${IS_OPEN} then k.ends_at else excluded.ends_at end,
      written_at = case when ${IS_OPEN} then k.written_at else excluded.written_at end
    where not (${IS_OPEN}) or k.charged <= (p -> 'rooms' ->> k.key)::double precision;
    get diagnostics written = row_count;
    if written < jsonb_array_length(added) then
      raise exception 'A counter is full.' using errcode = '${FULL}';
    end if;
  end if;
  if p ? 'prunes' then
    ${pruneText(String(ROWS_A_HEARTBEAT))}
  end if;
  return null;
end
$body$`,
];
