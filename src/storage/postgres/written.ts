import type { Changes, Charge, Guard } from "../database.ts";
import { nameOf } from "../ledger/held.ts";
import { PRIMARY_KEYS } from "../ledger/rows.ts";
import { sumsOf } from "../ledger/rules/counters.ts";
import { COLUMNS, type Written } from "../sql/columns.ts";
import { keepable } from "../sql/statement.ts";
import { keep } from "../sql/writes.ts";
import { WRITTEN } from "./apply.ts";
import { some } from "./statements.ts";

/** When the rows of a decision were loaded, and whether the decision also deletes old rows. */
export interface WriteMoment {
  readonly now: number;
  /** The time of the database's own clock when the rows were loaded. */
  readonly clock: number;
  readonly prunes: boolean;
}

/** The parameter of the function `apply`, which writes the changes of a decision. */
export function writeOf(changes: Changes, { now, clock, prunes }: WriteMoment): object {
  const { guards, charges, alive, answers } = changes;
  const covered = coveredBy(changes);
  const inserted = WRITTEN.flatMap((table) => {
    const rows = changes.inserted[table] ?? [];
    return rows.length === 0 ? [] : [[table, rows.map((row) => newRow(table, row))] as const];
  });
  const updated = WRITTEN.flatMap((table) => {
    const rows = changes.updated[table] ?? [];
    return rows.length === 0 ? [] : [[table, Object.fromEntries(rows.map((row) => patchOf(table, row)))] as const];
  });
  return {
    now,
    clock,
    ...some("consents", lockedConsents(changes, guards)),
    guards: guardsIn(guards.filter(({ on, key }) => !covered.has(nameOf(on, key)))),
    ...some(
      "answers",
      answers.map(({ call, answer, conversationIds }) => ({
        call,
        answer,
        ...(conversationIds.length === 1 ? { conversation_id: conversationIds[0] } : {}),
        ...(conversationIds.length > 1 ? { conversation_ids: conversationIds } : {}),
      })),
    ),
    ...(inserted.length > 0 ? { insert: Object.fromEntries(inserted) } : {}),
    ...(updated.length > 0 ? { update: Object.fromEntries(updated) } : {}),
    ...chargesIn(charges, now),
    ...some(
      "alive",
      alive.map(({ workerId, scope, until }) => ({ id: keepable(workerId), scope, alive_until: Math.ceil(until) })),
    ),
    ...(prunes ? { prunes } : {}),
  };
}

/**
 * Guards of absent rows that the changes insert. The insertion itself checks the absence, so these guards are not sent.
 */
function coveredBy({ inserted, answers }: Changes): ReadonlySet<string> {
  const { keys = [], conversations = [] } = inserted;
  return new Set([
    ...keys.flatMap(({ kind, key, call }) => [nameOf("key", JSON.stringify([kind, key])), nameOf("call", call)]),
    ...conversations.map(({ line, participantKey }) => nameOf("address", JSON.stringify([line, participantKey]))),
    ...answers.map(({ call }) => nameOf("call", call)),
  ]);
}

/**
 * The consents to lock. A call that reads a consent takes a shared lock, even if no row exists. A call that writes the
 * consent, or stops messages under it, takes an exclusive lock.
 */
function lockedConsents(
  { inserted, updated }: Changes,
  guards: readonly Guard[],
): readonly { key: string; is_written: boolean }[] {
  const written = new Set([...(inserted.consents ?? []), ...(updated.consents ?? [])].flatMap(({ key = [] }) => key));
  for (const { on, key } of guards) if (on === "filed") written.add(key);
  const read = guards.flatMap(({ on, key }) => (on === "consent" ? [key] : []));
  const keys = new Set([...read, ...written]);
  // All processes lock the consents in the same order.
  return Array.from(keys, (key) => ({ key, is_written: written.has(key) })).toSorted((one, other) =>
    one.key < other.key ? -1 : 1,
  );
}

interface Expected {
  readonly names: string[];
  readonly rows: Record<string, number>;
}

function guardsIn(guards: readonly Guard[]): Readonly<Record<string, Expected>> {
  const found: Record<string, Expected> = {};
  for (const { on, key, version } of guards) {
    const expected = found[on] ?? { names: [], rows: {} };
    found[on] = expected;
    expected.names.push(key);
    if (version !== null) expected.rows[key] = version;
  }
  return found;
}

function newRow(table: Written, row: object): object {
  const fields = new Map<string, unknown>(Object.entries(row));
  const stored: Record<string, unknown> = {};
  for (const column of COLUMNS[table]) {
    const value = fields.get(column.field);
    if (value !== null && value !== undefined) stored[column.column] = keep(column, value);
  }
  return stored;
}

/** A patch, with the primary key of its row as text. */
function patchOf(table: Written, row: object): readonly [string, object] {
  const fields = new Map<string, unknown>(Object.entries(row));
  const stored: Record<string, unknown> = {};
  for (const column of COLUMNS[table]) {
    if (fields.has(column.field) && column.field !== "version")
      stored[column.column] = keep(column, fields.get(column.field));
  }
  return [PRIMARY_KEYS[table].map((field) => String(fields.get(field))).join(" "), stored];
}

function chargesIn(charges: readonly Charge[], now: number): object {
  if (charges.length === 0) return {};
  const sums = sumsOf(charges);
  return {
    charges: Array.from(sums, ([key, { charge, windowMs }]) => ({ key, charge, ends_at: Math.ceil(now + windowMs) })),
    rooms: Object.fromEntries(Array.from(sums, ([key, { room }]) => [key, room])),
  };
}
