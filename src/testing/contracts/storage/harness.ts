import type { Storage } from "../../../storage/storage.ts";

/** How the contract gets at an adapter. */
export interface StorageHarness {
  /** A ledger of its own, empty, for one case. */
  create(): Promise<StorageUnderTest>;
  /**
   * How far a time may be off because the storage's clock runs while a case does.
   * @default 0, for a clock that only `advance` moves
   */
  readonly toleranceMs?: number;
}

/** One ledger, for one case. */
export interface StorageUnderTest {
  /** Not migrated: the case migrates and opens both handles. */
  readonly storage: Storage;
  /** Moves the storage's clock; back where `ms` is negative. */
  advance(ms: number): Promise<void>;
  /** Another handle on the same ledger, over a connection of its own. Without it, races run on the one handle. */
  second?(): Promise<Storage>;
  /** Closes the handles and removes the ledger. */
  dispose(): Promise<void>;
}
