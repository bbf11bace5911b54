import type { Settings } from "./settings.ts";

/** A promise that was broken. */
export interface Violation {
  /** Which promise, in a few words. */
  readonly rule: string;
  readonly detail: string;
  /** Virtual time, Unix milliseconds. */
  readonly atMs: number;
}

/** Notes a promise that was broken at a time. */
export type Accuse = (rule: string, detail: string, atMs: number) => void;

/** What the judge must know of the run. */
export interface Terms {
  readonly settings: Settings;
  /** Whether the policies are the usual ones: with others, who is answered is not the judge's to say. */
  readonly usualPolicies: boolean;
  /** Whether the AI is the one that repeats what it was asked. */
  readonly usualAi: boolean;
}

/** The same at the time of the delivery that is judged. */
export type AccuseNow = (rule: string, detail: string) => void;
