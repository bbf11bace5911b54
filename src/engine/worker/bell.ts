import type { EngineClock } from "../options/clock.ts";
import { abortQuietly } from "../support/abort.ts";

/** Wakes whoever rests. */
export interface Bell {
  /** How often it has rung: to be read before looking for work, so that a ring between looking and resting counts. */
  readonly rings: number;
  ring(): void;
  /** Rests for `ms`; less where the bell rings, or has rung since `since`, or where the signal is aborted. */
  rest(clock: EngineClock, ms: number, options: RestOptions): Promise<void>;
}

export interface RestOptions {
  readonly since: number;
  /** Ends the rest. @default none */
  readonly signal?: AbortSignal | undefined;
  /** As the clock's. @default false */
  readonly idle?: boolean;
}

/**
 * Makes a bell. Whoever has rested leaves nothing behind on it, nor on the signal: both may live as long as the
 * process, in which there are very many rests.
 */
export function newBell(): Bell {
  let rings = 0;
  const resting = new Set<() => void>();
  return {
    get rings() {
      return rings;
    },
    ring() {
      rings += 1;
      for (const wake of resting) wake();
    },
    async rest(clock, ms, { since, signal, idle = false }) {
      if (rings !== since || signal?.aborted) return;
      const woken = new AbortController();
      const wake = () => abortQuietly(woken);
      resting.add(wake);
      signal?.addEventListener("abort", wake, { once: true });
      await clock.sleep(ms, { signal: woken.signal, idle });
      resting.delete(wake);
      signal?.removeEventListener("abort", wake);
    },
  };
}
