import type { Changes, StoredAnswer } from "../database.ts";
import { guardsOf } from "./guards.ts";
import type { Held } from "./held.ts";
import { PRIMARY_KEYS, type Tables } from "./rows.ts";
import { MOMENTS } from "./rules/clock.ts";
import type { WorkingSet } from "./working-set.ts";

/**
 * The changes that the rules made in a working set, in the form that the database writes. `null` if they changed
 * nothing.
 */
export function changesOf(set: WorkingSet, answers: readonly StoredAnswer[]): Changes | null {
  const touched = new Set<string>();
  const touch = ({ conversationId }: { readonly conversationId: string }): void => void touched.add(conversationId);
  const { now } = set;
  const conversations = dated(
    compare(set.conversations, PRIMARY_KEYS.conversations, ({ id }) => void touched.add(id)),
    MOMENTS.conversations,
    now,
  );
  const messages = dated(compare(set.messages, PRIMARY_KEYS.messages, touch), MOMENTS.messages, now);
  const attempts = compare(set.attempts, PRIMARY_KEYS.attempts, touch);
  const events = compare(set.events, PRIMARY_KEYS.events, touch);
  const turns = compare(set.turns, PRIMARY_KEYS.turns, touch);
  const keys = compare(set.keys, PRIMARY_KEYS.keys);
  const consents = compare(set.consents, PRIMARY_KEYS.consents);
  const rateLimits = dated(compare(set.rateLimits, PRIMARY_KEYS.rateLimits), MOMENTS.rateLimits, now);
  const sweeps = dated(compare(set.sweeps, PRIMARY_KEYS.sweeps), MOMENTS.sweeps, now);
  const isChanged =
    touched.size > 0 ||
    [keys, consents, rateLimits, sweeps].some((table) => table !== UNCHANGED) ||
    set.charges.length > 0 ||
    set.alive.size > 0 ||
    answers.length > 0;
  if (!isChanged) return null;

  return {
    inserted: {
      conversations: conversations.inserted,
      messages: messages.inserted,
      attempts: attempts.inserted,
      events: events.inserted,
      turns: turns.inserted,
      keys: keys.inserted,
      consents: consents.inserted,
      rateLimits: rateLimits.inserted,
      sweeps: sweeps.inserted,
    },
    updated: {
      conversations: withTouched(set, conversations.updated, touched),
      messages: messages.updated,
      attempts: attempts.updated,
      events: events.updated,
      turns: turns.updated,
      consents: consents.updated,
      rateLimits: rateLimits.updated,
      sweeps: sweeps.updated,
    },
    charges: set.charges,
    alive: Array.from(set.alive, ([workerId, { scope, until }]) => ({ workerId, scope, until })),
    answers,
    /**
     * Computed only when read: a database needs guards only if other processes can write between its load and its
     * write.
     */
    get guards() {
      return guardsOf(set, { touched, rateLimits: rateLimits.updated, sweeps: sweeps.updated });
    },
  };
}

interface Compared<Row> {
  readonly inserted: readonly Row[];
  readonly updated: readonly Partial<Row>[];
}

const UNCHANGED: Compared<never> = { inserted: [], updated: [] };

/** The new and changed rows; `UNCHANGED` if there are none. Calls `touch` for each of these rows. */
function compare<Row extends object>(
  held: Held<Row>,
  names: readonly (keyof Row & string)[],
  touch?: (row: Row) => void,
): Compared<Row> {
  const inserted: Row[] = [];
  const updated: Partial<Row>[] = [];
  for (const [name, row] of held.rows) {
    const before = held.before.get(name);
    if (before === undefined) inserted.push(row);
    else {
      const patch = patchOf<Row>(names, before, row);
      if (patch === null) continue;
      updated.push(patch);
    }
    touch?.(row);
  }
  return inserted.length === 0 && updated.length === 0 ? UNCHANGED : { inserted, updated };
}

/** Adds `writtenAt` to each patch that changes one of the row's times. */
function dated<Row extends { readonly writtenAt: number }>(
  compared: Compared<Row>,
  moments: ReadonlySet<keyof Row>,
  writtenAt: number,
): Compared<Row> {
  if (compared.updated.length === 0) return compared;
  const updated = compared.updated.map((patch) => {
    for (const field in patch) if (moments.has(field)) return { ...patch, writtenAt };
    return patch;
  });
  return { inserted: compared.inserted, updated };
}

type ConversationPatch = Partial<Tables["conversations"]>;

/**
 * If only a conversation's messages, attempts, events or turns changed, the conversation gets an empty patch. So its
 * version rises too.
 */
function withTouched(
  set: WorkingSet,
  patches: readonly ConversationPatch[],
  touched: ReadonlySet<string>,
): readonly ConversationPatch[] {
  const patched = new Set(patches.map(({ id }) => id));
  const others = [...touched].filter((id) => !patched.has(id) && set.conversations.before.has(id));
  return [...patches, ...others.map((id) => ({ id }))];
}

/** The changed fields of a row, and the fields of its primary key; `null` if no field changed. */
function patchOf<Row extends object>(
  names: readonly (keyof Row & string)[],
  before: Row,
  row: Row,
): Partial<Row> | null {
  const patch: Partial<Row> = {};
  let isChanged = false;
  for (const field in row) {
    if (row[field] === before[field]) continue;
    patch[field] = row[field];
    isChanged = true;
  }
  if (!isChanged) return null;
  for (const field of names) patch[field] = row[field];
  return patch;
}
