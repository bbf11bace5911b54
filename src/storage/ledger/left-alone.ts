import type { OwnlineError } from "../../errors.ts";
import type { LedgerDatabase } from "../database.ts";
import { CorruptRow, corruptRowError, isVoid, type UnreadRow } from "./corrupt.ts";
import { nameOf } from "./held.ts";
import type { Ahead } from "./rules/clock.ts";
import { wrongClock } from "./wrong-clock.ts";

/** How long a conversation with a row that cannot be read is left alone, before the row is looked at again. */
const LEFT_ALONE_MS = 60_000;

/** More than a database has that is worth a repair row by row. Beyond, the one met first is forgotten. */
const MOST_ROWS = 1_000;
/** One counter may be needed by many conversations. */
const MOST_CONVERSATIONS = 5_000;

/**
 * What one handle has met that cannot be read. Nothing is written about it: a row that cannot be read may not be safe to
 * change, and a restored one must work as it did before. What it has met of a wrong clock stands in the same list.
 */
export interface LeftAlone {
  /** Notes the database's clock. */
  moment(now: number): void;
  note(rows: readonly UnreadRow[]): void;
  /** Notes what a decision has met that a clock ahead wrote, once the decision is committed. */
  noteAhead(found: readonly Ahead[]): void;
  /** The conversations that no candidate may be of. */
  conversations(): readonly string[];
  /** Whether a row has been left alone for so long that it must be looked at again. */
  isDue(now: number): boolean;
  /** Looks at those rows again. A conversation whose rows can be read is a candidate again. */
  look(database: Pick<LedgerDatabase, "unread">): Promise<void>;
  /** What an operator must know: each row that cannot be read, once, and a clock that was ahead. Changed in place. */
  readonly problems: readonly OwnlineError[];
  /** Runs a call, and again where it meets a limit that cannot be read: that one is deleted, and begins anew. */
  withoutVoid<Answer>(database: Pick<LedgerDatabase, "discard">, call: () => Promise<Answer>): Promise<Answer>;
  /** What a caller gets for what was thrown. */
  refusal(error: unknown): unknown;
}

interface Met {
  readonly row: UnreadRow;
  readonly error: OwnlineError;
  readonly conversations: Set<string>;
  until: number;
}

/** `ledger`: its name, for the errors. */
export function leftAlone(ledger: string): LeftAlone {
  const met = new Map<string, Met>();
  const clocks = wrongClock(ledger);
  const problems: OwnlineError[] = [];
  /** `null` until a decision reads the database's clock: what is noted before that is left alone from then on. */
  let clock: number | null = null;

  function note(rows: readonly UnreadRow[]): void {
    for (const row of rows) {
      const name = nameOfRow(row);
      const known = met.get(name);
      const conversations = known?.conversations ?? new Set<string>();
      if (row.conversationId !== null) add(conversations, row.conversationId, MOST_CONVERSATIONS);
      if (known !== undefined) continue;
      met.set(name, { row, error: corruptRowError(row), conversations, until: untilFrom(clock) });
      const [oldest] = met.size > MOST_ROWS ? met.keys() : [];
      if (oldest !== undefined) met.delete(oldest);
      list();
    }
  }

  function list(): void {
    problems.splice(0, problems.length, ...Array.from(met.values(), ({ error }) => error), ...clocks.errors);
  }

  return {
    problems,
    note,
    noteAhead(found) {
      if (clocks.note(found)) list();
    },
    moment(now) {
      if (clock === null) for (const each of met.values()) each.until = untilFrom(now);
      clock = now;
    },
    conversations() {
      if (met.size === 0) return NONE;
      return [...new Set([...met.values()].flatMap(({ conversations }) => [...conversations]))];
    },
    isDue: (now) => met.size > 0 && [...met.values()].some((each) => isOver(each, now)),
    async look(database) {
      const now = clock ?? 0;
      const due = [...met.values()].filter((each) => isOver(each, now));
      // At once, so that a call that comes meanwhile does not look too.
      for (const each of due) each.until = untilFrom(now);
      const asked = due.map(({ row }) => row).filter(({ table }) => table !== "answers");
      const still = new Set((asked.length === 0 ? [] : await database.unread(asked)).map(nameOfRow));
      for (const { row } of due) if (!still.has(nameOfRow(row))) met.delete(nameOfRow(row));
      list();
    },
    async withoutVoid(database, call) {
      const discarded = new Set<string>();
      for (;;) {
        try {
          return await call();
        } catch (error) {
          if (!(error instanceof CorruptRow) || !isVoid(error.row) || discarded.has(nameOfRow(error.row))) throw error;
          note([error.row]);
          discarded.add(nameOfRow(error.row));
          await database.discard(error.row);
        }
      }
    },
    refusal(error) {
      if (!(error instanceof CorruptRow)) return error;
      note([error.row]);
      return corruptRowError(error.row, error);
    },
  };
}

const NONE: readonly string[] = [];

function untilFrom(now: number | null): number {
  return (now ?? 0) + LEFT_ALONE_MS;
}

/** A time much further ahead was set by a clock that was ahead. */
function isOver({ until }: Met, now: number): boolean {
  return until <= now || until > now + 2 * LEFT_ALONE_MS;
}

function add(set: Set<string>, value: string, most: number): void {
  set.add(value);
  const [oldest] = set.size > most ? set : [];
  if (oldest !== undefined) set.delete(oldest);
}

function nameOfRow({ table, key }: UnreadRow): string {
  return nameOf(table, ...key);
}
