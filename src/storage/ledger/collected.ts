import type { Rows } from "../database.ts";
import type { UnreadRow } from "./corrupt.ts";
import type { MessageRow, Table, Tables } from "./rows.ts";

/** Rows of each table by primary key. A row is here once, even if several plans name it. */
export type CollectedRows = { readonly [T in Table]: Map<string, Tables[T]> };

export interface Collected extends CollectedRows {
  /** Rows that cannot be read. */
  readonly corrupt: UnreadRow[];
}

/** Empty maps for a load to fill. */
export function collected(): Collected {
  return {
    conversations: new Map(),
    messages: new Map(),
    attempts: new Map(),
    events: new Map(),
    turns: new Map(),
    keys: new Map(),
    consents: new Map(),
    counters: new Map(),
    rateLimits: new Map(),
    workers: new Map(),
    sweeps: new Map(),
    corrupt: [],
  };
}

/** The collected rows as lists. */
export function listsOf(rows: Collected): Rows {
  return {
    conversations: [...rows.conversations.values()],
    messages: [...rows.messages.values()],
    attempts: [...rows.attempts.values()],
    events: [...rows.events.values()],
    turns: [...rows.turns.values()],
    keys: [...rows.keys.values()],
    consents: [...rows.consents.values()],
    counters: [...rows.counters.values()],
    rateLimits: [...rows.rateLimits.values()],
    workers: [...rows.workers.values()],
    sweeps: [...rows.sweeps.values()],
  };
}

/** Messages by their conversation, by `seq`: the slice `history`. */
export function historiesOf(messages: readonly MessageRow[]): ReadonlyMap<string, readonly MessageRow[]> {
  const histories = new Map<string, MessageRow[]>();
  for (const message of messages.toSorted((one, other) => one.seq - other.seq)) {
    const known = histories.get(message.conversationId);
    if (known === undefined) histories.set(message.conversationId, [message]);
    else known.push(message);
  }
  return histories;
}
