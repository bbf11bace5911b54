import type { StorageClock } from "../../storage/clock.ts";
import type { Timeline } from "./timeline.ts";

/** The clock that a simulated ledger is made on. */
export interface SimulationClock extends StorageClock {
  /** Virtual time passes in the middle of a call of the ledger: other calls go on meanwhile. */
  sleep(ms: number): Promise<void>;
}

/** The ledger's virtual time, and how the run waits for calls that may sleep in it. */
export class LedgerTime {
  readonly clock: SimulationClock;
  readonly #timeline: Timeline;
  #asleep = 0;
  #fallsAsleep: (() => void) | null = null;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.clock = { now: () => timeline.now, sleep: (ms) => this.#sleep(ms) };
  }

  /** What came of a step: it has ended, or the ledger sleeps in it, and the run goes on without it. */
  async outcomeOf(happened: unknown): Promise<unknown> {
    if (!(happened instanceof Promise)) return happened;
    if (this.#asleep > 0) {
      // Waiting for it would wait for itself: who sleeps is woken by a later step.
      return undefined;
    }
    const slept = new Promise<undefined>((resolve) => {
      this.#fallsAsleep = () => resolve(undefined);
    });
    const outcome: unknown = await Promise.race([happened, slept]);
    this.#fallsAsleep = null;
    return outcome;
  }

  /**
   * Lets the calls that go on beside the run take their next steps: a ledger gathers its groups until the event loop
   * turns.
   */
  async turn(): Promise<void> {
    if (this.#asleep > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  #sleep(ms: number): Promise<void> {
    this.#asleep += 1;
    this.#fallsAsleep?.();
    return new Promise((resolve) => {
      this.#timeline.after(ms, () => {
        this.#asleep -= 1;
        resolve();
      });
    });
  }
}
