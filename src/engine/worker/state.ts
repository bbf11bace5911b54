import type { OwnlineError } from "../../errors.ts";
import type { EngineContext } from "../support/context.ts";
import type { OwedReleases, Run } from "../turns/turn.ts";
import { type Agenda, newAgenda } from "./agenda.ts";
import { newWakeUp, type WakeUp } from "./wake-ups.ts";

/** What the worker of this process has at work, and whether it is to go on. Its parts share this one object. */
export interface WorkerState {
  /** Ends the waits of the loop, and of `drain`. */
  readonly wakeUp: WakeUp;
  readonly agenda: Agenda;
  /** Turns at work, by conversation. */
  readonly runs: Map<string, Run>;
  readonly owed: OwedReleases;
  /** Passes and sweeps that were asked for one at a time: `stop` waits for them. */
  readonly passes: Set<Promise<unknown>>;
  /** The loop of a started worker; `null` where it is not started. */
  loop: Loop | null;
  /** The stop that waits for the work to end; `null` where none does. */
  stopping: Promise<void> | null;
  /** How often a stop was asked for. */
  stops: number;
  /** What a stop aborts. Made anew when it is over. */
  aborts: Aborts;
  /** What the last pass met: what is still due is not asked about again at once, or by `drain` at all. */
  met: OwnlineError | null;
  /** `settled()` runs: nothing happens but what is due. */
  isIdling: boolean;
}

export interface Loop {
  readonly ended: Promise<void>;
  end(): void;
}

export interface Aborts {
  /** The stop is over. */
  readonly stopped: AbortController;
  /** What is on its way to the provider must end. */
  readonly sends: AbortController;
  /** The provider's list is read no further. */
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

/** One pass over the due work, or the loop of a started worker: what it may begin, and what came of it. */
export interface Pass {
  /** How many turns and messages may still begin. */
  room: number;
  /** Messages that were handed to the provider, settled or cancelled. */
  sent: number;
  /** Messages about which nothing could be done: the pass does not try them again. `null` in the loop, which does. */
  readonly idle: Set<string> | null;
}

export function newPass(room: number): Pass {
  return { room, sent: 0, idle: new Set() };
}

/** What a started worker begins in its loop. */
export function endlessPass(): Pass {
  return { room: Number.POSITIVE_INFINITY, sent: 0, idle: null };
}
