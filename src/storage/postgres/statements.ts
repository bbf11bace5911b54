import { CLAIMABLE, isAhead, isLaterThanRight, qualified } from "../sql/conditions.ts";
import { keepable } from "../sql/statement.ts";

/**
 * The settings of the functions. Their statements keep one plan for all arguments. Without this setting, PostgreSQL
 * planned statements with lists of ids anew on every call, which took longer than running them
 * (https://www.postgresql.org/docs/current/sql-prepare.html, plan_cache_mode). A plan may be made while a table is
 * nearly empty, and be used when the table is large. So no plan may scan a whole table.
 */
export const FUNCTION_SETTINGS = "set plan_cache_mode = force_generic_plan set enable_seqscan = off";

/** Rows that can become due. These are the conditions of the indexes on `written_at`. */
const WAITING: { readonly [T in "conversations" | "messages"]: string } = {
  conversations: qualified(CLAIMABLE, "r"),
  messages: "r.due_at is not null",
};

/**
 * A subselect of rows that a clock ahead wrote, and whose due times are void. `offset 0` stops PostgreSQL from merging
 * it with other conditions. Otherwise PostgreSQL might choose the index by due time, and read all waiting rows.
 */
export function writtenAhead(table: keyof typeof WAITING, now: string): string {
  return `select r.* from ownline_${table} r where ${WAITING[table]} and ${isAhead("r", now)} offset 0`;
}

/**
 * Whether a clock ahead wrote worker `alias`. Such a worker has a late `alive_until`, so the index on `alive_until`
 * finds it.
 */
export function isWorkerAhead(alias: string, now: string): string {
  return `${isLaterThanRight(`${alias}.alive_until`, now)} and ${isAhead(alias, now)}`;
}

/**
 * The parameter of a function as JSON text.
 *
 * @throws OwnlineError `invalid_message` for an id, key or address that the database cannot store
 */
export function textOf(parameter: object): string {
  return JSON.stringify(parameter, (_key, value: unknown) => (typeof value === "string" ? keepable(value) : value));
}

/** An entry of a function's parameter for a list; no entry for an empty list. */
export function some(name: string, list: readonly unknown[]): { readonly [name: string]: unknown } {
  return list.length === 0 ? {} : { [name]: list };
}
