import { PRIMARY_KEYS, type Table } from "../../src/storage/ledger/rows.ts";
import { columnOf } from "../../src/storage/sql/columns.ts";
import type { SqlValue } from "../../src/storage/sql/driver.ts";
import type { CorruptedRow, RowName } from "../../src/testing/contracts/storage.ts";

/** A statement with a `?` for each value. Those that return rows begin with `select`. */
export type RunSql = (sql: string, values: readonly SqlValue[]) => Promise<readonly { readonly value: SqlValue }[]>;

/** Beyond what JavaScript's numbers hold: node:sqlite throws where it meets it. */
const TOO_LARGE = "1152921504606846977";

/** What another program may leave in a column, as SQL: broken JSON, a word of no set, a number that is none. */
const BREAKS: { readonly [table: string]: readonly [column: string, value: string] } = {
  conversations: ["fence", TOO_LARGE],
  messages: ["media", "'[{'"],
  attempts: ["error", "'{'"],
  events: ["raw_status", "'{'"],
  turns: ["error", "'{'"],
  keys: ["attempt", TOO_LARGE],
  consents: ["state", "'maybe'"],
  counters: ["ends_at", TOO_LARGE],
  rateLimits: ["epoch", TOO_LARGE],
  workers: ["written_at", TOO_LARGE],
  answers: ["answer", "'{'"],
};

/** Breaks a row of a ledger in SQL. `prefix`: of its tables. */
export async function corruptSql(run: RunSql, { table, id }: RowName, prefix = "ownline_"): Promise<CorruptedRow> {
  const [column, value] = BREAKS[table] ?? [];
  if (column === undefined || value === undefined) throw new Error(`Nothing is known that breaks a row of ${table}.`);
  const name = `${prefix}${columnOf(table)}`;
  const fields = isTable(table) ? PRIMARY_KEYS[table].map(columnOf) : ["call"];
  const where = fields.map((field) => `cast(${field} as text) = ?`).join(" and ");
  const key = fields.length === 1 ? [id] : id.split(" ");
  const [before] = await run(`select ${column} as value from ${name} where ${where}`, key);
  if (before === undefined) throw new Error(`There is no row ${id} in ${table}.`);
  await run(`update ${name} set ${column} = ${value} where ${where}`, key);
  return {
    column,
    mend: async () => void (await run(`update ${name} set ${column} = ? where ${where}`, [before.value, ...key])),
  };
}

function isTable(table: string): table is Table {
  return table in PRIMARY_KEYS;
}
