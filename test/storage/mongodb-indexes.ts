import { COLLECTIONS, INDEXES, type Index } from "../../src/storage/mongodb/schema.ts";
import type { Command } from "../databases/mongodb-wrapped.ts";

/** Whether an index finds what a command asks for, in its order, without looking at anything else. */
export function isServed({ table, filter, options }: Command): boolean {
  const asked = new Map<string, unknown>(Object.entries(filter));
  if (asked.has("_id") && !isNegative(asked.get("_id"))) return true;
  const or: unknown = asked.get("$or");
  if (asked.size === 1 && Array.isArray(or))
    return or.every((each: object) => isServed({ table, method: "", filter: each, options: {} }));
  const sort = "sort" in options && typeof options.sort === "object" ? Object.entries(options.sort ?? {}) : [];
  const declared = COLLECTIONS.flatMap((name) => (name === table ? (INDEXES[name] ?? []) : []));
  return declared.some((index) => serves(index, asked, sort));
}

function serves(index: Index, asked: ReadonlyMap<string, unknown>, sort: readonly [string, unknown][]): boolean {
  const narrowed = Object.keys(index.partialFilterExpression ?? {});
  if (!narrowed.every((field) => asked.has(field))) return false;
  const keys = Object.entries(index.key);
  const fixed = keys.findIndex(([field]) => !isFixed(asked.get(field)));
  const rest = keys.slice(fixed < 0 ? keys.length : fixed);
  const isInOrder = isSorted(keys, asked, sort);
  const used = new Set([...keys.slice(0, keys.length - rest.length), ...rest.slice(0, 1)].map(([field]) => field));
  const isNarrow = [...asked].every(([field, value]) => {
    return used.has(field) || narrowed.includes(field) || isNegative(value) || field === "$or";
  });
  return isInOrder && isNarrow;
}

/** Whether an index's own order is the order that is asked for: fields with one value do not matter. */
function isSorted(
  keys: readonly (readonly [string, number])[],
  asked: ReadonlyMap<string, unknown>,
  sort: readonly [string, unknown][],
): boolean {
  let next = 0;
  for (const [field, direction] of keys) {
    const [name, wanted] = sort[next] ?? [];
    if (name === undefined) break;
    const isReversed = sort.every(([one, other]) => keys.some(([key, own]) => key === one && own === -Number(other)));
    if (name === field && (wanted === direction || isReversed)) next += 1;
    else if (!isFixed(asked.get(field))) return false;
  }
  return next === sort.length;
}

/** Equal to one value, or to one of a few. */
function isFixed(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value !== undefined;
  return "$in" in value;
}

/** Takes a few away from what another condition finds. */
function isNegative(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("$nin" in value || "$ne" in value);
}
