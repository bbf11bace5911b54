import type { OwnlineError } from "../../errors.ts";
import { createSweeper, type SweepHow, type Swept } from "../inbound/sweep.ts";
import type { EngineContext } from "../support/context.ts";
import { isCorrupt, reportProblems, trouble } from "../support/problems.ts";
import type { OwedReleases, Run } from "../turns/turn.ts";
import { heart } from "./heart.ts";
import { createHeartbeat } from "./heartbeat.ts";
import { heed } from "./heed.ts";
import { createRounds, type Filed, type PassResult } from "./rounds.ts";
import { newWakeUp } from "./wake-ups.ts";

/**
 * Does the ledger's due work, in a loop (`start`) or one pass at a time (`processDue`), both by the same code.
 * Conversations never wait for each other; within one, the ledger keeps the order.
 */
export interface Worker {
  /** Begins once `ready` is; a stop that was called meanwhile calls it off. */
  start(ready: () => Promise<unknown>): Promise<void>;
  readonly started: boolean;
  /** Something may be due: it looks into the ledger. */
  wake(): void;
  /** Something is due then; `null` for nothing. */
  lookIn(ms: number | null): void;
  /**
   * A text that needs an answer was stored: a run that did not see it gives way, and the turn is claimed when it is
   * due; `null`: none is.
   */
  newerText(conversationId: string, seq: number, turnInMs: number | null): void;
  /** Messages were stored that are to be sent. */
  filed(recorded: Filed): void;
  /** A conversation was taken over by a person, or its person opted out. */
  callOff(conversationId: string): void;
  /** Runs everything that is due now, looks for lost webhooks where it is time, and waits for both. */
  processDue(): Promise<PassResult>;
  /** Looks for lost webhooks of every sender, whether or not it is time. */
  sweepNow(how: Omit<SweepHow, "now">): Promise<Swept>;
  /**
   * Works until nothing is due any more, now or later, or until `withinMs` have passed. Returns the milliseconds until
   * what is left is due, `null` where nothing is.
   */
  drain(options: { readonly withinMs: number | null; readonly idle: boolean }): Promise<number | null>;
  /**
   * Takes no new work, gives what runs `timeoutMs`, then gives it back. One for all who ask meanwhile; see `Engine`.
   */
  stop(options: { readonly timeoutMs: number }): Promise<void>;
}

const TROUBLE_WAIT_MS = 1000;

export function createWorker(context: EngineContext): Worker {
  const { clock, reporter } = context;
  const runs = new Map<string, Run>();
  const owed: OwedReleases = new Map();
  const passes = new Set<Promise<unknown>>();
  const wakeUp = newWakeUp();
  let loop: Promise<void> | null = null;
  let endLoop = (): void => {};
  /** The stop that waits for the work to end, and how often one was asked for. */
  let stopping: Promise<void> | null = null;
  let stops = 0;
  let whenStopped = new AbortController();
  let stopSends = new AbortController();
  let stopLists = new AbortController();
  /** What the last pass met: what is still due is not asked about again at once, or by `drain` at all. */
  let met: OwnlineError | null = null;
  /** `settled()` runs: nothing happens but what is due. */
  let idling = false;
  const lastError = (): OwnlineError | null => met;

  const rounds = createRounds(context, {
    wakeUp,
    runs,
    owed,
    isStarted: () => loop !== null,
    isStopping: () => stopping !== null,
    isIdling: () => idling,
    sendSignal: () => stopSends.signal,
    failed(error) {
      // Where a row cannot be read, the ledger passes its conversation over: what is left to do does not wait for it.
      if (!isCorrupt(error)) met = error;
      reporter.error(error);
    },
  });
  const { pass, lookIn, filed, underWay } = rounds;
  const wake = (): void => lookIn(0);
  const alive = heart(context, createHeartbeat(context, { runs, owed, wake }));
  const sweeper = createSweeper(context, (recorded) => heed(self, recorded));

  const sweepOnAndOn = async (signal: AbortSignal): Promise<void> => {
    if (context.sweep === null) return;
    while (!signal.aborted) {
      const { found } = await sweeper.run(signal);
      if (found > 0) wake();
      await clock.sleep(context.sweep.everyMs, { signal });
    }
  };

  const keepRunning = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        await alive(() => Promise.all([rounds.loop(signal), sweepOnAndOn(signal)]));
      } catch (error) {
        reporter.error(trouble(error));
        await clock.sleep(TROUBLE_WAIT_MS, { signal });
      }
    }
  };

  /** A slow list does not hold up what is due; what it brings is due later than all that, so it is looked at again. */
  const passAndSweep = async (): Promise<PassResult> => {
    const [done, { found }] = await Promise.all([pass(), sweeper.run(stopLists.signal)]);
    reportProblems(context);
    if (found === 0) return done;
    const more = await pass();
    return { turns: done.turns + more.turns, sends: done.sends + more.sends, nextInMs: more.nextInMs };
  };

  /** Keeps a piece of work in sight of `stop`. */
  const watched = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const going = work();
    passes.add(going);
    try {
      return await going;
    } finally {
      passes.delete(going);
    }
  };

  const end = async (): Promise<void> => {
    endLoop();
    stopLists.abort();
    wake();
    let working: Promise<unknown>[];
    do {
      working = [...underWay(), ...passes];
      if (loop !== null) working.push(loop);
      await Promise.allSettled(working);
    } while (working.length > 0);
    stopping = null;
    whenStopped.abort();
    whenStopped = new AbortController();
    stopLists = new AbortController();
    stopSends = new AbortController();
  };

  const self: Worker = {
    get started() {
      return loop !== null;
    },
    async start(ready) {
      const asked = stops;
      await ready();
      while (stopping !== null) await stopping;
      if (stops !== asked || loop !== null) return;
      const stopLoop = new AbortController();
      endLoop = () => stopLoop.abort();
      loop = keepRunning(stopLoop.signal).then(() => {
        loop = null;
      });
    },
    wake,
    lookIn,
    newerText(conversationId, seq, turnInMs) {
      const run = runs.get(conversationId);
      if (run !== undefined && run.throughSeq < seq) run.giveUp("superseded");
      rounds.turnIn(conversationId, turnInMs);
      wakeUp.notify();
    },
    filed,
    callOff(conversationId) {
      runs.get(conversationId)?.giveUp("lost");
    },
    processDue: () => watched(() => alive(passAndSweep)),
    sweepNow: (how) => watched(() => sweeper.run(stopLists.signal, { ...how, now: true })),
    async drain({ withinMs, idle }) {
      const startedAt = clock.now();
      const left = () => (withinMs === null ? Number.POSITIVE_INFINITY : withinMs - (clock.now() - startedAt));
      const untilNothingIsDue = async () => {
        let nextInMs: number | null = null;
        while (stopping === null && left() > 0) {
          const since = wakeUp.count;
          met = null;
          idling = idle;
          ({ nextInMs } = await pass().finally(() => {
            idling = false;
          }));
          if (nextInMs === null || nextInMs > left()) break;
          const error = lastError();
          // Nothing is settled by waiting for what no repetition can mend.
          if (error !== null && !error.retryable) throw error;
          // A row that is due and was not done is another worker's, or has just failed: look again in a moment.
          await wakeUp.wait(clock, Math.max(nextInMs, error === null ? 5 : TROUBLE_WAIT_MS), { since, idle });
        }
        return nextInMs;
      };
      return watched(() => alive(untilNothingIsDue));
    },
    stop({ timeoutMs }) {
      stops += 1;
      stopping ??= end();
      const { signal } = whenStopped;
      void clock.sleep(timeoutMs, { signal }).then(() => {
        if (signal.aborted) return;
        for (const run of runs.values()) run.giveUp("stopped");
        stopSends.abort();
      });
      return stopping;
    },
  };
  return self;
}
