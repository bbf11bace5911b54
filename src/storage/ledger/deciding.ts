import type { Decided, LedgerDatabase, Loaded, Plan, StoredAnswer } from "../database.ts";
import { changesOf } from "./changes.ts";
import { type Choosing, choosesAmong, mayConcern, refuseCorrupt, unreadCandidates } from "./concerned.ts";
import type { UnreadRow } from "./corrupt.ts";
import { nameOf } from "./held.ts";
import type { LeftAlone } from "./left-alone.ts";
import type { Ahead } from "./rules/clock.ts";
import { WorkingSet } from "./working-set.ts";

/** One call, ready to be decided together with others. */
export interface Entry {
  readonly plan: Plan;
  /** Decides, over rows that may be thrown away: it may be asked more than once. */
  decide(set: WorkingSet): Verdict;
  reject(error: unknown): void;
}

export interface Verdict {
  /** What the caller gets. */
  readonly answer: unknown;
  /** For a repetition of the call; `null` where nothing needs to be kept. */
  readonly stored: StoredAnswer | null;
  /** Gives the caller its answer, after the commit. */
  settle(): void;
}

/**
 * The result of a group: the calls that have an answer, those that failed, those that the next group decides, and those
 * that are decided alone since a row of theirs may be one that cannot be read. An operator must know what is `corrupt`
 * and what was written `ahead`.
 */
export interface Course {
  readonly verdicts: readonly Verdict[];
  readonly failed: readonly Failure[];
  readonly deferred: readonly Entry[];
  readonly apart: readonly Entry[];
  readonly corrupt: readonly UnreadRow[];
  readonly ahead: readonly Ahead[];
  /** Candidates were found that cannot be read: nothing was decided, and others are to be found in their place. */
  readonly isAgain: boolean;
}

export interface Failure {
  readonly entry: Entry;
  readonly error: unknown;
}

/**
 * Most calls of a quiet service come alone: none of the bookkeeping of a group is needed. What chooses among candidates
 * is decided over those that can be read: it loads again, without the others, for as long as it finds new ones.
 */
export async function commitOne(database: LedgerDatabase, entry: Entry, alone: LeftAlone): Promise<void> {
  const skipped = new Set<string>();
  const decide = (): Promise<Course> => {
    const plan = choosesAmong(entry.plan) ? without(entry.plan, [...alone.conversations(), ...skipped]) : entry.plan;
    return database.decide([plan], (loaded) => decideOne({ ...entry, plan }, loaded, alone));
  };
  try {
    for (;;) {
      const course = await alone.withoutVoid(database, decide);
      alone.note(course.corrupt);
      alone.noteAhead(course.ahead);
      for (const { settle } of course.verdicts) settle();
      if (!course.isAgain) return;
      for (const { conversationId } of course.corrupt) if (conversationId !== null) skipped.add(conversationId);
      await alone.look(database);
    }
  } catch (error) {
    entry.reject(alone.refusal(error));
  }
}

function without(plan: Choosing, conversations: readonly string[]): Plan {
  return conversations.length === 0 ? plan : { ...plan, root: { ...plan.root, without: conversations } };
}

const NOTHING_DECIDED = {
  verdicts: [],
  failed: [],
  deferred: [],
  apart: [],
  corrupt: [],
  ahead: [],
  isAgain: false,
} as const;

function decideOne(entry: Entry, loaded: Loaded, alone: LeftAlone): Decided<Course> {
  const set = new WorkingSet(loaded);
  set.turnTo(entry.plan, 0);
  const { corrupt } = loaded;
  alone.moment(loaded.now);
  // A repetition gets its first answer, also where its rows cannot be read any more.
  if (set.storedAnswer() === undefined) {
    if (!choosesAmong(entry.plan)) refuseCorrupt(entry.plan, loaded, set);
    else if (alone.isDue(loaded.now) || unreadCandidates(entry.plan, loaded).length > 0) {
      return { answer: { ...NOTHING_DECIDED, corrupt, isAgain: true }, changes: null };
    }
  }
  const verdict = entry.decide(set);
  const changes = changesOf(set, verdict.stored === null ? [] : [verdict.stored]);
  return { answer: { ...NOTHING_DECIDED, verdicts: [verdict], corrupt, ahead: set.ahead.found }, changes };
}

/** Decides calls together, over what was loaded for all of them. */
export function decideAll(group: readonly Entry[], loaded: Loaded): Decided<Course> {
  const failed: Failure[] = [];
  const apart = group.filter((_, index) => mayConcern(loaded, index));
  for (;;) {
    const course = tryAll(group, loaded, failed, apart);
    if (course !== null) return course;
  }
}

/** `null` where a rule has failed: what it may have changed is thrown away, and the others are decided anew. */
function tryAll(
  group: readonly Entry[],
  loaded: Loaded,
  failed: Failure[],
  apart: readonly Entry[],
): Decided<Course> | null {
  const set = new WorkingSet(loaded);
  const taken = new Map<string, boolean>();
  const verdicts: Verdict[] = [];
  const deferred: Entry[] = [];
  for (const [index, entry] of group.entries()) {
    if (failed.some((one) => one.entry === entry) || apart.includes(entry)) continue;
    if (isTaken(set, entry.plan, index, taken)) {
      deferred.push(entry);
      continue;
    }
    set.turnTo(entry.plan, index);
    try {
      verdicts.push(entry.decide(set));
    } catch (error) {
      failed.push({ entry, error });
      return null;
    }
  }
  const answers = verdicts.flatMap(({ stored }) => stored ?? []);
  const answer = { ...NOTHING_DECIDED, verdicts, failed, deferred, apart, ahead: set.ahead.found };
  return { answer, changes: changesOf(set, answers) };
}

/**
 * Whether a call must wait for the next group: its conversation was decided about in this one, and the rows that it
 * needs were loaded before. Plain inbound messages only need the conversation itself. A call that is in the group
 * already finds its stored answer in the next one.
 */
function isTaken(set: WorkingSet, plan: Plan, index: number, taken: Map<string, boolean>): boolean {
  const call = nameOf("call", plan.call);
  if (taken.has(call)) return true;
  const isPlain = plan.root.by === "address" && !plan.slices.includes("queue");
  const names =
    plan.root.by === "address" ? [nameOf(plan.root.line, plan.root.participantKey)] : namesOf(set, plan, index);
  if (names.some((name) => taken.has(name) && !(isPlain && taken.get(name) === true))) return true;
  for (const name of names) taken.set(name, isPlain);
  taken.set(call, false);
  return false;
}

/** A message that an earlier call of the group files was not there when the rows were loaded. */
function namesOf(set: WorkingSet, { root }: Plan, index: number): string[] {
  const filed = root.by === "message" && !set.messages.before.has(root.id) ? set.messages.get(root.id) : undefined;
  return [...set.rootIds(index), ...(filed === undefined ? [] : [filed.conversationId])].flatMap((id) => {
    const row = set.conversations.get(id);
    return row === undefined ? [] : [nameOf(row.line, row.participantKey)];
  });
}
