import type { OwnlineError } from "../errors.ts";
import type { DueMessage } from "../storage/storage.ts";
import { createBeat } from "./beat.ts";
import { newBell } from "./bell.ts";
import { byConversation } from "./by-conversation.ts";
import { createClaims } from "./claims.ts";
import type { EngineContext } from "./context.ts";
import { createDeliver } from "./deliver.ts";
import { heart, trouble } from "./heart.ts";
import { heed } from "./heed.ts";
import { createReconcile } from "./reconcile.ts";
import { createSweeper, type SweepHow, type Swept } from "./sweep.ts";
import type { OwedReleases, Run } from "./turn.ts";
import { createUnknownLines } from "./unknown-lines.ts";

/** What one pass over the due work did, and when the next one is due. */
export interface PassResult {
  /** Turns that were run. */
  readonly turns: number;
  /** Messages that were handed to the carrier, settled or cancelled. */
  readonly sends: number;
  /** Milliseconds until something is due again; `null` where nothing waits. */
  readonly nextInMs: number | null;
}

/**
 * Does the ledger's due work, in a loop (`start`) or one pass at a time (`processDue`), both by the same code.
 * Conversations never wait for each other; within one, the ledger keeps the order.
 */
export interface Worker {
  /** Begins once `ready` is; a stop that was called meanwhile calls it off. */
  start(ready: () => Promise<unknown>): Promise<void>;
  readonly started: boolean;
  /** Rings the bell: something may be due. */
  wake(): void;
  /** A text that needs an answer was stored: a run that did not see it gives way. */
  newerText(conversationId: string, seq: number): void;
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
  /** Takes no new work, gives what runs `timeoutMs`, then gives it back. One for all who ask meanwhile; see `Engine`. */
  stop(options: { readonly timeoutMs: number }): Promise<void>;
}

/** Messages of one conversation that are on their way to the provider. */
interface Begun {
  readonly messages: number;
  readonly sending: Promise<number>;
}

const DUE_LIMIT = 100;
const TROUBLE_WAIT_MS = 1000;

export function createWorker(context: EngineContext): Worker {
  const { clock, storage, scope, workerId, tell } = context;
  const runs = new Map<string, Run>();
  const owed: OwedReleases = new Map();
  const sends = new Map<string, Promise<number>>();
  const passes = new Set<Promise<unknown>>();
  const bell = newBell();
  const wake = bell.ring;
  let loop: Promise<void> | null = null;
  let endLoop = (): void => {};
  /** The stop that waits for the work to end, and how often one was asked for. */
  let stopping: Promise<void> | null = null;
  let stops = 0;
  let whenStopped = new AbortController();
  let stopSends = new AbortController();
  let stopLists = new AbortController();
  /** Messages were left lying because enough others were on their way. */
  let crowded = false;
  /** What the last pass met: whatever is still due is not asked about again at once, or by `drain` at all. */
  let met: OwnlineError | null = null;
  /** `settled()` runs: nothing happens but what is due. */
  let idling = false;
  const lastError = (): OwnlineError | null => met;

  const beat = createBeat(context, { runs, owed, wake });
  const alive = heart(context, beat);
  const sweeper = createSweeper(context, (recorded) => heed(self, recorded));
  const unknownLines = createUnknownLines(context);
  const deliver = createDeliver(context, unknownLines);
  const reconcile = createReconcile(context, {
    unknownLines,
    isJumping: () => idling && clock.jumps === true,
  });

  const claimTurns = createClaims(context, { runs, owed, unknownLines, isStopping: () => stopping !== null, wake });

  /** Starts what is due, conversation by conversation; `idle` collects messages that nothing could be done about. */
  const startSends = (due: readonly DueMessage[], idle?: Set<string>): Begun[] => {
    const started: Begun[] = [];
    for (const [conversationId, messages] of byConversation(due)) {
      if (sends.has(conversationId) || stopping !== null) continue;
      if (sends.size >= context.worker.concurrency) {
        crowded = true;
        break;
      }
      const sending = sendInOrder(messages, idle).then(({ done, failed }) => {
        sends.delete(conversationId);
        // Ringing for nothing would spin.
        if (done > 0 || (crowded && !failed)) {
          crowded = false;
          wake();
        }
        return done;
      });
      sends.set(conversationId, sending);
      started.push({ messages: messages.length, sending });
    }
    return started;
  };

  const sendInOrder = async (due: readonly DueMessage[], idle?: Set<string>) => {
    let done = 0;
    for (const entry of due) {
      if (stopSends.signal.aborted) break;
      try {
        const handle = entry.message.status === "unknown" ? reconcile : deliver;
        if (await handle(entry, stopSends.signal)) done += 1;
        else idle?.add(entry.message.id);
      } catch (error) {
        idle?.add(entry.message.id);
        met = trouble(error);
        tell.error(met);
        return { done, failed: true };
      }
    }
    return { done, failed: false };
  };

  const runLoop = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const since = bell.rings;
      try {
        await claimTurns();
        const due = await storage.due({ scope, workerId, limit: DUE_LIMIT });
        startSends(due.messages);
        // At 0 a worker is dead whose work the next heartbeat takes over, and that rings.
        const isDue = due.messages.length > 0 || due.turns || due.nextInMs === 0;
        const soon = isDue ? context.worker.pollMs : (due.nextInMs ?? context.worker.pollMs);
        await bell.rest(clock, Math.min(Math.max(1, soon), context.worker.pollMs), { since, signal });
      } catch (error) {
        tell.error(trouble(error));
        await clock.sleep(TROUBLE_WAIT_MS, { signal });
      }
    }
  };

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
        await alive(() => Promise.all([runLoop(signal), sweepOnAndOn(signal)]));
      } catch (error) {
        tell.error(trouble(error));
        await clock.sleep(TROUBLE_WAIT_MS, { signal });
      }
    }
  };

  const pass = async (): Promise<PassResult> => {
    let turns = 0;
    let sent = 0;
    /** How many turns and messages may still begin. */
    let room = context.worker.passLimit;
    const idle = new Set<string>();
    for (;;) {
      const { claimed, more } = await claimTurns(room);
      turns += claimed;
      room -= claimed;
      const due = await storage.due({ scope, workerId, limit: DUE_LIMIT });
      const fresh = due.messages.filter(({ message }) => !idle.has(message.id)).slice(0, room);
      for (const { messages, sending } of startSends(fresh, idle)) {
        room -= messages;
        void sending.then((done) => {
          sent += done;
        });
      }
      if (more) continue;
      const working = [...[...runs.values()].map((run) => run.done), ...sends.values()];
      // Whoever is ready first lets the others' next step begin: a slow answer holds nobody up.
      if (working.length > 0) await Promise.race(working);
      else if (stopping !== null || (claimed === 0 && fresh.length === 0)) {
        return { turns, sends: sent, nextInMs: due.turns || due.messages.length > 0 ? 0 : due.nextInMs };
      }
    }
  };

  /** A slow list does not hold up what is due; what it brings is due later than all that, so it is looked at again. */
  const passAndSweep = async (): Promise<PassResult> => {
    const [done, { found }] = await Promise.all([pass(), sweeper.run(stopLists.signal)]);
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
      working = [...[...runs.values()].map((run) => run.done), ...sends.values(), ...passes];
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
    newerText(conversationId, seq) {
      const run = runs.get(conversationId);
      if (run !== undefined && run.throughSeq < seq) run.giveUp("superseded");
      wake();
    },
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
          const since = bell.rings;
          met = null;
          idling = idle;
          ({ nextInMs } = await pass().finally(() => {
            idling = false;
          }));
          if (nextInMs === null || nextInMs > left()) break;
          const error = lastError();
          // Nothing is settled by waiting for what no repetition can mend.
          if (error !== null && !error.retryable) throw error;
          // A row that is due and was not done is somebody else's, or has just failed: look again in a moment.
          await bell.rest(clock, Math.max(nextInMs, error === null ? 5 : TROUBLE_WAIT_MS), { since, idle });
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
