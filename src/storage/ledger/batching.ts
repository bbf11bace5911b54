import { isOwnlineError, OwnlineError } from "../../errors.ts";
import type { LedgerDatabase, Plan } from "../database.ts";
import { commitOne, decideAll, type Entry } from "./deciding.ts";
import { choosesAmong, comesFromOutside } from "./plans.ts";
import type { UnreadableRows } from "./unreadable.ts";

/**
 * A call fails when it has waited this long for earlier calls. The ledger has not decided it, so the caller may repeat
 * it. Twilio stops waiting for a webhook's response after 15 s
 * (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
 */
const LONGEST_WAIT_MS = 10_000;

/** How often the ledger checks which waiting calls have waited too long. */
const LOOK_EVERY_MS = 1_000;

/** How many calls the ledger decides at once outside of groups. */
const MOST_LONE = 8;

/**
 * Decides calls in groups where the database supports it, otherwise each call alone. A group holds the calls that
 * arrived while the previous group was decided, or within one turn of the event loop.
 */
export function batching(database: LedgerDatabase, unreadable: UnreadableRows): (entry: Entry) => void {
  let waiting: Entry[] = [];
  let isBusy = false;
  /** When each waiting call arrived. */
  const since = new WeakMap<Entry, number>();
  let alarm: ReturnType<typeof setTimeout> | null = null;
  const lone: Entry[] = [];
  let loneUnderWay = 0;

  /** Lone calls and groups do not wait for each other. */
  async function drainLone(): Promise<void> {
    if (loneUnderWay >= MOST_LONE) return;
    loneUnderWay += 1;
    for (let entry = lone.shift(); entry !== undefined; entry = lone.shift())
      await commitOne(database, entry, unreadable);
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

  /**
   * Rejects calls that have waited too long. Without this, they would wait for as long as the database does not answer.
   */
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

  /**
   * Takes the first calls that can be decided together. A call that must be decided alone ends the group, or is the
   * group.
   */
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
      await commitOne(database, only, unreadable);
      return;
    }
    let apart: readonly Entry[] = [];
    try {
      const plans = group.map(({ plan }) => plan);
      const decisions = await database.decide(plans, (loaded) => decideAll(group, loaded));
      unreadable.noteAhead(decisions.ahead);
      for (const { settle } of decisions.verdicts) settle();
      for (const { entry, error } of decisions.failed) entry.reject(unreadable.refusal(error));
      waiting = [...decisions.deferred, ...waiting];
      apart = decisions.apart;
    } catch (error) {
      await failed(group, error);
    }
    for (const entry of apart) await commitOne(database, entry, unreadable);
  }

  /**
   * Nothing was written. If the database is unreachable, all calls fail. Otherwise each call is decided alone, so that
   * one faulty call does not fail the others.
   */
  async function failed(group: readonly Entry[], error: unknown): Promise<void> {
    if (isOwnlineError(error) && error.retryable) {
      for (const entry of group) entry.reject(error);
      return;
    }
    for (const entry of group) await commitOne(database, entry, unreadable);
  }

  return (entry) => {
    if (database.maxPlans === 1) {
      void commitOne(database, entry, unreadable);
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
    // Each webhook is an event of its own, and one turn of the event loop can bring many. A worker makes its calls within
    // a few microtasks after a group's answers.
    if (database.nextTurn !== undefined && comesFromOutside(entry.plan)) database.nextTurn(begin);
    else void afterMicrotasks().then(begin);
  };
}

function waitedTooLong(name: string): OwnlineError {
  return new OwnlineError(
    "storage_unavailable",
    `The ${name} ledger did not begin this call within ${LONGEST_WAIT_MS / 1000} s, because it was still busy with ` +
      "earlier calls. Nothing was written: repeat the call, and find out what makes the database slow.",
    { retryable: true },
  );
}

/**
 * A worker needs fewer microtasks than this between the answer to one call and its next call. So the next call joins
 * the next group.
 */
const MICROTASKS = 16;

async function afterMicrotasks(): Promise<void> {
  for (let count = 0; count < MICROTASKS; count += 1) await Promise.resolve();
}

/** A call that chooses among candidates, or reads all conversations under a consent, is decided without other calls. */
function goesAlone(plan: Plan): boolean {
  return choosesAmong(plan) || plan.slices.includes("stoppable");
}

/**
 * Whether a call is decided at once. A heartbeat must not be late, and its order among other calls does not matter. The
 * order of a STOP matters: it follows the messages that the person wrote before. Claims of turns wait for each other,
 * because each would claim the same conversation.
 */
function waitsForNone({ root: { by } }: Plan): boolean {
  return by === "workers" || by === "unsent";
}
