import type { Changes } from "../database.ts";

/** What a parameter may be. Truth is 0 or 1; lists travel as one JSON text. */
export type SqlValue = string | number | null;

/** One row, by column name. Integers may come as `bigint`, as some drivers are set up. */
export type SqlRow = Readonly<Record<string, unknown>>;

export interface SqlStatement {
  /** One statement with a `?` for each parameter. Statements that return rows begin with `select`. */
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/** The rows that each of several statements read. */
export type Results = readonly (readonly SqlRow[])[];

/** What is written after rows were read. */
export interface Write<Answer> {
  readonly statements: readonly SqlStatement[];
  /** What must still be as it was read; `null` where nothing is written, or the driver is serial. */
  readonly guard: (Pick<Changes, "guards" | "charges"> & { readonly now: number }) | null;
  /** The answer, by what the statements read, after the commit. */
  answer(results: Results): Answer;
}

/**
 * All that the ledger asks of a database that speaks SQLite's SQL. A statement has at most 100 parameters and 100 kB, as
 * on D1 (https://developers.cloudflare.com/d1/platform/limits/), so lists travel as one JSON parameter.
 */
export interface SqlDriver {
  /** For logs and errors, for example `sqlite`. */
  readonly name: string;

  /**
   * How the schema gets there, for the error that finds none: the end of a sentence.
   * @default to call `storage.migrate()`
   */
  readonly migration?: string;

  /** How many calls one transaction may decide about. */
  readonly maxPlans: number;

  /** See `LedgerDatabase`. */
  readonly nextTurn?: (run: () => void) => unknown;

  /**
   * Whether no other writer can come between what a transaction reads and what it writes. Else `guard` holds it
   * together, and several candidates are read where one is wanted.
   */
  readonly isSerial: boolean;

  /**
   * Runs the statements in order as one atomic commit, and returns the rows of each (none where it returns none).
   * When one fails, none has happened.
   *
   * @throws OwnlineError `storage_unavailable`, with the driver's error as its cause.
   */
  batch(statements: readonly SqlStatement[]): Promise<Results>;

  /** As {@link SqlDriver.batch} for statements that only read: all of them see the same moment. */
  read(statements: readonly SqlStatement[]): Promise<Results>;

  /**
   * Reads, and writes what follows from it, as one atomic decision: what `write` names in its guard is as it was read
   * when its statements are committed, or `write` is asked again over what is read then. What it throws is thrown.
   *
   * @throws OwnlineError `storage_unavailable`
   */
  transact<Answer>(reads: readonly SqlStatement[], write: (results: Results) => Write<Answer>): Promise<Answer>;

  /** Unix milliseconds, or `null` to read the database's own clock inside the commit. */
  now(): number | null;

  /**
   * Removes what the database keeps of deleted rows beside its tables, in a log of its own. `wait` says whether to wait
   * for others that still read that log; without it, what they hold stays for now. Left out where the database keeps
   * no such log within our reach.
   *
   * @throws OwnlineError `storage_unavailable` where copies are left after the wait; the same call may be repeated.
   */
  removeCopies?(how: { readonly wait: boolean }): Promise<void>;

  /** Releases what the driver itself opened. */
  close(): Promise<void>;
}
