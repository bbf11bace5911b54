import { ForeignValue } from "../ledger/corrupt.ts";
import type { SqlRow } from "./driver.ts";

/*
 * Columns of a row, read and checked: what another program wrote fails here, and not in a rule.
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

/**
 * A column that holds a number, which some drivers are set to hand over as `bigint`. Beyond the safe integers it is not
 * the number that was written.
 */
export function integer(row: SqlRow, column: string): number {
  const value = row[column];
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || !(Math.abs(number) <= Number.MAX_SAFE_INTEGER)) throw foreign(column);
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
    // The parser's words quote the text.
    throw foreign(column);
  }
}

export function jsonOrNull(row: SqlRow, column: string): unknown {
  return row[column] === null ? null : json(row, column);
}

export function booleanOrNull(row: SqlRow, column: string): boolean | null {
  return row[column] === null ? null : integer(row, column) === 1;
}

export function oneOfOrNull<T extends string>(row: SqlRow, column: string, words: readonly T[]): T | null {
  return row[column] === null ? null : oneOf(row[column], column, words);
}

/** The word of a closed set that a column holds. */
export function oneOf<T extends string>(value: unknown, column: string, words: readonly T[]): T {
  const word = words.find((each) => each === value);
  if (word === undefined) throw foreign(column);
  return word;
}

export function foreign(column: string): ForeignValue {
  return new ForeignValue(column);
}

/** A JSON object's entries. */
export function record(value: unknown, column: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw foreign(column);
  return Object.fromEntries(Object.entries(value));
}
