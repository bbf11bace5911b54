import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import type { Spread } from "./measure.ts";

/** A name, a figure, or a figure with its rounds; `null` where there is none. */
export type Cell = string | number | Spread | null;

export interface Column {
  readonly title: string;
  /** Of a number, after the point. @default 0 */
  readonly digits?: number;
}

/** What one command measured side by side. The first cell of a row names who was measured. */
export interface Table {
  readonly title: string;
  /** Callers, processes, rounds, and what else a reader must know to read the figures. */
  readonly conditions: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  /** What the figures mean for a user: full sentences, losses included. */
  readonly meaning: string;
  /** Where the table has a panel in the picture: which column, by its index, and the panel's title. */
  readonly chart?: { readonly column: number; readonly title: string };
}

/** What one part of the benchmark found, and where. */
export interface PartResult {
  readonly letter: string;
  readonly title: string;
  readonly tables: readonly Table[];
  /** What was left out, each with its reason. */
  readonly skipped: readonly string[];
  readonly machine: Machine;
  /** How long the part took. */
  readonly seconds: number;
}

const RESULTS_FILE: string = join(import.meta.dirname, "results.json");

/** @throws SyntaxError where the file is not JSON */
export function readResults(): PartResult[] {
  return JSON.parse(readFileSync(RESULTS_FILE, "utf8"));
}

/** Puts new parts in the places of the same parts before, and keeps the others. */
export function merged(before: readonly PartResult[], now: readonly PartResult[]): PartResult[] {
  const parts = new Map([...before, ...now].map((part) => [part.letter, part]));
  return [...parts.values()].toSorted((one, other) => one.letter.localeCompare(other.letter));
}

export function writeResults(parts: readonly PartResult[]): void {
  writeFileSync(RESULTS_FILE, `${JSON.stringify(parts, null, 2)}\n`);
}
