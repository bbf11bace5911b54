import type { Settings } from "./settings.ts";

/** A promise that was broken. */
export interface Violation {
  /** The promise, in a few words. */
  readonly rule: string;
  readonly detail: string;
  /** Virtual time, Unix milliseconds. */
  readonly atMs: number;
}

/** Notes that a promise was broken at a given time. */
export type Accuse = (rule: string, detail: string, atMs: number) => void;

/** What the judge must know about the run. */
export interface Terms {
  readonly settings: Settings;
  /** Whether the run has the default policies. With other policies the judge cannot say who must be answered. */
  readonly usualPolicies: boolean;
  /** Whether the run has the default AI, which repeats what it was asked. */
  readonly usualAi: boolean;
}

/** {@link Accuse} at the time of the observation that is judged. */
export type AccuseNow = (rule: string, detail: string) => void;
