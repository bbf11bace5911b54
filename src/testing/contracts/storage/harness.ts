import type { Storage } from "../../../storage/storage.ts";

/** How the contract reaches an adapter. */
export interface StorageHarness {
  /** Creates an empty ledger for one case. */
  create(): Promise<StorageUnderTest>;
  /**
   * How far a time may differ from the expected one, in milliseconds, because the storage's clock runs during a case.
   * @default 0, for a clock that only `advance` moves
   */
  readonly toleranceMs?: number;
  /**
   * Whether its ledgers have {@link StorageUnderTest.corrupt}. Then the cases about rows that cannot be read also run.
   * @default false, for a ledger that no other program can write to
   */
  readonly corruptible?: boolean;
}

/** One ledger, for one case. */
export interface StorageUnderTest {
  /** Not migrated: the case migrates and opens both handles. */
  readonly storage: Storage;
  /** Moves the storage's clock by `ms`; a negative number moves it back. */
  advance(ms: number): Promise<void>;
  /**
   * Opens another handle on the same ledger, over its own connection. Without it, both sides of a race use the one
   * handle.
   */
  second?(): Promise<Storage>;
  /** Makes a row unreadable without the storage: writes a value that ownline never writes to one of its columns. */
  corrupt?(row: RowName): Promise<CorruptedRow>;
  /** Closes the handles and removes the ledger. */
  dispose(): Promise<void>;
}

/**
 * The name of a row: its table without `ownline_` (for example `messages` or `rateLimits`), and the fields of its key
 * with spaces between them.
 */
export interface RowName {
  readonly table: string;
  readonly id: string;
}

export interface CorruptedRow {
  readonly column: string;
  /** Restores the row. */
  mend(): Promise<void>;
}
