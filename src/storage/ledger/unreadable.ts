import type { OwnlineError } from "../../errors.ts";
import type { LedgerDatabase } from "../database.ts";
import { CorruptRow, corruptRowError, isDiscardable, type UnreadRow } from "./corrupt.ts";
import { nameOf } from "./held.ts";
import type { Ahead } from "./rules/clock.ts";
import { wrongClock } from "./wrong-clock.ts";

/** How long the ledger skips a conversation that has an unreadable row, before it checks the row again. */
const SKIPPED_MS = 60_000;

/**
 * A database with more unreadable rows than this is not worth a repair row by row. Above it, the ledger forgets the row
 * that it found first.
 */
const MOST_ROWS = 1_000;

/** Many conversations may need the same unreadable consent. */
const MOST_CONVERSATIONS = 5_000;

/**
 * The unreadable rows that one handle has found. They are kept in memory only: an unreadable row may not be safe to
 * change, and a restored row must work as before. The list of problems also holds what a wrong clock wrote.
 */
export interface UnreadableRows {
  /** Notes the time of the database's clock. */
  noteClock(now: number): void;
  note(rows: readonly UnreadRow[]): void;
  /** Notes the rows of a committed decision that a clock ahead wrote. */
  noteAhead(found: readonly Ahead[]): void;
  /** The conversations that the ledger skips: their turns and messages are not candidates. */
  conversations(): readonly string[];
  /** Whether a row must be checked again, because it has been skipped for long enough. */
  isDue(now: number): boolean;
  /** Checks those rows again. A conversation whose rows can be read becomes a candidate again. */
  look(database: Pick<LedgerDatabase, "unread">): Promise<void>;
  /**
   * Errors for the operator: one for each row that cannot be read, and those about a clock that was ahead. Changed in
   * place.
   */
  readonly problems: readonly OwnlineError[];
  /**
   * Runs a call. If it meets an unreadable counter or rate limit, deletes that row and runs the call again; the limit
   * begins anew.
   */
  discarding<Answer>(database: Pick<LedgerDatabase, "discard">, call: () => Promise<Answer>): Promise<Answer>;
  /** The error that the caller gets for a thrown error. For a row that cannot be read, it is the one in `problems`. */
  refusal(error: unknown): unknown;
}

interface Known {
  readonly row: UnreadRow;
  readonly error: OwnlineError;
  readonly conversations: Set<string>;
  until: number;
}

/** `ledger`: the ledger's name, for the errors. */
export function unreadableRows(ledger: string): UnreadableRows {
  const all = new Map<string, Known>();
  const clocks = wrongClock(ledger);
  const problems: OwnlineError[] = [];
  /**
   * `null` until a decision reads the database's clock. For rows that were noted earlier, the time of skipping begins
   * then.
   */
  let clock: number | null = null;

  function note(rows: readonly UnreadRow[]): void {
    for (const row of rows) errorOf(row);
  }

  /** Notes a row. Returns its error, which is the same object until the row is repaired. */
  function errorOf(row: UnreadRow, cause?: unknown): OwnlineError {
    const name = nameOfRow(row);
    const known = all.get(name);
    const conversations = known?.conversations ?? new Set<string>();
    if (row.conversationId !== null) add(conversations, row.conversationId, MOST_CONVERSATIONS);
    if (known !== undefined) return known.error;
    const error = corruptRowError(row, cause);
    all.set(name, { row, error, conversations, until: untilFrom(clock) });
    const [oldest] = all.size > MOST_ROWS ? all.keys() : [];
    if (oldest !== undefined) all.delete(oldest);
    list();
    return error;
  }

  function list(): void {
    problems.splice(0, problems.length, ...Array.from(all.values(), ({ error }) => error), ...clocks.errors);
  }

  return {
    problems,
    note,
    noteAhead(found) {
      if (clocks.note(found)) list();
    },
    noteClock(now) {
      if (clock === null) for (const each of all.values()) each.until = untilFrom(now);
      clock = now;
    },
    conversations() {
      if (all.size === 0) return NONE;
      return [...new Set([...all.values()].flatMap(({ conversations }) => [...conversations]))];
    },
    isDue: (now) => all.size > 0 && [...all.values()].some((each) => isOver(each, now)),
    async look(database) {
      const now = clock ?? 0;
      const due = [...all.values()].filter((each) => isOver(each, now));
      // Set before the query, so that a concurrent call does not check the same rows.
      for (const each of due) each.until = untilFrom(now);
      const asked = due.map(({ row }) => row).filter(({ table }) => table !== "answers");
      const still = new Set((asked.length === 0 ? [] : await database.unread(asked)).map(nameOfRow));
      for (const { row } of due) if (!still.has(nameOfRow(row))) all.delete(nameOfRow(row));
      list();
    },
    async discarding(database, call) {
      const discarded = new Set<string>();
      for (;;) {
        try {
          return await call();
        } catch (error) {
          if (!(error instanceof CorruptRow)) throw error;
          const { row } = error;
          if (!isDiscardable(row) || discarded.has(nameOfRow(row))) throw error;
          note([row]);
          discarded.add(nameOfRow(row));
          await database.discard(row);
        }
      }
    },
    refusal(error) {
      if (!(error instanceof CorruptRow)) return error;
      return errorOf(error.row, error);
    },
  };
}

const NONE: readonly string[] = [];

function untilFrom(now: number | null): number {
  return (now ?? 0) + SKIPPED_MS;
}

/**
 * Whether the row's `until` has passed. A clock that was ahead set an `until` far in the future, so that counts as
 * passed too.
 */
function isOver({ until }: Known, now: number): boolean {
  return until <= now || until > now + 2 * SKIPPED_MS;
}

function add(set: Set<string>, value: string, most: number): void {
  set.add(value);
  const [oldest] = set.size > most ? set : [];
  if (oldest !== undefined) set.delete(oldest);
}

function nameOfRow({ table, key }: UnreadRow): string {
  return nameOf(table, ...key);
}
