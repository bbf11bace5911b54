import { MOST_DECISIONS } from "../ledger/rules/limits.ts";
import type { Line } from "./admission.ts";
import type { MongoSession } from "./client.ts";
import { commitErrorOf, isUnknownCommit, Moved, mayRunAgain, serverErrorOf, storageError } from "./errors.ts";
import { type Store, TRANSACTION } from "./store.ts";
import { withinReach } from "./within-reach.ts";

/**
 * How often a call runs after an unknown error. It may be a conflict: a server that only implements MongoDB's protocol
 * has codes of its own.
 */
const UNSURE_TRIES = 6;
const COMMIT_TRIES = 3;
const LONGEST_WAIT_MS = 100;

/**
 * Runs a function that reads and then commits. It waits in its line first; without a line it runs at once. If other
 * processes changed what it read, nothing was written, and it runs again after a pause. It also runs again if the
 * answer to a commit stays lost: the next run then finds what the first run stored.
 *
 * @throws OwnlineError `storage_unavailable`, retryable.
 */
export function untilCommitted<R>(store: Store, line: Line | null, run: (runs: number) => Promise<R>): Promise<R> {
  const all = (): Promise<R> => withinReach(store.db, () => runAgain(run));
  // A call keeps its place while it repeats after a conflict, so that other calls do not overtake it.
  return line === null ? all() : store.admit(line, all);
}

async function runAgain<R>(run: (runs: number) => Promise<R>): Promise<R> {
  for (let runs = 1; ; runs += 1) {
    try {
      return await run(runs);
    } catch (error) {
      const again = mayRunAgain(error);
      const tries = again === "conflict" ? MOST_DECISIONS : again === "unsure" ? UNSURE_TRIES : 0;
      if (runs >= tries) throw storageError(error);
      await waitBefore(runs);
    }
  }
}

/** One transaction that writes. If the answer to its commit is lost, the commit is repeated. */
export function writing<R>(store: Store, run: (session: MongoSession) => Promise<R>): Promise<R> {
  return inSession(store, async (session) => {
    const answer = await run(session);
    await commit(session);
    return answer;
  });
}

/**
 * Runs reads in one transaction, so that all of them see the same snapshot: a message is never read without its
 * conversation.
 */
export function reading<R>(store: Store, line: Line, run: (session: MongoSession) => Promise<R>): Promise<R> {
  return untilCommitted(store, line, () =>
    inSession(store, async (session) => {
      const answer = await run(session);
      await giveUp(session);
      return answer;
    }),
  );
}

async function inSession<R>(store: Store, run: (session: MongoSession) => Promise<R>): Promise<R> {
  const session = store.db.client.startSession();
  try {
    session.startTransaction(TRANSACTION);
    return await run(session);
  } catch (error) {
    await giveUp(session);
    throw error;
  } finally {
    await session.endSession();
  }
}

/** Commits. A commit may be repeated: if it has happened, the server returns its result again. */
async function commit(session: MongoSession): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await session.commitTransaction();
      return;
    } catch (thrown) {
      const error = commitErrorOf(thrown);
      if (attempt >= COMMIT_TRIES || !isUnknownCommit(error)) throw error;
    }
  }
}

/**
 * Aborts a transaction. If the abort fails, nothing more is needed, because the server ends a transaction that stays
 * open.
 */
async function giveUp(session: MongoSession): Promise<void> {
  try {
    await session.abortTransaction();
  } catch (error) {
    // The driver throws an error of its own if the transaction has ended already.
    if (serverErrorOf(error) === null) throw error;
  }
}

/**
 * Waits for a random time before the next run, so that two calls in conflict do not run again together. The longest
 * wait grows with each run.
 */
function waitBefore(run: number): Promise<void> {
  const longestMs = Math.min(LONGEST_WAIT_MS, 2 ** run);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * longestMs));
}

/** @throws Moved if a guard does not hold. */
export function demand(holds: boolean, guard: string): void {
  if (!holds) throw new Moved(guard);
}
