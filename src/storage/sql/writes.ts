import type { Changes } from "../database.ts";
import { PRIMARY_KEYS } from "../ledger/rows.ts";
import { COLUMNS, type Column, isVersioned, TABLE_NAMES, type Written } from "./columns.ts";
import { isAhead, isOpenWindow } from "./conditions.ts";
import type { SqlStatement, SqlValue } from "./driver.ts";
import { bind, keepable, oneLine, prepare } from "./statement.ts";

const WRITTEN: readonly Written[] = [
  "conversations",
  "messages",
  "attempts",
  "events",
  "turns",
  "keys",
  "consents",
  "rateLimits",
  "sweeps",
];

/** The statements that write the changes of a decision. */
export function writesOf(changes: Changes, now: number): SqlStatement[] {
  const { inserted, updated, charges, alive, answers } = changes;
  const statements: SqlStatement[] = [];
  for (const table of WRITTEN) {
    const rows = inserted[table] ?? [];
    if (rows.length > 0) statements.push(insert(table, rows));
  }
  for (const table of WRITTEN) statements.push(...updates(table, updated[table] ?? []));
  for (const { key, charge, windowMs } of charges) {
    statements.push(bind(CHARGE, { key, charge, endsAt: Math.ceil(now + windowMs), now }));
  }
  for (const { workerId, scope, until } of alive) {
    statements.push({ sql: ALIVE, params: [keepable(workerId), scope, until, now] });
  }
  for (const { call, answer, conversationIds } of answers) {
    const [only = null] = conversationIds.length === 1 ? conversationIds : [];
    const list = conversationIds.length > 1 ? JSON.stringify(conversationIds) : null;
    statements.push({ sql: STORE, params: [keepable(call), now, answer, only, list] });
  }
  return statements;
}

const IS_OPEN = isOpenWindow("k", "excluded.written_at");

/** Charges a counter, and opens its window if none is open. */
const CHARGE = prepare(
  oneLine(`
    insert into ownline_counters as k (key, charged, ends_at, written_at) values (:key, :charge, :endsAt, :now)
    on conflict (key) do update set
      charged = case when ${IS_OPEN} then charged + excluded.charged else excluded.charged end,
      ends_at = case when ${IS_OPEN} then ends_at else excluded.ends_at end,
      written_at = case when ${IS_OPEN} then written_at else excluded.written_at end`),
);

const ALIVE = oneLine(`
  insert into ownline_workers as w (id, scope, alive_until, written_at) values (?, ?, ?, ?)
  on conflict (id) do update set alive_until = excluded.alive_until, written_at = excluded.written_at
    where w.alive_until < excluded.alive_until or ${isAhead("w", "excluded.written_at")}`);

const STORE =
  "insert into ownline_answers (call, at, answer, conversation_id, conversation_ids) values (?, ?, ?, ?, ?)";

type Fields = ReadonlyMap<string, unknown>;

/** SQL texts by table, changed fields, and whether they write one row or a list. */
const texts = new Map<string, string>();

function textFor(name: string, make: () => string): string {
  const text = texts.get(name) ?? make();
  texts.set(name, text);
  return text;
}

/*
 * One row is passed as parameters. Several rows are passed as one JSON list, because D1 allows only 100 parameters.
 */

function insert(table: Written, rows: readonly object[]): SqlStatement {
  const columns = COLUMNS[table];
  const isOne = rows.length === 1;
  const sql = textFor(`insert ${table} ${isOne}`, () => insertText(table, columns, isOne));
  return { sql, params: paramsOf(columns, rows.map(fieldsOf)) };
}

function insertText(table: Written, columns: readonly Column[], isOne: boolean): string {
  const into = `insert into ${TABLE_NAMES[table]} (${columns.map(({ column }) => column).join(", ")})`;
  if (isOne) return `${into} values (${columns.map(() => "?").join(", ")})`;
  return `${into} select ${columns.map((_, index) => `value ->> ${index}`).join(", ")} from json_each(?) where true`;
}

/** One statement for all rows in which the same fields changed. */
function updates(table: Written, patches: readonly object[]): SqlStatement[] {
  const byShape = new Map<string, Fields[]>();
  for (const patch of patches) {
    const fields = fieldsOf(patch);
    const shape = [...fields.keys()].toSorted().join();
    const alike = byShape.get(shape);
    if (alike === undefined) byShape.set(shape, [fields]);
    else alike.push(fields);
  }
  return Array.from(byShape.values(), (rows) => update(table, rows));
}

function update(table: Written, rows: readonly Fields[]): SqlStatement {
  const names: readonly string[] = PRIMARY_KEYS[table];
  const given = COLUMNS[table].filter(({ field }) => rows[0]?.has(field) === true && field !== "version");
  const changed = given.filter(({ field }) => !names.includes(field));
  const columns = [...changed, ...given.filter(({ field }) => names.includes(field))];
  const isOne = rows.length === 1;
  const shape = columns.map(({ field }) => field).join();
  const sql = textFor(`update ${table} ${shape} ${isOne}`, () => updateText(table, columns, changed.length, isOne));
  return { sql, params: paramsOf(columns, rows) };
}

/** The first columns are set; the others are the primary key. */
function updateText(table: Written, columns: readonly Column[], changed: number, isOne: boolean): string {
  const values = columns.map(({ column }, index) => `${column} = ${isOne ? "?" : `j.value ->> ${index}`}`);
  const sets = values.slice(0, changed);
  if (isVersioned(table)) sets.push("version = version + 1");
  const list = isOne ? "" : " from json_each(?) j";
  const conditions = values.slice(changed).map((condition) => `t.${condition}`);
  return `update ${TABLE_NAMES[table]} as t set ${sets.join(", ")}${list} where ${conditions.join(" and ")}`;
}

function fieldsOf(row: object): Fields {
  return new Map<string, unknown>(Object.entries(row));
}

function paramsOf(columns: readonly Column[], rows: readonly Fields[]): SqlValue[] {
  const lists = rows.map((row) =>
    columns.map((column) => (column.field === "version" ? 1 : keep(column, row.get(column.field)))),
  );
  const [only = []] = lists;
  return lists.length === 1 ? only : [JSON.stringify(lists)];
}

/**
 * The value of a field in the form of its column.
 *
 * @throws OwnlineError `invalid_message` for an id, key or address that SQL text cannot store
 */
export function keep({ column, storedAs }: Column, value: unknown): SqlValue {
  if (value === null || value === undefined) return null;
  switch (storedAs) {
    case "text":
      if (typeof value !== "string") throw new TypeError(`The column ${column} stores text.`);
      return keepable(value);
    case "integer":
      if (typeof value !== "number") throw new TypeError(`The column ${column} stores numbers.`);
      // Rounded up, because a duration may have a fraction of a millisecond.
      return Math.ceil(value);
    case "boolean":
      return value === true ? 1 : 0;
    case "json":
      return JSON.stringify(value);
    default:
      return storedAs satisfies never;
  }
}
