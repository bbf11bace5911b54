import type { StorageClock } from "../../storage/clock.ts";
import type { Timeline } from "./timeline.ts";

/** The clock of a simulated ledger. */
export interface SimulationClock extends StorageClock {
  /** Lets virtual time pass during a call of the ledger. Other calls go on meanwhile. */
  sleep(ms: number): Promise<void>;
}

/** The ledger's virtual time. The run uses it to wait for calls that may sleep in the ledger. */
export class LedgerTime {
  readonly clock: SimulationClock;
  readonly #timeline: Timeline;
  #asleep = 0;
  #fallsAsleep: (() => void) | null = null;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.clock = { now: () => timeline.now, sleep: (ms) => this.#sleep(ms) };
  }

  /**
   * Waits until a step has ended, and returns its result. If the ledger sleeps in the step, the run goes on without it.
   */
  async outcomeOf(happened: unknown): Promise<unknown> {
    if (!(happened instanceof Promise)) return happened;
    if (this.#asleep > 0) {
      // A sleeping call is woken by a later step, so the run must not wait for it here.
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
   * Lets the calls that run beside this one take their next steps: a ledger collects its groups until the event loop
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
