import { isOwnlineError, OwnlineError } from "../../errors.ts";
import type { LedgerDatabase, Plan } from "../database.ts";
import { choosesAmong } from "./concerned.ts";
import { commitOne, decideAll, type Entry } from "./deciding.ts";
import type { LeftAlone } from "./left-alone.ts";

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
export function batching(database: LedgerDatabase, alone: LeftAlone): (entry: Entry) => void {
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
    for (let entry = lone.shift(); entry !== undefined; entry = lone.shift()) await commitOne(database, entry, alone);
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
      await commitOne(database, only, alone);
      return;
    }
    let apart: readonly Entry[] = [];
    try {
      const plans = group.map(({ plan }) => plan);
      const course = await database.decide(plans, (loaded) => decideAll(group, loaded));
      alone.noteAhead(course.ahead);
      for (const { settle } of course.verdicts) settle();
      for (const { entry, error } of course.failed) entry.reject(alone.refusal(error));
      waiting = [...course.deferred, ...waiting];
      apart = course.apart;
    } catch (error) {
      await failed(group, error);
    }
    for (const entry of apart) await commitOne(database, entry, alone);
  }

  /** Nothing was written. A database that is away fails all; one call at fault must not fail the others. */
  async function failed(group: readonly Entry[], error: unknown): Promise<void> {
    if (isOwnlineError(error) && error.retryable) {
      for (const entry of group) entry.reject(error);
      return;
    }
    for (const entry of group) await commitOne(database, entry, alone);
  }

  return (entry) => {
    if (database.maxPlans === 1) {
      void commitOne(database, entry, alone);
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
function goesAlone(plan: Plan): boolean {
  return choosesAmong(plan) || plan.slices.includes("stoppable");
}

/**
 * A heartbeat must not come late, and it keeps no order with other calls. A STOP does: it follows the messages that the
 * person wrote before it. Claims of turns take turns, since each would claim the same conversation.
 */
function waitsForNone({ root: { by } }: Plan): boolean {
  return by === "workers" || by === "unsent";
}
