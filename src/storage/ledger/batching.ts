import { isOwnlineError, OwnlineError } from "../../errors.ts";
import type { Decided, LedgerDatabase, Loaded, Plan, StoredAnswer } from "../database.ts";
import { changesOf } from "./changes.ts";
import { nameOf } from "./held.ts";
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

/** The result of a group: the calls that have an answer, those that failed, and those that the next group decides. */
interface Course {
  readonly verdicts: readonly Verdict[];
  readonly failed: readonly Failure[];
  readonly deferred: readonly Entry[];
}

interface Failure {
  readonly entry: Entry;
  readonly error: unknown;
}

/**
 * A call that has waited so long for the calls before it fails, and may be repeated: nothing of it was decided. Twilio
 * gives a webhook up after 15 s (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
 */
const LONGEST_WAIT_MS = 10_000;

/** How often the waiting calls are looked through. */
const LOOK_EVERY_MS = 1_000;

/** How many calls that wait for no group are decided at a time. */
const MOST_LONE = 8;

/**
 * Decides calls: alone, or where the database can, in groups. A group is what came while the one before was decided, or
 * within one turn of the event loop.
 */
export function batching(database: LedgerDatabase): (entry: Entry) => void {
  let waiting: Entry[] = [];
  let isBusy = false;
  /** When each of the waiting calls came. */
  const since = new WeakMap<Entry, number>();
  let alarm: ReturnType<typeof setTimeout> | null = null;
  const lone: Entry[] = [];
  let loneUnderWay = 0;

  /** Lone calls wait for no group, and no group waits for them. */
  async function drainLone(): Promise<void> {
    if (loneUnderWay >= MOST_LONE) return;
    loneUnderWay += 1;
    for (let entry = lone.shift(); entry !== undefined; entry = lone.shift()) await commitOne(database, entry);
    loneUnderWay -= 1;
  }

  function begin(): void {
    if (isBusy) return;
    isBusy = true;
    void drain();
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const group = takeGroup();
      if (waiting.length > 0) watch();
      await commit(group);
      await afterMicrotasks();
    }
    isBusy = false;
    if (alarm !== null) clearTimeout(alarm);
    alarm = null;
  }

  /** While a database hangs, the calls behind it do not hang with it. */
  function watch(): void {
    alarm ??= setTimeout(() => {
      alarm = null;
      const isLate = (entry: Entry): boolean => performance.now() - (since.get(entry) ?? 0) >= LONGEST_WAIT_MS;
      const late = waiting.filter(isLate);
      waiting = waiting.filter((entry) => !isLate(entry));
      for (const entry of late) entry.reject(waitedTooLong(database.name));
      if (waiting.length > 0) watch();
    }, LOOK_EVERY_MS);
  }

  /** The first ones that can be decided together. One that cannot waits for the next group, or goes alone. */
  function takeGroup(): readonly Entry[] {
    const [first] = waiting;
    if (first === undefined) return [];
    if (goesAlone(first.plan)) {
      waiting = waiting.slice(1);
      return [first];
    }
    const end = waiting.findIndex(({ plan }) => goesAlone(plan));
    const count = Math.min(end < 0 ? waiting.length : end, database.maxPlans);
    const group = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return group;
  }

  async function commit(group: readonly Entry[]): Promise<void> {
    const [only] = group;
    if (only !== undefined && group.length === 1) {
      await commitOne(database, only);
      return;
    }
    try {
      const plans = group.map(({ plan }) => plan);
      const course = await database.decide(plans, (loaded) => decideAll(group, loaded));
      for (const { settle } of course.verdicts) settle();
      for (const { entry, error } of course.failed) entry.reject(error);
      waiting = [...course.deferred, ...waiting];
    } catch (error) {
      await failed(group, error);
    }
  }

  /** Nothing was written. A database that is away fails all; one call at fault must not fail the others. */
  async function failed(group: readonly Entry[], error: unknown): Promise<void> {
    if (isOwnlineError(error) && error.retryable) {
      for (const entry of group) entry.reject(error);
      return;
    }
    for (const entry of group) await commitOne(database, entry);
  }

  return (entry) => {
    if (database.maxPlans === 1) {
      void commitOne(database, entry);
      return;
    }
    if (waitsForNone(entry.plan)) {
      lone.push(entry);
      void drainLone();
      return;
    }
    waiting.push(entry);
    since.set(entry, performance.now());
    if (isBusy) {
      watch();
      return;
    }
    if (database.nextTurn !== undefined && comesFromOutside(entry.plan)) database.nextTurn(begin);
    else void afterMicrotasks().then(begin);
  };
}

function waitedTooLong(name: string): OwnlineError {
  return new OwnlineError(
    "storage_unavailable",
    `The ${name} ledger did not begin this call within ${LONGEST_WAIT_MS / 1000} s, because it was still busy with ` +
      "earlier calls. Nothing was written: repeat the call, and look at what slows the database down.",
    { retryable: true },
  );
}

/**
 * Messages and callbacks come by events of their own, and one turn of the event loop brings many. What a worker calls
 * follows from the answers of a group, within a few microtasks.
 */
function comesFromOutside({ root: { by } }: Plan): boolean {
  return by === "address" || by === "attempt";
}

/** More than lie between the answer to one call of a worker and its next call, which then shares the next group. */
const MICROTASKS = 16;

async function afterMicrotasks(): Promise<void> {
  for (let count = 0; count < MICROTASKS; count += 1) await Promise.resolve();
}

/** What looks at candidates, or at all conversations under a consent, is not decided beside others. */
function goesAlone({ root: { by }, slices }: Plan): boolean {
  return by === "due" || by === "workers" || by === "unsent" || slices.includes("stoppable");
}

/**
 * A heartbeat must not come late, and it keeps no order with other calls. A STOP does: it follows the messages that the
 * person wrote before it. Claims of turns take turns, since each would claim the same conversation.
 */
function waitsForNone({ root: { by } }: Plan): boolean {
  return by === "workers" || by === "unsent";
}

/** Most calls of a quiet service come alone: none of the bookkeeping of a group is needed. */
async function commitOne(database: LedgerDatabase, entry: Entry): Promise<void> {
  try {
    const { verdicts } = await database.decide([entry.plan], (loaded) => decideOne(entry, loaded));
    for (const { settle } of verdicts) settle();
  } catch (error) {
    entry.reject(error);
  }
}

function decideOne(entry: Entry, loaded: Loaded): Decided<Course> {
  const set = new WorkingSet(loaded);
  set.turnTo(entry.plan, 0);
  const verdict = entry.decide(set);
  const changes = changesOf(set, verdict.stored === null ? [] : [verdict.stored]);
  return { answer: { verdicts: [verdict], failed: [], deferred: [] }, changes };
}

function decideAll(group: readonly Entry[], loaded: Loaded): Decided<Course> {
  const failed: Failure[] = [];
  for (;;) {
    const course = tryAll(group, loaded, failed);
    if (course !== null) return course;
  }
}

/** `null` where a rule has failed: what it may have changed is thrown away, and the others are decided anew. */
function tryAll(group: readonly Entry[], loaded: Loaded, failed: Failure[]): Decided<Course> | null {
  const set = new WorkingSet(loaded);
  const taken = new Map<string, boolean>();
  const verdicts: Verdict[] = [];
  const deferred: Entry[] = [];
  for (const [index, entry] of group.entries()) {
    if (failed.some((one) => one.entry === entry)) continue;
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
  return { answer: { verdicts, failed, deferred }, changes: changesOf(set, answers) };
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
