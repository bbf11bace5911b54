import type { OwnlineError } from "../../errors.ts";
import type { RecordedInbound } from "../../storage/storage.ts";
import { createSweeper, type Sweeper, type SweepHow, type Swept } from "../inbound/sweep.ts";
import type { EngineContext } from "../support/context.ts";
import { reportProblems, trouble } from "../support/problems.ts";
import { createHeartbeats, type WithHeartbeats } from "./heartbeat.ts";
import { createRounds, type Filed, type PassResult, type Rounds } from "./rounds.ts";
import { newAborts, newWorkerState, type WorkerState } from "./state.ts";

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
   * A message was stored that came in: a run of this process that did not see it gives way, or ends where the person
   * opted out, and the turn is claimed when it is due.
   */
  handleInbound(recorded: RecordedInbound): void;
  /** Messages were stored that are to be sent. */
  filed(recorded: Filed): void;
  /** A conversation was taken over by a person. */
  callOff(conversationId: string): void;
  /** Runs everything that is due now, looks for lost webhooks where it is time, and waits for both. */
  processDue(): Promise<PassResult>;
  /** Looks for lost webhooks of every sender, whether or not it is time. */
  sweepNow(how: Omit<SweepHow, "now">): Promise<Swept>;
  /**
   * Works until nothing is due any more, now or later, or until `withinMs` have passed. Returns the milliseconds until
   * what is left is due, `null` where nothing is.
   */
  drain(options: DrainOptions): Promise<number | null>;
  /**
   * Takes no new work, gives what runs `timeoutMs`, then gives it back. One for all who ask meanwhile; see `Engine`.
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

const TROUBLE_WAIT_MS = 1000;
/** What is due and was not done is another worker's, or has just failed. */
const LEFT_WAIT_MS = 5;

/** The state, and what works on it. */
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
      // Counted as answered in the very commit that stored it: an opt-out, which ended the open turn.
      callOff(conversationId);
    }
  };

  const sweeper = createSweeper(context, handleInbound);
  const parts: Parts = { context, state, rounds, sweeper, withHeartbeats: createHeartbeats(context, state) };

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

/** A slow list does not hold up what is due; what it brings is due later than all that, so it is looked at again. */
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
    // Nothing is settled by waiting for what no repetition can mend.
    if (error !== null && !error.retryable) throw error;
    const waitMs = Math.max(nextInMs, error === null ? LEFT_WAIT_MS : TROUBLE_WAIT_MS);
    await state.wakeUp.wait(clock, waitMs, { since, idle });
  }
  return nextInMs;
}

/** As it is by now: the compiler takes it for what was assigned last. */
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

/** Waits until nothing is at work any more. */
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

/** Keeps a piece of work in sight of `stop`. */
async function watched<Result>({ passes }: WorkerState, work: () => Promise<Result>): Promise<Result> {
  const going = work();
  passes.add(going);
  try {
    return await going;
  } finally {
    passes.delete(going);
  }
}
