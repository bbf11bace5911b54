import type { Server } from "./databases.ts";
import type { Table } from "./results.ts";

/** What a part of the benchmark measures with. */
export interface Bench {
  /** Only to see that it runs: few rounds, small numbers. */
  readonly quick: boolean;
  /** A folder for files, removed after the run. */
  readonly folder: string;
  /** The tarball of an earlier package; `null` where none was named or found. */
  readonly baseline: string | null;
  /** `null` where the server cannot be had; the reason is in what was skipped then. */
  postgres(): Promise<Server | null>;
  mongodb(): Promise<Server | null>;
  /** Whether the packages of bench/peers are installed; the reason is in what was skipped otherwise. */
  peers(): Promise<boolean>;
  /** Says what was left out, and why. */
  skip(what: string): void;
  /** Fails the run at its end: what was measured must not be. */
  fault(what: string): void;
}

/** One part, which runs alone too. */
export interface Part {
  readonly letter: string;
  readonly title: string;
  run(bench: Bench): Promise<Table[]>;
}

/** Rounds and sizes: the first in a quick run. */
export function sized<Size>({ quick }: Bench, small: Size, full: Size): Size {
  return quick ? small : full;
}
