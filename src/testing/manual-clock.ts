/** A clock that a test moves by hand. Use it where ownline takes a clock: `memory({ clock })`, `ownline({ clock })`. */
export interface ManualClock {
  /** An idle sleep moves this clock forward by itself, even if other clocks are slower. */
  readonly jumps: true;
  /** Unix milliseconds. */
  now(): number;
  /**
   * Moves the clock forward by `ms`. Sleepers whose time comes wake in order, each at its own time, and may sleep again
   * within the same span. A negative `ms` sets the clock back, as a time server may. Then no time passes, so sleepers
   * sleep for as long as before.
   */
  advance(ms: number): Promise<void>;
  /**
   * Resolves once {@link ManualClock.advance} has moved the clock by `ms`, or as soon as the signal is aborted. With
   * `idle` the caller says that no work can happen before. Then the clock moves forward by itself, at once.
   */
  sleep(ms: number, options?: { readonly signal?: AbortSignal; readonly idle?: boolean }): Promise<void>;
}

interface Sleeper {
  at: number;
  wake(): void;
}

const START_MS: number = Date.UTC(2026, 0, 1);

/**
 * Makes a clock that stands still until a test moves it.
 *
 * @param startMs Unix milliseconds. @default 2026-01-01T00:00:00Z
 *
 * @example
 * ```ts
 * import { manualClock } from "ownline/testing";
 *
 * const clock = manualClock();
 * await clock.advance(3_000);
 * ```
 */
export function manualClock(startMs: number = START_MS): ManualClock {
  let now = startMs;
  const sleepers = new Set<Sleeper>();

  /** Moves to the next sleeper's time and wakes it. False where no sleeper wakes until then. */
  function wakeNext(until: number): boolean {
    let next: Sleeper | undefined;
    for (const sleeper of sleepers) {
      if (sleeper.at <= until && (next === undefined || sleeper.at < next.at)) next = sleeper;
    }
    if (next === undefined) return false;
    now = Math.max(now, next.at);
    next.wake();
    return true;
  }

  return {
    jumps: true,
    now: () => now,
    async advance(ms) {
      if (ms < 0) {
        now += ms;
        for (const sleeper of sleepers) sleeper.at += ms;
        return;
      }
      const until = now + ms;
      while (wakeNext(until)) await turnOfEvents();
      now = Math.max(now, until);
    },
    async sleep(ms, { signal, idle = false } = {}) {
      if (signal?.aborted || ms <= 0) return;
      if (idle) {
        const until = now + ms;
        while (wakeNext(until));
        now = until;
        return;
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        const sleeper = { at: now + ms, wake };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", wake, { once: true });
      });
    },
  };
}

/** Lets all tasks run that can run now, so that a woken sleeper may sleep again. */
function turnOfEvents(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
