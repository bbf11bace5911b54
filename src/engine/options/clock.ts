/** How the engine waits. Times in the ledger come from the storage's clock, never from this clock. */
export interface EngineClock {
  /** Whether an idle sleep moves this clock forward at once, as a test's clock does. @default false */
  readonly jumps?: boolean;
  /** Milliseconds that never decrease, for measuring durations. */
  now(): number;
  /**
   * Resolves after `ms`, or as soon as the signal is aborted. `idle` says that nothing is due before, so a clock for
   * tests may jump.
   */
  sleep(ms: number, options?: { readonly signal?: AbortSignal; readonly idle?: boolean }): Promise<void>;
}

/** Longest delay that timers take; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Real time. */
export const realClock: EngineClock = {
  now: () => performance.now(),
  sleep: (ms, { signal } = {}) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(Math.max(0, ms), MAX_TIMER_MS));
      signal?.addEventListener("abort", done, { once: true });
    }),
};
