import type { OwnlineError } from "../../errors.ts";
import type { EngineContext } from "../support/context.ts";
import type { OwedReleases, Run } from "../turns/turn.ts";
import { type Agenda, newAgenda } from "./agenda.ts";
import { newWakeUp, type WakeUp } from "./wake-ups.ts";

/** The work of this process's worker, and its stops. The parts of the worker share this one object. */
export interface WorkerState {
  /** Ends the waits of the loop, and of `drain`. */
  readonly wakeUp: WakeUp;
  readonly agenda: Agenda;
  /** The runs in progress, by conversation. */
  readonly runs: Map<string, Run>;
  readonly owed: OwedReleases;
  /** Work outside of the loop that `stop` waits for: passes and sweeps that a caller requested, and heartbeats. */
  readonly passes: Set<Promise<unknown>>;
  /** The loop of a started worker; `null` where it is not started. */
  loop: Loop | null;
  /** The stop that waits for the work to end; `null` where there is none. */
  stopping: Promise<void> | null;
  /** How often a stop was requested. */
  stops: number;
  /** What a stop aborts. It is replaced when the stop is over. */
  aborts: Aborts;
  /**
   * The error of the last send of this pass that failed; `null` where none did. After an error, `drain` waits longer
   * before the next pass, or throws it where a repetition cannot help.
   */
  met: OwnlineError | null;
  /** Whether `settled()` runs: then a test's clock may jump to what is due next. */
  isIdling: boolean;
}

export interface Loop {
  readonly ended: Promise<void>;
  end(): void;
}

export interface Aborts {
  /** Aborted when the stop is over. */
  readonly stopped: AbortController;
  /** Aborted when requests to the provider must end. */
  readonly sends: AbortController;
  /** Aborted when reads of the provider's list must end. */
  readonly lists: AbortController;
}

export function newWorkerState({ clock, worker }: Pick<EngineContext, "clock" | "worker">): WorkerState {
  const wakeUp = newWakeUp();
  return {
    wakeUp,
    agenda: newAgenda(clock, wakeUp, worker.pollMs),
    runs: new Map(),
    owed: new Map(),
    passes: new Set(),
    loop: null,
    stopping: null,
    stops: 0,
    aborts: newAborts(),
    met: null,
    isIdling: false,
  };
}

export function newAborts(): Aborts {
  return { stopped: new AbortController(), sends: new AbortController(), lists: new AbortController() };
}

/** Does a piece of work that `stop` waits for. */
export async function watched<Result>(
  { passes }: Pick<WorkerState, "passes">,
  work: () => Promise<Result>,
): Promise<Result> {
  const going = work();
  passes.add(going);
  try {
    return await going;
  } finally {
    passes.delete(going);
  }
}

/** One pass over the due work, or the loop of a started worker: how much it may begin, and what it has done. */
export interface Pass {
  /** How many turns and messages may still begin. */
  room: number;
  /** Messages that were handed to the provider, settled or cancelled. */
  sent: number;
  /**
   * Messages that could not be sent or settled: the pass does not try them again. `null` in the loop, which tries
   * again.
   */
  readonly idle: Set<string> | null;
}

export function newPass(room: number): Pass {
  return { room, sent: 0, idle: new Set() };
}

/** The pass of a started worker's loop, without limits. */
export function endlessPass(): Pass {
  return { room: Number.POSITIVE_INFINITY, sent: 0, idle: null };
}
