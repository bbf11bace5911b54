import type { OwnlineError } from "../../errors.ts";
import type { RecordedInbound } from "../../storage/storage.ts";
import { createSweeper, type Sweeper, type SweepHow, type Swept } from "../inbound/sweep.ts";
import type { EngineContext } from "../support/context.ts";
import { reportProblems, trouble } from "../support/problems.ts";
import { createHeartbeats, type WithHeartbeats } from "./heartbeat.ts";
import { createRounds, type Filed, type PassResult, type Rounds, TROUBLE_WAIT_MS } from "./rounds.ts";
import { newAborts, newWorkerState, type WorkerState, watched } from "./state.ts";

/**
 * Does the ledger's due work, in a loop (`start`) or in single passes (`processDue`), with the same code. Conversations
 * never wait for each other. Within a conversation, the ledger keeps the order.
 */
export interface Worker {
  /** Begins when `ready` has resolved. A stop that is called before then cancels the start. */
  start(ready: () => Promise<unknown>): Promise<void>;
  readonly started: boolean;
  /** Looks into the ledger at once, because something may be due. */
  wake(): void;
  /** Looks into the ledger after `ms`, when something is due; `null` for nothing. */
  lookIn(ms: number | null): void;
  /**
   * Call it when an inbound message was stored. Where the message needs an answer, a run of this process that does not
   * include it is superseded, and the turn is claimed when it is due. Where it is an opt-out, the run ends.
   */
  handleInbound(recorded: RecordedInbound): void;
  /** Call it when messages were stored that must be sent. */
  filed(recorded: Filed): void;
  /** Ends the run of a conversation that an operator has taken over. */
  callOff(conversationId: string): void;
  /** Does all work that is due now, looks for lost webhooks where a sweep is due, and waits for both. */
  processDue(): Promise<PassResult>;
  /** Looks for lost webhooks of every sender, whether or not a sweep is due. */
  sweepNow(how: Omit<SweepHow, "now">): Promise<Swept>;
  /**
   * Works until nothing is due any more, now or later, or until `withinMs` have passed. Returns the milliseconds until
   * the next work is due; `null` where no work is left.
   */
  drain(options: DrainOptions): Promise<number | null>;
  /**
   * Takes no new work, waits up to `timeoutMs` for current work, then releases it. All calls during a stop share that
   * stop; see `Engine`.
   */
  stop(options: StopOptions): Promise<void>;
}

interface DrainOptions {
  readonly withinMs: number | null;
  readonly idle: boolean;
}

interface StopOptions {
  readonly timeoutMs: number;
}

/** The shortest wait between two passes of `drain`. Due work that a pass did not do belongs to another worker. */
const LEFT_WAIT_MS = 5;

/** The state, and the parts that work on it. */
interface Parts {
  readonly context: EngineContext;
  readonly state: WorkerState;
  readonly rounds: Rounds;
  readonly sweeper: Sweeper;
  readonly withHeartbeats: WithHeartbeats;
}

export function createWorker(context: EngineContext): Worker {
  const state = newWorkerState(context);
  const rounds = createRounds(context, state);
  const { lookIn } = state.agenda;
  const callOff = (conversationId: string): void => state.runs.get(conversationId)?.giveUp("lost");

  const handleInbound = ({ message, conversation, confirmation, turnInMs }: RecordedInbound): void => {
    if (message === null || conversation === null) return;
    const { conversationId, seq } = message;
    if (confirmation !== undefined) lookIn(0);
    if (message.needsAnswer) {
      const run = state.runs.get(conversationId);
      if (run !== undefined && run.throughSeq < seq) run.giveUp("superseded");
      rounds.turnIn(conversationId, turnInMs);
      state.wakeUp.notify();
    } else if (conversation.answeredSeq >= seq) {
      // The commit that stored this message counts it as answered: it is an opt-out, which ended the open turn.
      callOff(conversationId);
    }
  };

  const sweeper = createSweeper(context, handleInbound);
  const parts: Parts = {
    context,
    state,
    rounds,
    sweeper,
    withHeartbeats: createHeartbeats(context, state, rounds.underWay),
  };

  return {
    get started() {
      return state.loop !== null;
    },
    start: (ready) => start(parts, ready),
    wake: () => lookIn(0),
    lookIn,
    handleInbound,
    filed: rounds.filed,
    callOff,
    processDue: () => watched(state, () => parts.withHeartbeats(() => passAndSweep(parts))),
    sweepNow: (how) => watched(state, () => sweeper.run(state.aborts.lists.signal, { ...how, now: true })),
    drain: (options) => watched(state, () => parts.withHeartbeats(() => drain(parts, options))),
    stop: (options) => stop(parts, options),
  };
}

async function start(parts: Parts, ready: () => Promise<unknown>): Promise<void> {
  const { state } = parts;
  const asked = state.stops;
  await ready();
  while (state.stopping !== null) await state.stopping;
  if (state.stops !== asked || state.loop !== null) return;
  const over = new AbortController();
  const ended = runLoop(parts, over.signal).then(() => {
    state.loop = null;
  });
  state.loop = { ended, end: () => over.abort() };
}

async function runLoop({ context, state, rounds, sweeper, withHeartbeats }: Parts, signal: AbortSignal): Promise<void> {
  const { clock, reporter, sweep } = context;
  const sweepOnAndOn = async (): Promise<void> => {
    if (sweep === null) return;
    while (!signal.aborted) {
      const { found } = await sweeper.run(signal);
      if (found > 0) state.agenda.lookIn(0);
      await clock.sleep(sweep.everyMs, { signal });
    }
  };
  while (!signal.aborted) {
    try {
      await withHeartbeats(() => Promise.all([rounds.loop(signal), sweepOnAndOn()]));
    } catch (error) {
      reporter.error(trouble(error));
      await clock.sleep(TROUBLE_WAIT_MS, { signal });
    }
  }
}

/**
 * Does the due work and the sweep at the same time, so that a slow list does not delay due work. Where the sweep has
 * found texts, a second pass does the work that they made due.
 */
async function passAndSweep({ context, state, rounds, sweeper }: Parts): Promise<PassResult> {
  const [done, { found }] = await Promise.all([rounds.pass(), sweeper.run(state.aborts.lists.signal)]);
  reportProblems(context);
  if (found === 0) return done;
  const more = await rounds.pass();
  return { turns: done.turns + more.turns, sends: done.sends + more.sends, nextInMs: more.nextInMs };
}

async function drain({ context, state, rounds }: Parts, { withinMs, idle }: DrainOptions): Promise<number | null> {
  const { clock } = context;
  const startedAt = clock.now();
  const left = () => (withinMs === null ? Number.POSITIVE_INFINITY : withinMs - (clock.now() - startedAt));
  let nextInMs: number | null = null;
  while (state.stopping === null && left() > 0) {
    const since = state.wakeUp.count;
    state.met = null;
    state.isIdling = idle;
    ({ nextInMs } = await rounds.pass().finally(() => {
      state.isIdling = false;
    }));
    if (nextInMs === null || nextInMs > left()) break;
    const error = lastError(state);
    // A longer wait does not help where no repetition can succeed.
    if (error !== null && !error.retryable) throw error;
    const waitMs = Math.max(nextInMs, error === null ? LEFT_WAIT_MS : TROUBLE_WAIT_MS);
    await state.wakeUp.wait(clock, waitMs, { since, idle });
  }
  return nextInMs;
}

/** Reads the current value. In place, the compiler would assume the value that was assigned last. */
function lastError({ met }: WorkerState): OwnlineError | null {
  return met;
}

function stop(parts: Parts, { timeoutMs }: StopOptions): Promise<void> {
  const { context, state } = parts;
  state.stops += 1;
  state.stopping ??= end(parts);
  const { signal } = state.aborts.stopped;
  void context.clock.sleep(timeoutMs, { signal }).then(() => {
    if (signal.aborted) return;
    for (const run of state.runs.values()) run.giveUp("stopped");
    state.aborts.sends.abort();
  });
  return state.stopping;
}

/** Ends the loop, and waits until no work is left. */
async function end({ state, rounds }: Parts): Promise<void> {
  state.loop?.end();
  state.aborts.lists.abort();
  state.agenda.lookIn(0);
  let working: Promise<unknown>[];
  do {
    working = [...rounds.underWay(), ...state.passes];
    if (state.loop !== null) working.push(state.loop.ended);
    await Promise.allSettled(working);
  } while (working.length > 0);
  state.stopping = null;
  state.aborts.stopped.abort();
  state.aborts = newAborts();
}
