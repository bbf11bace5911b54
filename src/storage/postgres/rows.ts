import type { SqlRow } from "../sql/driver.ts";
import { record } from "../sql/fields.ts";

/** Turns a JSON row into the form that the shared mapping reads. PostgreSQL has booleans where SQLite has numbers. */
export function rowOf(value: unknown): SqlRow {
  return plain(record(value, "row"));
}

/** A JSON list of rows; `null` for none. */
export function rowsOf(value: unknown): readonly SqlRow[] {
  return listIn(value).map(plain);
}

/** A list in the database's JSON. Its entries are not checked, because only the ledger's own statements make it. */
export function listIn<Entry = SqlRow>(value: unknown): readonly Entry[] {
  return Array.isArray(value) ? value : [];
}

function plain(row: SqlRow): SqlRow {
  if (typeof row.paused === "boolean") return { ...row, paused: Number(row.paused) };
  if (typeof row.provider_blocks === "boolean") return { ...row, provider_blocks: Number(row.provider_blocks) };
  if (typeof row.needs_answer === "boolean") return { ...row, needs_answer: Number(row.needs_answer) };
  return row;
}
