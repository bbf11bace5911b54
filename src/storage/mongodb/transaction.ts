import type { Line } from "./admission.ts";
import type { MongoSession } from "./client.ts";
import { commitErrorOf, isUnknownCommit, Moved, mayRunAgain, serverErrorOf, storageError } from "./errors.ts";
import { type Store, TRANSACTION } from "./store.ts";
import { withinReach } from "./within-reach.ts";

/** A row that many processes write at once may move this often: a commit takes milliseconds. */
const CONFLICT_TRIES = 20;
/**
 * Of an error that we do not know; a server that only speaks MongoDB's protocol has conflicts with codes of its own.
 */
const UNSURE_TRIES = 6;
const COMMIT_TRIES = 3;
const LONGEST_WAIT_MS = 100;

/**
 * Runs what reads and then commits, as soon as its turn comes in its line; without a line, at once. Where others
 * changed what it read, nothing was written, and it runs again after a while. So it does where the answer to a commit
 * was lost for good: it then finds what its first run stored.
 *
 * @throws OwnlineError `storage_unavailable`, retryable.
 */
export function untilCommitted<R>(store: Store, line: Line | null, run: (runs: number) => Promise<R>): Promise<R> {
  const all = (): Promise<R> => withinReach(store.db, () => runAgain(run));
  // It keeps its place between its runs: a call that meets conflicts is not overtaken by all others.
  return line === null ? all() : store.admit(line, all);
}

async function runAgain<R>(run: (runs: number) => Promise<R>): Promise<R> {
  for (let runs = 1; ; runs += 1) {
    try {
      return await run(runs);
    } catch (error) {
      const again = mayRunAgain(error);
      const tries = again === "conflict" ? CONFLICT_TRIES : again === "unsure" ? UNSURE_TRIES : 0;
      if (runs >= tries) throw storageError(error);
      await waitBefore(runs);
    }
  }
}

/** One transaction that writes. A commit whose answer was lost is asked for again. */
export function writing<R>(store: Store, run: (session: MongoSession) => Promise<R>): Promise<R> {
  return inSession(store, async (session) => {
    const answer = await run(session);
    await commit(session);
    return answer;
  });
}

/** Reads of one moment: a message is never seen without its conversation. */
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

/** A commit may be repeated: the server answers for the one that happened. */
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

/** The server ends a transaction that stays open, so a failure to abort it changes nothing. */
async function giveUp(session: MongoSession): Promise<void> {
  try {
    await session.abortTransaction();
  } catch (error) {
    // The driver throws one of its own where there is nothing to give up any more.
    if (serverErrorOf(error) === null) throw error;
  }
}

/** Longer each time, and another time for each of two that collided. */
function waitBefore(run: number): Promise<void> {
  const longestMs = Math.min(LONGEST_WAIT_MS, 2 ** run);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * longestMs));
}

/** @throws Moved where a guard does not hold. */
export function demand(holds: boolean, guard: string): void {
  if (!holds) throw new Moved(guard);
}
