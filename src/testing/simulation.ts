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
  /** A whole number. The same one gives the same run, step by step, as long as the code is the same. */
  readonly seed: number;
  /** Makes the ledger, empty, on the simulation's clock. Closed at the end. @default memory() */
  readonly storage?: (clock: SimulationClock) => Storage | Promise<Storage>;
  /** Processes that serve at once. @default 2 */
  readonly workers?: number;
  /** Conversations; the first two are one person on two channels, whose consent is one. @default 3 */
  readonly conversations?: number;
  /** Texts that people write, STOP and START not counted. @default 12 */
  readonly texts?: number;
  /** Chances of faults, where they are to differ from the usual ones. */
  readonly faults?: FaultOptions;
  /** Options of `ownline()`: your policies, your AI, your times. What is left out has short times here. */
  readonly options?: SimulatedOptions;
}

/** What a simulated run showed. */
export interface SimulationReport {
  readonly seed: number;
  /** Broken promises. Empty is what everybody wants. */
  readonly violations: readonly Violation[];
  /** How often each fault hit each await: by call, then by fault; `calls` counts all. */
  readonly faults: FaultTable;
  readonly texts: number;
  /** SMS that the provider took. */
  readonly taken: number;
  /** SMS that it took a second time, where no evidence of the first had come. */
  readonly duplicates: number;
  readonly steps: number;
  /** Virtual milliseconds. */
  readonly lastedMs: number;
  /** The whole course, a line for each step. */
  lines(): readonly string[];
  /** The lines that led to the first broken promise, or to the end: at most so many. */
  around(most: number): readonly string[];
  /** Equal for two runs that went alike, step by step. */
  hash(): string;
}

/**
 * Plays a service through one seed: whole processes over one ledger, with people who text and a provider who answers,
 * all on a virtual clock. At every await of the ledger, the AI and the provider the dice may crash the process, lose
 * the answer, delay or double the call; processes freeze, are cut off from the ledger, stop and come back. Afterwards
 * nothing fails any more, everything must come to rest, and a judge who knows only what was committed, what the
 * provider took and what callers were promised looks for broken promises.
 *
 * Nothing real is waited for: time, ids and order come from the seed alone. While it runs, `crypto` of this process is
 * a seeded stand-in; runs that are begun together take turns.
 *
 * It takes no test runner's part: an unhandled rejection, which none may cause, is the runner's to see.
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
    const { timeline, trace, deliveries } = world;
    const violations: Violation[] = [];
    const terms = {
      settings,
      usualPolicies: options.options?.policies === undefined && options.options?.unsafe === undefined,
      usualAi: options.options?.ai === undefined && !world.features.sameWords,
    };
    const book = judgeCourse(deliveries, terms, (rule, detail, atMs) => void violations.push({ rule, detail, atMs }));
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
