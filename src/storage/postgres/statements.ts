import { CLOCKS_APART_MS } from "../ledger/rows.ts";
import { isAhead } from "../sql/conditions.ts";
import { keepable } from "../sql/statement.ts";

/**
 * The settings of the functions. Their statements keep one plan for all arguments: left to choose, PostgreSQL planned
 * those with lists of ids anew on every call, which took longer than to run them
 * (https://www.postgresql.org/docs/current/sql-prepare.html, plan_cache_mode). Such a plan may be made while a table is
 * nearly empty and serve it when it is not, so that none may read a table from end to end.
 */
export const FUNCTION_SETTINGS = "set plan_cache_mode = force_generic_plan set enable_seqscan = off";

/** A condition of the schema, about one table among several. */
export function qualified(condition: string, alias: string): string {
  return condition.replaceAll(/\b(status|origin)\b/g, `${alias}.$1`);
}

/** What may become due, by the index of its writing. */
const WAITING = {
  conversations: "r.due_at is not null and r.lease_worker is null",
  messages: "r.due_at is not null",
} as const;

/**
 * What was written ahead and would wait for a time that says nothing: a subselect of all columns, which is not merged
 * with other conditions, since the index by due time looks as good to PostgreSQL and would read all that waits.
 */
export function writtenAhead(table: keyof typeof WAITING, now: string): string {
  return `select r.* from ownline_${table} r where ${WAITING[table]} and ${isAhead("r", now)} offset 0`;
}

/** A worker that was heard of ahead lives until then at least: the index of its time finds it. */
export function isWorkerAhead(alias: string, now: string): string {
  return `${alias}.alive_until > ${now} + ${CLOCKS_APART_MS} and ${isAhead(alias, now)}`;
}

/**
 * What a function is called with, as JSON.
 *
 * @throws OwnlineError `invalid_message` for an id, key or address that the database cannot keep
 */
export function textOf(parameter: object): string {
  return JSON.stringify(parameter, (_key, value: unknown) => (typeof value === "string" ? keepable(value) : value));
}
