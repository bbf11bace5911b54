import type { Changes, Charge, Guard } from "../database.ts";
import { PRIMARY_KEYS } from "../ledger/rows.ts";
import { COLUMNS, TABLE_NAMES, type Written } from "../sql/columns.ts";
import { keepable } from "../sql/statement.ts";
import { keep } from "../sql/writes.ts";
import { FUNCTION_SETTINGS } from "./statements.ts";

/** A decision that is older is made anew: its clock is not the database's any more. */
const OLDEST_MS = 5_000;

/** What the function raises where a counter has no room left when everything else is written. */
const FULL = "OWN01";

/** How rows of a table are ordered when they are inserted: two calls that insert the same rows wait, and do not deadlock. */
const INSERT_ORDER: { readonly [T in Written]: string } = {
  keys: "r.kind, r.key",
  conversations: "r.participant, r.line",
  consents: "r.key",
  rateLimits: "r.key",
  sweeps: "r.sender",
  messages: "r.id",
  attempts: "r.outbound_id, r.attempt",
  events: "r.outbound_id, r.attempt, r.position",
  turns: "r.id",
};

const WRITTEN: readonly Written[] = [
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

/** Rows whose version rises with each change. */
const VERSIONED: ReadonlySet<Written> = new Set(["conversations", "consents", "rateLimits", "sweeps"]);

function insertText(table: Written): string {
  const columns = COLUMNS[table].map(({ column }) => column);
  const values = columns.map((column) => (column === "version" ? "1" : `r.${column}`));
  const name = TABLE_NAMES[table];
  return `if p #> '{insert,${table}}' is not null then
    insert into ${name} (${columns.join(", ")}) select ${values.join(", ")}
    from jsonb_populate_recordset(null::${name}, p #> '{insert,${table}}') r order by ${INSERT_ORDER[table]};
  end if;`;
}

/** A column that a patch does not name stays as it is: the row is populated over itself. */
function updateText(table: Written): string {
  const names = PRIMARY_KEYS[table].map((field) => columnOf(table, field));
  const columns = COLUMNS[table].map(({ column }) => column).filter((column) => !isOneOf(names, column));
  const plain = columns.filter((column) => column !== "version");
  const [first = ""] = names;
  const key = names.map((column) => `t.${column}`).join(" || ' ' || ");
  const version = VERSIONED.has(table) ? ", version = t.version + 1" : "";
  return `patches := p #> '{update,${table}}';
  if patches is not null then
    update ${TABLE_NAMES[table]} t set (${plain.join(", ")}) = (
      select ${plain.map((column) => `x.${column}`).join(", ")} from jsonb_populate_record(t, patches -> (${key})) x)${version}
    where t.${first} = any (array(select e.value ->> '${first}' from jsonb_each(patches) e))${
      names.length > 1 ? ` and patches ? (${key})` : ""
    };
  end if;`;
}

function columnOf(table: Written, field: string): string {
  return COLUMNS[table].find((column) => column.field === field)?.column ?? field;
}

function isOneOf(list: readonly string[], one: string): boolean {
  return list.includes(one);
}

/** Checks that rows are as they were loaded. What was not there has no entry, and must have none. */
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

/** Locked until the call is committed. */
const locked = (table: string, column: string, version = "version"): string =>
  `${versions(table, column, version)} order by t.${column} for no key update`;

/**
 * Takes locks, checks that everything is as it was loaded, and writes, all in one statement of its own transaction.
 * Returns what has moved, and then has written nothing; `null` where it has written.
 *
 * The order of the locks is that of the statements: consents, conversations, rate limits, sweeps, workers, then the new
 * rows (keys first), and last what many callers charge at once, so that they wait for no more than the commit.
 */
export const APPLY: readonly string[] = [
  `create function ownline_1_apply(p jsonb) returns jsonb language plpgsql ${FUNCTION_SETTINGS} as $body$
declare
  moment bigint := (p ->> 'now')::bigint;
  moved jsonb := '[]';
  expected jsonb;
  present jsonb;
  patches jsonb;
  charged integer;
begin
  -- A row lock needs a row, and of most people no consent is filed.
  if p ? 'consents' then
    perform case when l.is_written then pg_advisory_xact_lock(l.id) else pg_advisory_xact_lock_shared(l.id) end
    from (
      select hashtextextended('ownline consent ' || c.key, 0) as id, bool_or(c.is_written) as is_written
      from jsonb_to_recordset(p -> 'consents') as c(key text, is_written boolean) group by 1 order by 1 offset 0) l;
  end if;
  ${guardText("conversation", locked("conversations", "id"))}
  -- One that is only read is not locked: it may be hot, and a change of it by another call comes after this one then.
  if p #> '{update,rateLimits}' is not null then
    perform 1 from ownline_rate_limits t where t.key = any (array(select jsonb_object_keys(p #> '{update,rateLimits}')))
      order by t.key for no key update;
  end if;
  ${guardText("rateLimit", versions("rate_limits", "key", "version"))}
  ${guardText("sweep", locked("sweeps", "sender"))}
  ${guardText("worker", locked("workers", "id", "alive_until"))}
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
        where c.line = n.key::jsonb ->> 0 and c.participant = n.key::jsonb ->> 1 limit 1)`,
  )}
  ${guardText(
    "call",
    `select a.call as key, 0 as version from ownline_answers a
      where a.call = any (array(select jsonb_array_elements_text(expected -> 'names')))`,
  )}
  if floor(extract(epoch from clock_timestamp()) * 1000)::bigint - (p ->> 'clock')::bigint > ${OLDEST_MS} then
    moved := moved || '["age"]';
  end if;
  if moved <> '[]' then return moved; end if;

  if p ? 'answers' then
    insert into ownline_answers (call, at, answer, conversation_id, conversation_ids)
    select r.call, moment, r.answer, r.conversation_id, r.conversation_ids
    from jsonb_populate_recordset(null::ownline_answers, p -> 'answers') r order by r.call;
  end if;
  if p ? 'insert' then
    ${WRITTEN.map(insertText).join("\n    ")}
  end if;
  ${WRITTEN.filter((table) => table !== "keys")
    .map(updateText)
    .join("\n  ")}
  if p ? 'charges' then
    insert into ownline_counters as k (key, charged, ends_at)
    select c.key, c.charge, c.ends_at
    from jsonb_to_recordset(p -> 'charges') as c(key text, charge double precision, ends_at bigint) order by c.key
    on conflict (key) do update set
      charged = case when k.ends_at > moment then k.charged + excluded.charged else excluded.charged end,
      ends_at = case when k.ends_at > moment then k.ends_at else excluded.ends_at end
    where k.ends_at <= moment or k.charged <= (p -> 'rooms' ->> k.key)::double precision;
    get diagnostics charged = row_count;
    if charged < jsonb_array_length(p -> 'charges') then
      raise exception 'A counter is full.' using errcode = '${FULL}';
    end if;
  end if;
  if p ? 'alive' then
    insert into ownline_workers as w (id, alive_until)
    select a.id, a.alive_until from jsonb_to_recordset(p -> 'alive') as a(id text, alive_until bigint) order by a.id
    on conflict (id) do update set alive_until = excluded.alive_until where w.alive_until < excluded.alive_until;
  end if;
  return null;
end
$body$`,
];

/** The parameter of the function. `clock`: the database's, when the rows were loaded. */
export function writeOf(changes: Changes, { now, clock }: { readonly now: number; readonly clock: number }): object {
  const { guards, charges, alive, answers } = changes;
  const inserted = WRITTEN.flatMap((table) => {
    const rows = changes.inserted[table] ?? [];
    return rows.length === 0 ? [] : [[table, rows.map((row) => newRow(table, row))] as const];
  });
  const updated = WRITTEN.flatMap((table) => {
    const rows = changes.updated[table] ?? [];
    return rows.length === 0 ? [] : [[table, Object.fromEntries(rows.map((row) => patchOf(table, row)))] as const];
  });
  return {
    now,
    clock,
    ...some("consents", lockedConsents(changes, guards)),
    guards: guardsIn(guards),
    ...some(
      "answers",
      answers.map(({ call, answer, conversationIds }) => ({
        call,
        answer,
        ...(conversationIds.length === 1 ? { conversation_id: conversationIds[0] } : {}),
        ...(conversationIds.length > 1 ? { conversation_ids: conversationIds } : {}),
      })),
    ),
    ...(inserted.length > 0 ? { insert: Object.fromEntries(inserted) } : {}),
    ...(updated.length > 0 ? { update: Object.fromEntries(updated) } : {}),
    ...chargesIn(charges, now),
    ...some(
      "alive",
      alive.map(({ workerId, until }) => ({ id: keepable(workerId), alive_until: Math.ceil(until) })),
    ),
  };
}

function some(name: string, list: readonly unknown[]): { readonly [name: string]: unknown } {
  return list.length === 0 ? {} : { [name]: list };
}

/** A call that reads a consent shares its lock, found or not. A call that writes it, or stops messages under it, has the lock alone. */
function lockedConsents(
  { inserted, updated }: Changes,
  guards: readonly Guard[],
): readonly { key: string; is_written: boolean }[] {
  const written = new Set([...(inserted.consents ?? []), ...(updated.consents ?? [])].map(({ key }) => key));
  for (const { on, key } of guards) if (on === "filed") written.add(key);
  const read = guards.flatMap(({ on, key }) => (on === "consent" ? [key] : []));
  return Array.from(new Set([...read, ...written]), (key) => ({ key, is_written: written.has(key ?? "") })).flatMap(
    ({ key, is_written }) => (key === undefined ? [] : [{ key, is_written }]),
  );
}

interface Expected {
  readonly names: string[];
  readonly rows: Record<string, number>;
}

function guardsIn(guards: readonly Guard[]): Readonly<Record<string, Expected>> {
  const found: Record<string, Expected> = {};
  for (const { on, key, version } of guards) {
    const expected = found[on] ?? { names: [], rows: {} };
    found[on] = expected;
    expected.names.push(key);
    if (version !== null) expected.rows[key] = version;
  }
  return found;
}

function newRow(table: Written, row: object): object {
  const fields = new Map<string, unknown>(Object.entries(row));
  const kept: Record<string, unknown> = {};
  for (const column of COLUMNS[table]) {
    const value = fields.get(column.field);
    if (value !== null && value !== undefined) kept[column.column] = keep(column, value);
  }
  return kept;
}

/** A patch by the name of its row. */
function patchOf(table: Written, row: object): readonly [string, object] {
  const fields = new Map<string, unknown>(Object.entries(row));
  const kept: Record<string, unknown> = {};
  for (const column of COLUMNS[table]) {
    if (fields.has(column.field) && column.field !== "version")
      kept[column.column] = keep(column, fields.get(column.field));
  }
  return [PRIMARY_KEYS[table].map((field) => String(fields.get(field))).join(" "), kept];
}

/**
 * Charges of one counter are added up. They were judged one after the other, so there is room for all of them while no
 * more is charged than the least that any of them left.
 */
function chargesIn(charges: readonly Charge[], now: number): object {
  if (charges.length === 0) return {};
  const sums = new Map<string, { charge: number; room: number; windowMs: number }>();
  for (const { key, charge, max, windowMs } of charges) {
    const sum = sums.get(key) ?? { charge: 0, room: Number.MAX_VALUE, windowMs };
    sum.charge += charge;
    sum.room = Math.min(sum.room, max - sum.charge);
    sums.set(key, sum);
  }
  return {
    charges: Array.from(sums, ([key, { charge, windowMs }]) => ({ key, charge, ends_at: Math.ceil(now + windowMs) })),
    rooms: Object.fromEntries(Array.from(sums, ([key, { room }]) => [key, room])),
  };
}

/** What has moved since it was loaded; empty where everything was written. */
export function movedIn(told: unknown): readonly string[] {
  return Array.isArray(told) ? told.map(String) : [];
}

/** Whether everything was undone since a counter was full, or since another process was in the way. */
export function isUndone(error: unknown): boolean {
  const { code } = codeOf(error);
  return code === FULL || code === "40001" || code === "40P01";
}

/** Which row was there already that the changes insert; `null` where the error is another one. */
export function takenIn(error: unknown): string | null {
  const { code, constraint, detail } = codeOf(error);
  return code === "23505" ? `${constraint} ${detail}` : null;
}

/** What the server says of an error (https://www.postgresql.org/docs/current/protocol-error-fields.html). */
function codeOf(error: unknown): { readonly code?: unknown; readonly constraint?: unknown; readonly detail?: unknown } {
  return typeof error === "object" && error !== null ? error : {};
}
