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
  /**
   * Whether its ledgers have {@link StorageUnderTest.corrupt}: then the cases about rows that cannot be read run too.
   * @default false, for a ledger that no other program can write to
   */
  readonly corruptible?: boolean;
}

/** One ledger, for one case. */
export interface StorageUnderTest {
  /** Not migrated: the case migrates and opens both handles. */
  readonly storage: Storage;
  /** Moves the storage's clock; back where `ms` is negative. */
  advance(ms: number): Promise<void>;
  /** Another handle on the same ledger, over a connection of its own. Without it, races run on the one handle. */
  second?(): Promise<Storage>;
  /** Breaks a row, past the storage: what ownline never writes stands in one of its columns then. */
  corrupt?(row: RowName): Promise<CorruptedRow>;
  /** Closes the handles and removes the ledger. */
  dispose(): Promise<void>;
}

/** A row by its table, without `ownline_` (as `messages` or `rateLimits`), and the fields of its key, a space between them. */
export interface RowName {
  readonly table: string;
  readonly id: string;
}

export interface CorruptedRow {
  readonly column: string;
  /** Brings the row back as it was. */
  mend(): Promise<void>;
}
