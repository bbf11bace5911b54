import type { Server } from "./databases.ts";
import type { Table } from "./results.ts";

/** What a part of the benchmark gets for its measurements. */
export interface Bench {
  /** Whether the run only checks that the part works: few rounds, small numbers. */
  readonly quick: boolean;
  /** A folder for files, removed after the run. */
  readonly folder: string;
  /** The tarball of an earlier package; `null` where none was named or found. */
  readonly baseline: string | null;
  /** `null` where the server is not available. The list of skipped parts then has the reason. */
  postgres(): Promise<Server | null>;
  mongodb(): Promise<Server | null>;
  /** Whether the packages of bench/peers are installed. If not, the list of skipped parts has the reason. */
  peers(): Promise<boolean>;
  /** Records what was left out, and why. */
  skip(what: string): void;
  /** Makes the run fail at its end, because a measured value must not occur. */
  fault(what: string): void;
}

/** One part, which can also run alone. */
export interface Part {
  readonly letter: string;
  readonly title: string;
  run(bench: Bench): Promise<Table[]>;
}

/** Rounds and sizes. The first value is for a quick run. */
export function sized<Size>({ quick }: Bench, small: Size, full: Size): Size {
  return quick ? small : full;
}
