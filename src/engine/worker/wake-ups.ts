import { OwnlineError } from "../../errors.ts";
import { hookNow } from "../../hook.ts";
import type { QueueListener } from "../../queue/queue.ts";
import { kindOfThrown } from "../../thrown.ts";
import type { EngineClock } from "../options/clock.ts";
import { abortQuietly } from "../support/abort.ts";
import type { EngineContext } from "../support/context.ts";
import { trouble } from "../support/problems.ts";

/** The object by which a serverless runtime allows work after the answer, for example a Worker's `ctx`. */
export interface WaitUntil {
  waitUntil(work: Promise<unknown>): void;
}

/** Whether a framework's second argument is such a context. Some frameworks pass route parameters instead. */
export function isWaitUntil(ctx: unknown): ctx is WaitUntil {
  return typeof ctx === "object" && ctx !== null && "waitUntil" in ctx && typeof ctx.waitUntil === "function";
}

/** Ends waits in this process: of the worker's loop, or of the readers of a conversation. */
export interface WakeUp {
  /**
   * How often it was notified. Read it before the look for work, so that a change between look and wait ends the wait.
   */
  readonly count: number;
  notify(): void;
  /**
   * Waits for `ms`. The wait ends early where it is notified, where it was notified since `since`, or where the signal
   * is aborted.
   */
  wait(clock: EngineClock, ms: number, options: WaitOptions): Promise<void>;
}

export interface WaitOptions {
  readonly since: number;
  /** Ends the wait. @default none */
  readonly signal?: AbortSignal | undefined;
  /** See {@link EngineClock.sleep}. @default false */
  readonly idle?: boolean;
}

/**
 * Makes a wake-up. A wait removes its listeners when it is over, because the signal and the wake-up may live as long as
 * the process.
 */
export function newWakeUp(): WakeUp {
  let count = 0;
  const waiting = new Set<() => void>();
  return {
    get count() {
      return count;
    },
    notify() {
      count += 1;
      for (const wake of waiting) wake();
    },
    async wait(clock, ms, { since, signal, idle = false }) {
      if (count !== since || signal?.aborted) return;
      const woken = new AbortController();
      const wake = () => abortQuietly(woken);
      waiting.add(wake);
      signal?.addEventListener("abort", wake, { once: true });
      await clock.sleep(ms, { signal: woken.signal, idle });
      waiting.delete(wake);
      signal?.removeEventListener("abort", wake);
    },
  };
}

/**
 * Arranges due work where this process has no started worker. The work is done after the answer where the runtime
 * allows it, by the process that listens to the queue, or by a cron. All due work is committed, so the next regular
 * look finds it where a wake-up fails. So none of these methods rejects.
 */
export interface Scheduler {
  /**
   * Call it after a commit that makes something due in `dueInMs`. It does nothing where the worker is started, which
   * knows of the commit. It waits only for the queue, because a runtime may end with its answer.
   */
  schedule(ctx: WaitUntil | undefined, dueInMs: number): Promise<void>;
  /** Asks the queue for a wake-up in `delayMs`. Resolves once the queue has taken it, or has failed. */
  notify(delayMs: number): Promise<void>;
  /**
   * Call it after a look, with the time until the next work is due; `null` for nothing. It asks the queue for a wake-up
   * even if an earlier one was requested, because that one may come too early, or never. It does not ask again within a
   * second of a request for a wake-up that comes in time.
   */
  notifyAgain(nextInMs: number | null): Promise<void>;
  /** Calls `onWakeUp` at each wake-up, where the queue can be listened to. */
  listen(onWakeUp: () => void): Promise<void>;
  close(): Promise<void>;
}

/** The part of the worker that the scheduler uses. */
interface Work {
  readonly started: boolean;
  drain(options: { readonly withinMs: number; readonly idle: boolean }): Promise<number | null>;
}

export interface SchedulerParts {
  readonly worker: Work;
  /** Whether this process has already worked on due messages and turns. */
  worked(): boolean;
}

/** A queue that hangs must not delay a webhook's answer, because the provider waits for the answer. */
const LONGEST_WAIT_MS = 2000;
/** Due work that was not done belongs to another worker, or has just failed. An immediate wake-up would busy-loop. */
const SOONEST_AGAIN_MS = 1000;
/** A serverless runtime gives about half a minute after the answer. */
const WAIT_UNTIL_MS = 25_000;
/** Long enough for a script to call `settled()`, or for a service to call `start()`. */
const PATIENCE_MS = 5000;

export function createScheduler(
  { queue, clock, reporter, logger }: Pick<EngineContext, "queue" | "clock" | "reporter" | "logger">,
  { worker, worked }: SchedulerParts,
): Scheduler {
  let asked = { askedAt: Number.NEGATIVE_INFINITY, comesAt: Number.POSITIVE_INFINITY };
  let listener: QueueListener | null = null;
  let warned = false;

  /** Makes a call to the queue. Returns whether it succeeded, and reports an error otherwise. */
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
      `the queue (${queue?.name}) could not ${what}: ${why}. Nothing is lost: the next processDue() does the work, so let a cron call it; see the cause`,
      { cause, retryable: true },
    );

  const notify = async (delayMs: number): Promise<void> => {
    if (queue === null) return;
    const askedAt = clock.now();
    if (await attempt("take a wake-up", () => queue.notify({ delayMs })))
      asked = { askedAt, comesAt: askedAt + delayMs };
  };

  const notifyAgain = async (nextInMs: number | null): Promise<void> => {
    if (nextInMs === null) return;
    const now = clock.now();
    const delayMs = Math.max(nextInMs, SOONEST_AGAIN_MS);
    // Where many wake-ups come at once, each look would otherwise ask for another wake-up.
    const isOnItsWay = asked.comesAt > now && asked.comesAt <= now + delayMs;
    if (isOnItsWay && now - asked.askedAt < SOONEST_AGAIN_MS) return;
    await notify(delayMs);
  };

  const workAfterAnswer = (ctx: WaitUntil): void => {
    const work = worker
      .drain({ withinMs: WAIT_UNTIL_MS, idle: false })
      .then(notifyAgain)
      .catch((error: unknown) => reporter.error(trouble(error)));
    try {
      hookNow("waitUntil", () => ctx.waitUntil(work));
    } catch (error) {
      // The text is already stored, and the work goes on for as long as the runtime allows.
      reporter.error(trouble(error));
    }
  };

  const warnUnlessWorked = (): void => {
    if (warned) return;
    warned = true;
    const timer: unknown = setTimeout(() => {
      if (worked()) return;
      logger.warn(
        "ownline stored a text, but nothing in this process works on it: call await sms.start() in a long-lived process, or sms.processDue() from a cron or queue. Ignore this if another process does.",
      );
    }, PATIENCE_MS);
    // A script that ends earlier needs no warning, and the timer must not keep it running.
    if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function") {
      timer.unref();
    }
  };

  return {
    notify,
    notifyAgain,
    async schedule(ctx, dueInMs) {
      if (worker.started) return;
      const notified = notify(dueInMs);
      if (ctx !== undefined) workAfterAnswer(ctx);
      else if (queue === null && !worked()) warnUnlessWorked();
      await notified;
    },
    async listen(onWakeUp) {
      if (listener !== null) return;
      await attempt("be listened to", async () => {
        listener = (await queue?.listen?.(onWakeUp)) ?? null;
      });
    },
    async close() {
      const last = listener;
      listener = null;
      if (last !== null) await attempt("be left", () => last.close());
    },
  };
}
