import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import type { Spread } from "./measure.ts";

/** A name, a figure, or a figure with its rounds; `null` for an empty cell. */
export type Cell = string | number | Spread | null;

export interface Column {
  readonly title: string;
  /** Digits after the point. @default 0 */
  readonly digits?: number;
}

/** What one command measured side by side. The first cell of a row names the contestant. */
export interface Table {
  readonly title: string;
  /** Callers, processes, rounds, and other conditions that a reader needs to understand the figures. */
  readonly conditions: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  /** What the figures mean for a user: full sentences, losses included. */
  readonly meaning: string;
  /** Where the table has a panel in the picture: the index of its column, and the panel's title. */
  readonly chart?: { readonly column: number; readonly title: string };
}

/** The results of one part of the benchmark, and the machine. */
export interface PartResult {
  readonly letter: string;
  readonly title: string;
  readonly tables: readonly Table[];
  /** What was left out, each with its reason. */
  readonly skipped: readonly string[];
  readonly machine: Machine;
  /** How long the part took, in seconds. */
  readonly seconds: number;
}

const RESULTS_FILE: string = join(import.meta.dirname, "results.json");

/** @throws SyntaxError where the file is not JSON */
export function readResults(): PartResult[] {
  return JSON.parse(readFileSync(RESULTS_FILE, "utf8"));
}

/** Replaces earlier results of the same parts, and keeps the others. */
export function merged(before: readonly PartResult[], now: readonly PartResult[]): PartResult[] {
  const parts = new Map([...before, ...now].map((part) => [part.letter, part]));
  return [...parts.values()].toSorted((one, other) => one.letter.localeCompare(other.letter));
}

export function writeResults(parts: readonly PartResult[]): void {
  writeFileSync(RESULTS_FILE, `${JSON.stringify(parts, null, 2)}\n`);
}
