import { isOwnlineError } from "../../errors.ts";

/** How concurrent acknowledgements share a commit. */
export interface GroupCommit {
  /**
   * At most so many texts in one commit.
   * @default 100
   */
  readonly maxBatch?: number;
  /**
   * How long the first text waits for others while no commit is under way. 0 for not at all: a text that comes alone
   * goes alone, and what comes during its commit goes together in the next one.
   * @default 0
   */
  readonly maxDelayMs?: number;
}

export interface GroupCommitOptions<I, O> {
  readonly maxBatch: number;
  readonly maxDelayMs: number;
  one(item: I): Promise<O>;
  /** All of them in one commit, or none. Answers in their order. */
  all(items: readonly I[]): Promise<readonly O[]>;
}

interface Waiting<I, O> {
  readonly item: I;
  resolve(result: O): void;
  reject(error: unknown): void;
}

/**
 * Merges concurrent calls into one commit each; a caller is answered only after the commit of its own item. One commit
 * is under way at a time, so that items keep the order in which they came.
 */
export function groupCommit<I, O>({
  maxBatch,
  maxDelayMs,
  one,
  all,
}: GroupCommitOptions<I, O>): (item: I) => Promise<O> {
  let waiting: Waiting<I, O>[] = [];
  let isBusy = false;

  async function drain(): Promise<void> {
    if (maxDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, maxDelayMs));
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxBatch);
      waiting = waiting.slice(maxBatch);
      await commit(batch);
    }
    isBusy = false;
  }

  async function commit(batch: readonly Waiting<I, O>[]): Promise<void> {
    const [only] = batch;
    if (batch.length === 1 && only !== undefined) return await alone(only);
    try {
      const results = await all(batch.map(({ item }) => item));
      for (const [index, entry] of batch.entries()) {
        const result = results[index];
        if (result === undefined) entry.reject(new TypeError("A commit of several texts answered too few of them."));
        else entry.resolve(result);
      }
    } catch (error) {
      if (isOwnlineError(error) && error.retryable) {
        // The database is away: nobody is acknowledged, and each caller comes again.
        for (const entry of batch) entry.reject(error);
        return;
      }
      // One of them is at fault. Nothing was written, so each is tried by itself, in order.
      for (const entry of batch) await alone(entry);
    }
  }

  async function alone({ item, resolve, reject }: Waiting<I, O>): Promise<void> {
    try {
      resolve(await one(item));
    } catch (error) {
      reject(error);
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (isBusy) return;
      isBusy = true;
      // After this moment's calls have come: a burst that arrives at once is one commit from the start.
      queueMicrotask(() => void drain());
    });
}
