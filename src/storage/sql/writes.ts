import type { Changes } from "../database.ts";
import { PRIMARY_KEYS } from "../ledger/rows.ts";
import { COLUMNS, type Column, TABLE_NAMES, type Written } from "./columns.ts";
import type { SqlStatement } from "./driver.ts";
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

/** Rows whose version rises with each change. */
const VERSIONED: ReadonlySet<Written> = new Set(["conversations", "consents", "rateLimits", "sweeps"]);

/** The statements that write what a decision changed. Rows travel as one JSON parameter, however many they are. */
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
  for (const { workerId, until } of alive) statements.push({ sql: ALIVE, params: [keepable(workerId), until] });
  for (const { call, answer, conversationIds } of answers) {
    const [only = null] = conversationIds.length === 1 ? conversationIds : [];
    const list = conversationIds.length > 1 ? JSON.stringify(conversationIds) : null;
    statements.push({ sql: STORE, params: [keepable(call), now, answer, only, list] });
  }
  return statements;
}

/** Opens the counter's window where none is open. */
const CHARGE = prepare(
  oneLine(`
    insert into ownline_counters (key, charged, ends_at) values (:key, :charge, :endsAt)
    on conflict (key) do update set
      charged = case when ends_at > :now then charged + excluded.charged else excluded.charged end,
      ends_at = case when ends_at > :now then ends_at else excluded.ends_at end`),
);

const ALIVE = oneLine(`
  insert into ownline_workers (id, alive_until) values (?, ?)
  on conflict (id) do update set alive_until = max(alive_until, excluded.alive_until)`);

const STORE =
  "insert into ownline_answers (call, at, answer, conversation_id, conversation_ids) values (?, ?, ?, ?, ?)";

const inserts = new Map<Written, string>();

function insert(table: Written, rows: readonly object[]): SqlStatement {
  const columns = COLUMNS[table];
  const known = inserts.get(table);
  const sql = known ?? insertText(table, columns);
  inserts.set(table, sql);
  const kept = rows.map((row) => {
    const fields = new Map<string, unknown>(Object.entries(row));
    return columns.map((column) => (column.field === "version" ? 1 : keep(column, fields.get(column.field))));
  });
  return { sql, params: [JSON.stringify(kept)] };
}

function insertText(table: Written, columns: readonly Column[]): string {
  const names = columns.map(({ column }) => column).join(", ");
  const values = columns.map((_, index) => `value ->> ${index}`).join(", ");
  return `insert into ${TABLE_NAMES[table]} (${names}) select ${values} from json_each(?) where true`;
}

/** One statement for all rows of which the same fields changed. */
function updates(table: Written, patches: readonly object[]): SqlStatement[] {
  const byShape = new Map<string, Map<string, unknown>[]>();
  for (const patch of patches) {
    const fields = new Map<string, unknown>(Object.entries(patch));
    const shape = [...fields.keys()].toSorted().join();
    const alike = byShape.get(shape);
    if (alike === undefined) byShape.set(shape, [fields]);
    else alike.push(fields);
  }
  return Array.from(byShape.values(), (rows) => update(table, rows));
}

const updateTexts = new Map<string, string>();

function update(table: Written, rows: readonly ReadonlyMap<string, unknown>[]): SqlStatement {
  const names: readonly string[] = PRIMARY_KEYS[table];
  const fields = COLUMNS[table].filter(({ field }) => rows[0]?.has(field) === true && field !== "version");
  const shape = `${table} ${fields.map(({ field }) => field).join()}`;
  const sql = updateTexts.get(shape) ?? updateText(table, fields, names);
  updateTexts.set(shape, sql);
  const kept = rows.map((row) => fields.map((column) => keep(column, row.get(column.field))));
  return { sql, params: [JSON.stringify(kept)] };
}

function updateText(table: Written, fields: readonly Column[], names: readonly string[]): string {
  const value = (index: number): string => `j.value ->> ${index}`;
  const sets: string[] = [];
  const conditions: string[] = [];
  for (const [index, { field, column }] of fields.entries()) {
    if (names.includes(field)) conditions.push(`t.${column} = ${value(index)}`);
    else sets.push(`${column} = ${value(index)}`);
  }
  if (VERSIONED.has(table)) sets.push("version = version + 1");
  return `update ${TABLE_NAMES[table]} as t set ${sets.join(", ")} from json_each(?) j where ${conditions.join(" and ")}`;
}

/**
 * A field as its column keeps it.
 *
 * @throws OwnlineError `invalid_message` for an id, key or address that SQL text cannot keep
 */
function keep({ kept }: Column, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  switch (kept) {
    case "text":
      return typeof value === "string" ? keepable(value) : value;
    case "integer":
      // A duration may be a fraction of a millisecond.
      return typeof value === "number" ? Math.ceil(value) : value;
    case "boolean":
      return value === true ? 1 : 0;
    case "json":
      return JSON.stringify(value);
    default:
      return kept satisfies never;
  }
}
