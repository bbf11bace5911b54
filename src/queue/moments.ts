/** How a listener waits. */
export interface MomentClock {
  /** Milliseconds that only rise. */
  now(): number;
  /** Resolves after `ms`, or as soon as the signal is aborted. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal }): Promise<void>;
}

/** The moments at which a listener is to be woken. */
export interface Moments {
  add(delayMs: number): void;
  /** Forgets them all, and leaves no timer. */
  close(): void;
}

/** Wake-ups that are due within one of these come together, at its end. */
const ROUND_MS = 100;
/** A worker that wakes at the soonest thousand has looked into the ledger so often that it misses nothing later. */
const MOST_MOMENTS = 1000;

/** Wakes at each moment, never before it, with one timer for all of them. The soonest thousand are kept. */
export function createMoments(onMoment: () => void, clock: MomentClock): Moments {
  /** Rising. */
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
    // Timers may fire a little early, and fire at once where a wait is longer than they can take.
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
