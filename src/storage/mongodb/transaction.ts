import type { Line } from "./admission.ts";
import type { MongoSession } from "./client.ts";
import { commitErrorOf, isUnknownCommit, mayRunAgain, serverErrorOf, storageError } from "./errors.ts";
import { type Store, TRANSACTION } from "./store.ts";
import { withinReach } from "./within-reach.ts";

/** What a transaction came to. */
export interface Judged<R> {
  readonly answer: R;
  /** False where nothing is to be written: the transaction is given up. */
  readonly commits: boolean;
}

type Judge<R> = (session: MongoSession) => Promise<Judged<R>>;

/** Others may hold the same documents for a while: a commit takes milliseconds, so this is many times that. */
const CONFLICT_TRIES = 60;
/** Of an error that we do not know; a server that only speaks MongoDB's protocol has conflicts with codes of its own. */
const UNSURE_TRIES = 6;
const COMMIT_TRIES = 3;
const LONGEST_WAIT_MS = 100;

/**
 * Runs a transaction until it commits, as soon as its turn comes in its line; without a line, at once. It may run more
 * than once, and nothing of a run that did not commit stays. A commit whose answer was lost is asked for again; where
 * that does not help, the whole is run again: `judge` finds the operation's first answer then, so it is not done twice.
 *
 * @throws OwnlineError `storage_unavailable`, retryable.
 */
export function transact<R>(store: Store, line: Line | null, judge: Judge<R>): Promise<R> {
  const run = () => withinReach(store.db, () => runUntilCommitted(store, judge));
  // It keeps its place between its runs: who meets conflicts would be overtaken by everybody else.
  return line === null ? run() : store.admit(line, run);
}

async function runUntilCommitted<R>(store: Store, judge: Judge<R>): Promise<R> {
  for (let run = 1; ; run += 1) {
    const session = store.db.client.startSession();
    try {
      session.startTransaction(TRANSACTION);
      const { answer, commits } = await judge(session);
      if (commits) await commit(session);
      else await giveUp(session);
      return answer;
    } catch (error) {
      await giveUp(session);
      const again = mayRunAgain(error);
      const tries = again === "conflict" ? CONFLICT_TRIES : again === "unsure" ? UNSURE_TRIES : 0;
      if (run >= tries) throw storageError(error);
      await waitBefore(run);
    } finally {
      await session.endSession();
    }
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

/** The server gives up what nobody commits, so a failure to tell it is no failure. */
async function giveUp(session: MongoSession): Promise<void> {
  try {
    await session.abortTransaction();
  } catch (error) {
    // The driver throws one of its own where there is nothing to give up any more.
    if (serverErrorOf(error) === null) throw error;
  }
}

/** Longer each time, and never the same for two that collided. */
function waitBefore(run: number): Promise<void> {
  const longestMs = Math.min(LONGEST_WAIT_MS, 2 ** run);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * longestMs));
}
