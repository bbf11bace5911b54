import type { EngineClock } from "../../engine/options/clock.ts";
import type { Ownline } from "../../ownline.ts";
import { note, observe, type World } from "./world.ts";

interface Sleeper {
  /** By the process's own clock. */
  readonly untilMs: number;
  readonly wake: () => void;
}

/**
 * One process of the service. After a crash, no call of it returns and no event reaches it. While it is frozen,
 * everything reaches it late.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly world: World;
  readonly clock: EngineClock;
  alive = true;
  /** Whether `stop()` was called. */
  stopping = false;
  frozenUntilMs = 0;
  /** Until this time the process cannot reach the ledger. */
  cutOffUntilMs = 0;
  /** Calls of the ledger that fail until a time, by name. */
  readonly down: Map<string, number> = new Map<string, number>();
  #sms: Ownline | null = null;
  #aheadMs = 0;
  readonly #ended: (process: SimulatedProcess, replaceAfterMs: number) => void;
  readonly #sleepers = new Set<Sleeper>();

  constructor(world: World, name: string, ended: (process: SimulatedProcess, replaceAfterMs: number) => void) {
    this.world = world;
    this.name = name;
    this.#ended = ended;
    const { timeline } = world;
    this.clock = {
      now: () => timeline.now + this.#aheadMs,
      sleep: (ms, { signal } = {}) => this.#sleep(ms, signal),
    };
  }

  get sms(): Ownline {
    if (this.#sms === null) throw new TypeError("The process has not begun.");
    return this.#sms;
  }

  begin(sms: Ownline): void {
    this.#sms = sms;
  }

  crash(why: string, replaceAfterMs: number = this.world.dice.between(50, 6000)): void {
    if (!this.alive) return;
    this.alive = false;
    this.#sleepers.clear();
    note(this.world, this.name, "dies", why);
    this.#ended(this, replaceAfterMs);
  }

  freeze(ms: number): void {
    this.frozenUntilMs = this.world.timeline.now + ms;
    note(this.world, this.name, "freezes", `${ms} ms`);
  }

  /** The process's clock jumps ahead. No decision of the ledger may depend on this clock. */
  jump(ms: number): void {
    this.#aheadMs += ms;
    note(this.world, this.name, "its clock jumps", `${ms} ms`);
    observe(this.world, { kind: "clock-jumped" });
    for (const sleeper of Array.from(this.#sleepers)) if (sleeper.untilMs <= this.clock.now()) sleeper.wake();
  }

  /** Runs a call or an event in the process: never after a crash, and later while it is frozen. */
  hear(what: string, listen: () => void): false | undefined {
    if (!this.alive) return false;
    const { timeline, trace } = this.world;
    if (this.frozenUntilMs > timeline.now) {
      trace.count(what, "frozen");
      timeline.after(this.frozenUntilMs - timeline.now, () => this.hear(what, listen));
      return false;
    }
    listen();
    return undefined;
  }

  #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        if (!this.#sleepers.delete(sleeper)) return;
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper = { untilMs: this.clock.now() + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", wake, { once: true });
      this.world.timeline.after(ms, () => {
        if (!this.#sleepers.has(sleeper)) return false;
        return this.hear("clock.sleep", wake);
      });
    });
  }
}
