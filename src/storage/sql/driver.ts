import type { Procedures } from "./procedure.ts";

/** What a parameter may be. Truth is 0 or 1; lists travel as one JSON text. */
export type SqlValue = string | number | null;

/** One row, by column name. Integers may come as `bigint`, as some drivers are set up. */
export type SqlRow = Readonly<Record<string, unknown>>;

export interface SqlStatement {
  /** One statement with a `?` for each parameter. Statements that return rows begin with `select`. */
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/**
 * All that the SQL ledger asks of a database that speaks SQLite's SQL: to run a list of statements as one commit.
 *
 * There is no interactive transaction in it on purpose: all statements are known before the first one runs, as on
 * Cloudflare's D1 (https://developers.cloudflare.com/d1/worker-api/d1-database/#batch). A statement has at most 100
 * parameters and 100 kB.
 */
export interface SqlDriver {
  /** For logs and errors, for example `sqlite`. */
  readonly name: string;

  /**
   * How the schema gets there, for the error that finds none: the end of a sentence.
   * @default to call `storage.migrate()`
   */
  readonly migration?: string;

  /**
   * Runs the statements in order as one atomic commit, and returns the rows of each (none where it returns none).
   * When one fails, none has happened.
   *
   * @throws OwnlineError `storage_unavailable`, with the driver's error as its cause.
   */
  batch(statements: readonly SqlStatement[]): Promise<readonly (readonly SqlRow[])[]>;

  /** As {@link SqlDriver.batch} for statements that only read: all of them see the same moment. */
  read(statements: readonly SqlStatement[]): Promise<readonly (readonly SqlRow[])[]>;

  /**
   * The procedures that the ledger's operations name.
   *
   * @throws OwnlineError `storage_unmigrated` where the database keeps them and has not got them, `storage_unavailable`
   */
  procedures(): Procedures | Promise<Procedures>;

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
