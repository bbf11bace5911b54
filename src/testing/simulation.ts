import { memory } from "../storage/memory.ts";
import type { Storage } from "../storage/storage.ts";
import type { Violation } from "./simulation/accusation.ts";
import type { FaultOptions } from "./simulation/faults.ts";
import { judgeCourse } from "./simulation/judge-course.ts";
import { copiesOf, judgeEnd } from "./simulation/judge-end.ts";
import { run } from "./simulation/run.ts";
import { withSeededCrypto } from "./simulation/seeded-crypto.ts";
import type { SimulatedOptions } from "./simulation/settings.ts";
import type { SimulationClock } from "./simulation/simulated-time.ts";
import type { FaultTable } from "./simulation/trace.ts";

export type { Violation } from "./simulation/accusation.ts";
export type { AiFaults, CallFaults, FaultOptions, FaultRates, SendFaults } from "./simulation/faults.ts";
export type { SimulatedOptions } from "./simulation/settings.ts";
export type { SimulationClock } from "./simulation/simulated-time.ts";
export type { FaultTable } from "./simulation/trace.ts";

export interface SimulationOptions {
  /** A whole number. The same number gives the same run, step by step, as long as the code is the same. */
  readonly seed: number;
  /** Makes an empty ledger on the simulation's clock. The simulation closes it at the end. @default memory() */
  readonly storage?: (clock: SimulationClock) => Storage | Promise<Storage>;
  /** The number of processes that serve at once. @default 2 */
  readonly workers?: number;
  /**
   * The number of conversations. The first two belong to one person on two channels, with one consent.
   * @default 3
   */
  readonly conversations?: number;
  /** The number of texts that people write, without STOP and START. @default 12 */
  readonly texts?: number;
  /** Chances of faults that replace the default ones. */
  readonly faults?: FaultOptions;
  /** Options of `ownline()`: your policies, your AI, your times. Times that you leave out are short here. */
  readonly options?: SimulatedOptions;
}

/** The result of a simulated run. */
export interface SimulationReport {
  readonly seed: number;
  /** The broken promises. Empty when the run kept them all. */
  readonly violations: readonly Violation[];
  /** How often each fault hit each await: by call, then by fault; `calls` counts all. */
  readonly faults: FaultTable;
  readonly texts: number;
  /** The number of SMS that the provider took. */
  readonly taken: number;
  /** The number of SMS that the provider took a second time, because no evidence of the first one had come. */
  readonly duplicates: number;
  readonly steps: number;
  /** The length of the run, in virtual milliseconds. */
  readonly lastedMs: number;
  /** The whole course, one line for each step. */
  lines(): readonly string[];
  /** The last lines, at most so many, before the first broken promise or before the end. */
  around(most: number): readonly string[];
  /** A hash that is equal for two runs with the same steps. */
  hash(): string;
}

/**
 * Plays a service from one seed, on a virtual clock: whole processes over one ledger, people who text, and a provider
 * that answers. At every await of the ledger, the AI and the provider, the dice may crash the process, lose the answer,
 * or delay or double the call. Processes freeze, lose the ledger, stop and start again. Then the faults end, and all
 * work must be done. Finally a judge looks for broken promises. The judge knows only what the ledger committed, what
 * the provider took and what callers were promised.
 *
 * The run waits for no real time: time, ids and order come from the seed alone. Meanwhile `crypto` of this process is a
 * seeded replacement. Runs that begin together run one after the other.
 *
 * An unhandled rejection is a defect. `simulate()` does not catch it: your test runner reports it.
 *
 * @example
 * ```ts
 * import { simulate } from "ownline/testing";
 *
 * const { violations } = await simulate({ seed: 1, options: { ai: () => "Yes." } });
 * if (violations.length > 0) throw new Error(violations[0]?.detail);
 * ```
 */
export function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const { seed, workers = 2, conversations = 3, texts = 12, storage = (clock) => memory({ clock }) } = options;
  return withSeededCrypto(seed, async () => {
    const ran = await run({ ...options, seed, workers, conversations, texts, storage });
    const { world, settings, reader } = ran;
    const { timeline, trace, observations } = world;
    const violations: Violation[] = [];
    const terms = {
      settings,
      usualPolicies: options.options?.policies === undefined && options.options?.unsafe === undefined,
      usualAi: options.options?.ai === undefined && !world.features.sameWords,
    };
    const book = judgeCourse(observations, terms, (rule, detail, atMs) => void violations.push({ rule, detail, atMs }));
    await judgeEnd(reader, book, terms, timeline.now, (rule, detail) => {
      violations.push({ rule, detail, atMs: timeline.now });
    });
    if (ran.stuck !== null) violations.push({ rule: "settled", detail: ran.stuck, atMs: timeline.now });
    await ran.storage.close();
    const messages = [...book.messages.values()];
    return {
      seed,
      violations,
      faults: trace.faults,
      texts: book.texts.size,
      taken: messages.reduce((sum, { taken }) => sum + taken.length, 0),
      duplicates: messages.reduce((sum, message) => sum + Math.max(0, copiesOf(message) - 1), 0),
      steps: ran.steps,
      lastedMs: timeline.now - ran.startMs,
      lines: () => trace.lines(),
      around: (most) => trace.until(violations[0]?.atMs ?? timeline.now, most),
      hash: () => trace.hash(),
    };
  });
}
