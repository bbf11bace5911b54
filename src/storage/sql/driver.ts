import type { Changes } from "../database.ts";

/** The types of a parameter. A boolean is 0 or 1; a list is one JSON text. */
export type SqlValue = string | number | null;

/** One row, by column name. Integers may be `bigint`, depending on the driver's settings. */
export type SqlRow = Readonly<Record<string, unknown>>;

export interface SqlStatement {
  /** One statement with a `?` for each parameter. Statements that return rows begin with `select`. */
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/** For each statement, the rows that it read. */
export type Results = readonly (readonly SqlRow[])[];

/** The statements that write, after rows were read. */
export interface Write<Answer> {
  readonly statements: readonly SqlStatement[];
  /**
   * The rows that must not have changed since they were read; `null` if nothing is written, or if the driver is serial.
   */
  readonly guard: (Pick<Changes, "guards" | "charges"> & { readonly now: number }) | null;
  /** Makes the answer from the rows that the statements read. Called after the commit. */
  answer(results: Results): Answer;
}

/**
 * The methods that the ledger needs of a database that uses SQLite's SQL. A statement has at most 100 parameters and
 * 100 kB, as on D1 (https://developers.cloudflare.com/d1/platform/limits/), so a list is passed as one JSON parameter.
 */
export interface SqlDriver {
  /** For logs and errors, for example `sqlite`. */
  readonly name: string;

  /**
   * How to create the schema, as the end of a sentence. It is used in the error for a missing schema.
   * @default to call `storage.migrate()`
   */
  readonly migration?: string;

  /** How many calls one transaction may decide. */
  readonly maxPlans: number;

  /** See `LedgerDatabase`. */
  readonly nextTurn?: (run: () => void) => unknown;

  /**
   * Whether no other process can write between a transaction's reads and its writes. Otherwise `guard` protects the
   * transaction, and more candidates are read than wanted.
   */
  readonly isSerial: boolean;

  /**
   * Runs the statements in order as one atomic commit, and returns the rows of each. If one fails, none takes effect.
   *
   * @throws OwnlineError `storage_unavailable`, with the driver's error as its cause.
   */
  batch(statements: readonly SqlStatement[]): Promise<Results>;

  /** Like {@link SqlDriver.batch}, for statements that only read. All of them see the same snapshot. */
  read(statements: readonly SqlStatement[]): Promise<Results>;

  /**
   * Reads rows, calls `write` with them, and runs its statements, as one atomic decision. If a row of its guard has
   * changed at the commit, the rows are read again and `write` is called again. An error that `write` throws is thrown.
   *
   * @throws OwnlineError `storage_unavailable`
   */
  transact<Answer>(reads: readonly SqlStatement[], write: (results: Results) => Write<Answer>): Promise<Answer>;

  /** Unix milliseconds, or `null` to read the database's own clock inside the commit. */
  now(): number | null;

  /**
   * Removes the copies of deleted rows that the database keeps in a log beside its tables. `wait`: whether to wait for
   * other connections that still read that log; without it, their copies stay for now. Absent if the database has no
   * such log that ownline can reach.
   *
   * @throws OwnlineError `storage_unavailable` if copies are left after the wait; the same call may be repeated.
   */
  removeCopies?(how: { readonly wait: boolean }): Promise<void>;

  /** Releases what the driver itself opened. */
  close(): Promise<void>;
}
