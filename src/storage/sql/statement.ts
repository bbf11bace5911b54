import { OwnlineError } from "../../errors.ts";
import type { SqlStatement, SqlValue } from "./driver.ts";

/** A statement that was written with `:name` parameters, for drivers that only support `?`. */
export interface Statement {
  readonly sql: string;
  /** The parameter's name for each `?`, in order. A name that is used twice is in the list twice. */
  readonly names: readonly string[];
  /** Whether it returns rows. */
  readonly reads: boolean;
}

/** The present time: of the clock that the driver was given, otherwise of the database's own clock. */
export const NOW: string = "coalesce(:now, cast(unixepoch('subsec') * 1000 as integer))";

/** A statement on one line. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

const WITHOUT = /@without\(([\w.]+)\)/g;

/**
 * Replaces `@without(column)` in a statement by the condition that leaves out the conversations in `:without`. Most
 * calls leave out none, so their statement has no such condition.
 */
export function leavingOut(text: string, leavesOut: boolean): string {
  return text.replace(WITHOUT, leavesOut ? "and $1 not in (select w.value from json_each(:without) w)" : "");
}

export type Params = Readonly<Record<string, SqlValue | undefined>>;

const NAME = /(?<![:\w']):([a-zA-Z]\w*)/g;

/** Prepares a statement with `:name` parameters. */
export function prepare(text: string): Statement {
  const names: string[] = [];
  const sql = text.replace(NAME, (_match, name: string) => {
    names.push(name);
    return "?";
  });
  return { sql, names, reads: sql.startsWith("select ") };
}

/**
 * Gives a statement its parameters.
 *
 * @throws OwnlineError `invalid_message` if a text contains a NUL or half a surrogate pair, which SQL text cannot
 * store. Bodies and reasons are not checked: they are stored as JSON, which escapes both.
 */
export function bind(prepared: Statement, params: Params): SqlStatement {
  const values = prepared.names.map((name) => {
    const value = params[name];
    if (value === undefined) throw new TypeError(`The statement needs a parameter :${name}: ${prepared.sql}`);
    return typeof value === "string" ? keepable(value) : value;
  });
  return { sql: prepared.sql, params: values };
}

const UNKEEPABLE = /\0|\p{Surrogate}/u;

/** Returns the text; throws if the database cannot store it unchanged. */
export function keepable(text: string): string {
  if (UNKEEPABLE.test(text)) {
    throw new OwnlineError(
      "invalid_message",
      "An id, key or address contains a NUL character or half a surrogate pair, which a database cannot store as text: " +
        "the caller must pass another one.",
    );
  }
  return text;
}
