import { ForeignValue, isLedgerNumber } from "../ledger/corrupt.ts";
import { isWord, type Words } from "../ledger/words.ts";
import type { SqlRow } from "./driver.ts";

/*
 * Reads and checks the columns of a row. A value that another program wrote causes an error here, not in a rule.
 */

/** A column that holds text. */
export function text(row: SqlRow, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw foreign(column);
  return value;
}

export function textOrNull(row: SqlRow, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

/** The number in a column; `null` for any other value. Some drivers are set to return it as `bigint`. */
export function numberIn(row: SqlRow, column: string): number | null {
  const value = row[column];
  const number = typeof value === "bigint" ? Number(value) : value;
  return isLedgerNumber(number) ? number : null;
}

/** A column that holds a number. A number beyond the safe integers is not a number that ownline wrote. */
export function integer(row: SqlRow, column: string): number {
  const number = numberIn(row, column);
  if (number === null) throw foreign(column);
  return number;
}

export function integerOrNull(row: SqlRow, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}

/** A column that holds JSON. */
export function json(row: SqlRow, column: string): unknown {
  const stored = text(row, column);
  try {
    const parsed: unknown = JSON.parse(stored);
    return parsed;
  } catch {
    // The parser's error message quotes the stored text, so it is not passed on.
    throw foreign(column);
  }
}

export function jsonOrNull(row: SqlRow, column: string): unknown {
  return row[column] === null ? null : json(row, column);
}

/** A column that holds 0 or 1. */
export function boolean(row: SqlRow, column: string): boolean {
  const number = integer(row, column);
  if (number !== 0 && number !== 1) throw foreign(column);
  return number === 1;
}

export function booleanOrNull(row: SqlRow, column: string): boolean | null {
  return row[column] === null ? null : boolean(row, column);
}

export function oneOfOrNull<T extends string>(row: SqlRow, column: string, words: Words<T>): T | null {
  return row[column] === null ? null : oneOf(row[column], column, words);
}

/** A column that holds one word of a closed set. */
export function oneOf<T extends string>(value: unknown, column: string, words: Words<T>): T {
  if (!isWord(words, value)) throw foreign(column);
  return value;
}

export function foreign(column: string): ForeignValue {
  return new ForeignValue(column);
}

/** The entries of a JSON object. */
export function record(value: unknown, column: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw foreign(column);
  return Object.fromEntries(Object.entries(value));
}
