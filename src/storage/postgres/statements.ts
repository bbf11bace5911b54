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

/**
 * What a function is called with, as JSON.
 *
 * @throws OwnlineError `invalid_message` for an id, key or address that the database cannot keep
 */
export function textOf(parameter: object): string {
  return JSON.stringify(parameter, (_key, value: unknown) => (typeof value === "string" ? keepable(value) : value));
}
