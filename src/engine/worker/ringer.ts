import { OwnlineError } from "../../errors.ts";
import type { QueueListener } from "../../queue/queue.ts";
import { kindOfThrown } from "../../thrown.ts";
import { abortQuietly } from "../support/abort.ts";
import type { EngineContext } from "../support/context.ts";

/**
 * Rings the queue, for the process that will do the work when this one is gone. Nothing here ever rejects: what is due
 * is committed, and the next regular look into the ledger finds it.
 */
export interface Ringer {
  /** After a commit: something is due in `delayMs`. Resolves once the queue has taken the ring, or has failed. */
  ring(delayMs: number): Promise<void>;
  /**
   * After a look: the next thing is due then. Asked for although a ring may be on its way already, since it may come
   * too early, or never; but not within a second of having asked for one that does. Once nothing is due, it is silent.
   */
  ringAgain(nextInMs: number | null): Promise<void>;
  /** Has `onRing` called at each ring, where the queue can. */
  listen(onRing: () => void): Promise<void>;
  close(): Promise<void>;
}

/** A queue that hangs must not keep a webhook's answer: the provider waits for it. */
const LONGEST_WAIT_MS = 2000;
/** What is due and was not done is somebody else's, or has just failed: ringing at once would spin. */
const SOONEST_AGAIN_MS = 1000;

export function createRinger({ queue, clock, reporter }: Pick<EngineContext, "queue" | "clock" | "reporter">): Ringer {
  let asked = { askedAt: Number.NEGATIVE_INFINITY, comesAt: Number.POSITIVE_INFINITY };
  let listener: QueueListener | null = null;

  /** Returns whether the queue did it; tells why not. */
  const attempt = async (what: string, call: () => Promise<unknown> | undefined): Promise<boolean> => {
    const over = new AbortController();
    const done = (async () => call())().then(
      () => null,
      (cause: unknown) => failure(what, kindOfThrown(cause), cause),
    );
    const late = clock
      .sleep(LONGEST_WAIT_MS, { signal: over.signal })
      .then(() => failure(what, `it did not answer within ${LONGEST_WAIT_MS} ms`));
    const failed = await Promise.race([done, late]);
    abortQuietly(over);
    if (failed !== null) reporter.error(failed);
    return failed === null;
  };

  const failure = (what: string, why: string, cause?: unknown): OwnlineError =>
    new OwnlineError(
      "queue_unavailable",
      `the queue (${queue?.name}) could not ${what}: ${why}. Nothing is lost: the next processDue() does the work, so see that a cron calls it; see the cause`,
      { cause, retryable: true },
    );

  const ring = async (delayMs: number): Promise<void> => {
    if (queue === null) return;
    const askedAt = clock.now();
    if (await attempt("take a ring", () => queue.ring({ delayMs }))) asked = { askedAt, comesAt: askedAt + delayMs };
  };

  return {
    ring,
    async ringAgain(nextInMs) {
      if (nextInMs === null) return;
      const now = clock.now();
      const delayMs = Math.max(nextInMs, SOONEST_AGAIN_MS);
      // Where rings come in swarms, each look would make another one.
      const isOnItsWay = asked.comesAt > now && asked.comesAt <= now + delayMs;
      if (isOnItsWay && now - asked.askedAt < SOONEST_AGAIN_MS) return;
      await ring(delayMs);
    },
    async listen(onRing) {
      if (listener !== null) return;
      await attempt("be listened to", async () => {
        listener = (await queue?.listen?.(onRing)) ?? null;
      });
    },
    async close() {
      const last = listener;
      listener = null;
      if (last !== null) await attempt("be left", () => last.close());
    },
  };
}
