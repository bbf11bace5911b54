/** How a listener waits. */
export interface MomentClock {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Resolves after `ms` milliseconds, or when the signal is aborted. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal }): Promise<void>;
}

/** The moments at which to wake a listener. */
export interface Moments {
  add(delayMs: number): void;
  /** Removes all moments and the timer. */
  close(): void;
}

/** Wake-ups that are due within one such interval are one wake-up at its end. */
const ROUND_MS = 100;
/**
 * How many moments are kept. A worker that wakes at the next thousand moments learns from the ledger what is due after
 * them.
 */
const MOST_MOMENTS = 1000;

/**
 * Calls `onMoment` at each moment, never before it, with one timer for all moments. Keeps the next thousand moments.
 */
export function createMoments(onMoment: () => void, clock: MomentClock): Moments {
  /** The moments, the next one first. */
  const due: number[] = [];
  let sleeping: AbortController | null = null;

  const sleep = (): void => {
    sleeping?.abort();
    sleeping = null;
    const [next] = due;
    if (next === undefined) return;
    sleeping = new AbortController();
    const { signal } = sleeping;
    void clock.sleep(next - clock.now(), { signal }).then(() => {
      if (!signal.aborted) sound();
    });
  };

  const sound = (): void => {
    const now = clock.now();
    // A timer may fire a little early, and fires at once if its delay is longer than timers support.
    const left = due.findIndex((at) => at > now);
    const passed = due.splice(0, left < 0 ? due.length : left);
    if (passed.length > 0) onMoment();
    sleep();
  };

  return {
    add(delayMs) {
      const at = Math.ceil((clock.now() + delayMs) / ROUND_MS) * ROUND_MS;
      const index = due.findIndex((other) => other >= at);
      if (due[index] === at) return;
      due.splice(index < 0 ? due.length : index, 0, at);
      if (due.length > MOST_MOMENTS) due.pop();
      if (due[0] === at) sleep();
    },
    close() {
      due.length = 0;
      sleep();
    },
  };
}
