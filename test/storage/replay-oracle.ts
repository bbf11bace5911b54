import { isDeepStrictEqual } from "node:util";
import type { Changes, Decided, Loaded, Plan, Rows } from "../../src/storage/database.ts";
import { PRIMARY_KEYS, TABLES, type Table } from "../../src/storage/ledger/rows.ts";
import { isAhead } from "../../src/storage/ledger/rules/clock.ts";
import { load } from "../../src/storage/memory/loads.ts";
import type { MemoryTables } from "../../src/storage/memory/tables.ts";
import { comparable, outcomeOf } from "./agreement.ts";

type Judge<Answer> = (loaded: Loaded) => Decided<Answer>;

export interface Fault {
  /** A slice or a plan hands the rules too little, or no guard watches what they read. */
  readonly kind: "judged, but not loaded" | "read, but not guarded";
  readonly calls: readonly string[];
  readonly expected: unknown;
  readonly actual: unknown;
}

/**
 * Decides every decision again, over all rows instead of those that its plans name: at its load, which shows what was
 * judged but not loaded, and at its commit, which shows what was read but not guarded. The clock stays the decision's.
 *
 * Candidates (`due`, `workers`, `unsent`) stay those of the decision: others may have come since, and are not guarded.
 * A conversation that another process changed meanwhile is left out of what a heartbeat found: the heartbeat did not
 * change it, or its guard would have noticed.
 * Of counters, only those that are charged are looked at again.
 */
export class ReplayOracle {
  readonly faults: Fault[] = [];
  replays = 0;
  /**
   * Groups that cannot be compared at their commit: a call had found nothing to change and now would, or other calls
   * would have to wait for the next group.
   */
  excused = 0;
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  checkLoad<Answer>(plans: readonly Plan[], judge: Judge<Answer>, loaded: Loaded, decided: Decided<Answer>): void {
    const rows = everything(this.#tables, loaded.now, loaded.rows);
    const all = { ...loaded, rows, histories: historiesNow(this.#tables, plans, loaded) };
    this.#compare("judged, but not loaded", plans, decided, judge(all), null);
  }

  checkCommit<Answer>(plans: readonly Plan[], judge: Judge<Answer>, loaded: Loaded, decided: Decided<Answer>): void {
    const { now } = loaded;
    const found = load(this.#tables, plans, now);
    if (plans.some((plan, index) => hasAppeared(plan, loaded.found[index], found.found[index]))) {
      this.excused += 1;
      return;
    }
    const rows = everything(this.#tables, now, loaded.rows);
    const moved = movedSince(this.#tables, loaded.rows);
    const isTaken = ({ root: { by } }: Plan, conversationId: string): boolean =>
      by === "workers" && moved.has(conversationId);
    const conversationOf = new Map(loaded.rows.messages?.map(({ id, conversationId }) => [id, conversationId]));
    const all = {
      ...found,
      histories: historiesNow(this.#tables, plans, loaded),
      rows: { ...rows, counters: countersFor(decided.changes, loaded.rows, rows) },
      found: plans.map((plan, index) =>
        rootsOf(plan, loaded.found[index], found.found[index], decided.changes).filter((id) => !isTaken(plan, id)),
      ),
      chosen: plans.map((plan, index) => {
        if (!isOfCandidates(plan.root.by)) return found.chosen[index] ?? [];
        return (loaded.chosen[index] ?? []).filter((id) => !isTaken(plan, conversationOf.get(id) ?? ""));
      }),
    };
    this.#compare("read, but not guarded", plans, decided, judge(all), moved);
  }

  #compare(
    kind: Fault["kind"],
    plans: readonly Plan[],
    committed: Decided<unknown>,
    again: Decided<unknown>,
    moved: ReadonlySet<string> | null,
  ): void {
    this.replays += 1;
    const course = courseOf(committed.answer);
    const reading = course.verdicts.map((verdict) => moved !== null && isReading(verdict));
    const expected = {
      answer: shownOf(courseOf(again.answer), reading, moved),
      changes: changesOf(again.changes, moved),
    };
    const actual = { answer: shownOf(course, reading, moved), changes: changesOf(committed.changes, moved) };
    if (isDeepStrictEqual(actual, expected)) return;
    if (moved !== null && !isDeepStrictEqual(actual.answer.deferred, expected.answer.deferred)) {
      this.excused += 1;
      return;
    }
    this.faults.push({ kind, calls: plans.map(({ call }) => call), expected, actual });
  }
}

/**
 * All rows; of workers, those that have expired or were loaded. A decision voids the times of rows that a clock ahead had
 * written when it loaded them, and of no others. The story's clock runs on beside a decision, so what other processes
 * write before its commit may seem to be ahead of it: such rows get the decision's time.
 */
function everything(tables: MemoryTables, now: number, loaded: Rows): Rows {
  const rows = rowsIn(tables);
  const own = byName(loaded);
  const dated = <Row extends object>(table: Table, field: keyof Row & string, list: readonly Row[] = []) =>
    list.map((row) => {
      const before = own.get(nameIn(table, row));
      const wasAhead = before !== undefined && isAhead(Number(Reflect.get(before, field)), now);
      return wasAhead || !isAhead(Number(row[field]), now) ? row : { ...row, [field]: now };
    });
  return {
    ...rows,
    conversations: dated("conversations", "writtenAt", rows.conversations),
    messages: dated("messages", "writtenAt", rows.messages),
    attempts: dated("attempts", "startedAt", rows.attempts),
    rateLimits: dated("rateLimits", "writtenAt", rows.rateLimits),
    sweeps: dated("sweeps", "writtenAt", rows.sweeps),
    workers: dated("workers", "writtenAt", rows.workers).filter((row) => {
      return row.aliveUntil <= now || own.has(nameIn("workers", row));
    }),
  };
}

/** All rows. */
export function rowsIn(tables: MemoryTables): Rows {
  const messages = [...tables.messages.values()];
  return {
    conversations: Array.from(tables.conversations.values(), ({ row }) => row),
    messages: messages.map(({ row }) => row),
    attempts: messages.flatMap(({ attempts }) => attempts),
    events: messages.flatMap(({ events }) => events.flat()),
    turns: [...tables.turns.values()],
    keys: [...tables.keys.values()],
    consents: [...tables.consents.values()],
    counters: [...tables.counters.values()],
    rateLimits: [...tables.rateLimits.values()],
    sweeps: [...tables.sweeps.values()],
    workers: [...tables.workers.values()],
  };
}

/** Of the conversations whose newest messages were loaded, these messages as they are now. */
function historiesNow({ conversations }: MemoryTables, plans: readonly Plan[], { histories }: Loaded) {
  const limit = Math.max(0, ...plans.map(({ root }) => (root.by === "due" ? root.historyLimit : 0)));
  return new Map(
    Array.from(histories.keys(), (id) => {
      const bySeq = [...(conversations.get(id)?.messages ?? [])].map(({ row }) => row);
      bySeq.sort((one, other) => one.seq - other.seq);
      return [id, limit === 0 ? [] : bySeq.slice(-limit)] as const;
    }),
  );
}

function isOfCandidates(by: Plan["root"]["by"]): boolean {
  return by === "due" || by === "workers" || by === "unsent";
}

/** A call about something that was not there changes nothing, so it may stand before the call that made it. */
function hasAppeared({ root: { by } }: Plan, before: readonly string[] = [], now: readonly string[] = []): boolean {
  return by !== "address" && !isOfCandidates(by) && before.length === 0 && now.length > 0;
}

/** Of candidates that are due those that the decision changed; of a worker's all that it saw. */
function rootsOf(
  { root: { by } }: Plan,
  before: readonly string[] = [],
  now: readonly string[] = [],
  changes: Changes | null,
): readonly string[] {
  if (!isOfCandidates(by)) return now;
  if (by === "workers") return before;
  const changed = new Set(changes?.updated.conversations?.map(({ id }) => id));
  return before.filter((id) => changed.has(id));
}

/** What was charged as it is now; what was only looked at, as it was. */
function countersFor(changes: Changes | null, loaded: Rows, now: Rows): NonNullable<Rows["counters"]> {
  const charged = new Set(changes?.charges.map(({ key }) => key));
  const charge = (now.counters ?? []).filter(({ key }) => charged.has(key));
  return [...charge, ...(loaded.counters ?? []).filter(({ key }) => !charged.has(key))];
}

/** Conversations that have changed since they were loaded. */
function movedSince({ conversations }: MemoryTables, { conversations: loaded = [] }: Rows): ReadonlySet<string> {
  return new Set(
    loaded.filter(({ id, version }) => conversations.get(id)?.row.version !== version).map(({ id }) => id),
  );
}

/** The answers of a group, as data: without the functions that settle them, and without leases, which no guard covers. */
function shownOf(course: Course, reading: readonly boolean[], moved: ReadonlySet<string> | null) {
  return {
    answers: course.verdicts.map(({ answer }, index) => (reading[index] === true ? "read" : answerOf(answer, moved))),
    failed: course.failed.map(({ entry, error }) => [entry.plan.call, String(error)]),
    deferred: course.deferred.map(({ plan }) => plan.call),
  };
}

interface Entry {
  readonly plan: { readonly call: string };
}

interface Verdict {
  readonly answer: unknown;
  readonly stored: unknown;
}

interface Course {
  readonly verdicts: readonly Verdict[];
  readonly failed: readonly { readonly entry: Entry; readonly error: unknown }[];
  readonly deferred: readonly Entry[];
}

function courseOf(answer: unknown): Course {
  if (isCourse(answer)) return answer;
  throw new TypeError("A decision's answer is not what the ledger's groups come to.");
}

/** A call that only read, beside others in its group that wrote: it stands at the group's load. */
function isReading({ answer, stored }: Verdict): boolean {
  return stored === null && outcomeOf(answer) !== "recorded";
}

function isCourse(value: unknown): value is Course {
  if (typeof value !== "object" || value === null) return false;
  return ["verdicts", "failed", "deferred"].every((list) => Array.isArray(Reflect.get(value, list)));
}

function answerOf(answer: unknown, moved: ReadonlySet<string> | null): unknown {
  const shown = comparable(answer);
  if (typeof shown !== "object" || shown === null || !("leases" in shown) || !Array.isArray(shown.leases)) return shown;
  return { ...shown, leases: shown.leases.filter((lease) => moved?.has(String(lease.conversationId)) !== true) };
}

function changesOf(changes: Changes | null, moved: ReadonlySet<string> | null): unknown {
  if (changes === null) return null;
  const { inserted, updated, charges, alive, answers } = changes;
  return {
    inserted: byName(inserted),
    updated: byName(updated),
    charges,
    alive,
    answers: answers.map(({ call, answer, conversationIds }) => {
      const { answer: kept }: { readonly answer: unknown } = JSON.parse(answer);
      return {
        call,
        answer: answerOf(kept, moved),
        conversationIds: conversationIds.filter((id) => moved?.has(id) !== true).toSorted(),
      };
    }),
  };
}

/** Rows by their primary keys: their order does not matter. */
function byName(rows: { readonly [T in Table]?: readonly object[] }): ReadonlyMap<string, object> {
  const named = new Map<string, object>();
  for (const table of TABLES) for (const row of rows[table] ?? []) named.set(nameIn(table, row), row);
  return named;
}

function nameIn(table: Table, row: object): string {
  return JSON.stringify([table, ...PRIMARY_KEYS[table].map((field) => Reflect.get(row, field))]);
}
