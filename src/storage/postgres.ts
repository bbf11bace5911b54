import { OwnlineError } from "../errors.ts";
import { consoleLogger, type Logger } from "../logger.ts";
import { refuseUnknownOptions } from "../unknown-fields.ts";
import type { StorageClock } from "./clock.ts";
import { ledgerOver } from "./ledger/ledger.ts";
import type { PostgresPool } from "./postgres/client.ts";
import { type GroupCommit, postgresDatabase } from "./postgres/database.ts";
import type { Storage } from "./storage.ts";

export type { StorageClock } from "./clock.ts";
export type { PostgresPool } from "./postgres/client.ts";
export type { GroupCommit } from "./postgres/database.ts";

/** Options of {@link postgres}. */
export interface PostgresOptions {
  /**
   * The schema that holds the ledger's tables and functions; `migrate()` makes it where it is missing. Small letters,
   * digits and underscores.
   * @default "public"
   */
  readonly schema?: string;
  /**
   * How calls that arrive at the same time share a commit, and with it one wait for the disk. `false` for a commit
   * each.
   * @default { maxBatch: 64, maxDelayMs: 0 }
   */
  readonly groupCommit?: GroupCommit | false;
  /**
   * Where `open()` warns of a server whose settings can lose what was acknowledged.
   * @default the console
   */
  readonly logger?: Logger;
  /**
   * For tests: another clock than the database's.
   * @default the database's clock, so that the clocks of many machines do not matter
   */
  readonly clock?: StorageClock;
}

/** More calls in one decision gain little, and each of them is decided anew when one guard moves. */
const MAX_BATCH = 64;

/** PostgreSQL cuts longer names off. */
const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;

/**
 * The ledger in PostgreSQL 13 or later: the way to many processes on one database. You pass a Pool of `pg` and keep it;
 * it stays open when the storage is closed. All tables and functions begin with `ownline_`.
 *
 * An operation is two statements. The first reads; the ledger's rules decide in this process; the second locks the
 * rows, checks that they are as they were read, and writes. No transaction is open between them: a process that pauses
 * or dies there holds no lock. Operations that arrive together share both. A pooler in transaction mode (PgBouncer,
 * Supavisor) may stand between, and nothing is prepared by name. Times come from the database's clock.
 *
 * The schema comes from `migrate()`, as a step of the deployment. It may run from several processes at once, and old
 * and new code serve together while it does.
 *
 * @throws OwnlineError at once: `invalid_options` when the pool is missing, for a name that no schema can have, and for
 * an option that is not known.
 *
 * @example
 * ```ts
 * import { postgres } from "ownline/storage/postgres";
 * import pg from "pg";
 *
 * const storage = postgres(new pg.Pool({ connectionString: "postgres://localhost/service" }));
 * await storage.migrate();
 * ```
 */
export function postgres(pool: PostgresPool, options: PostgresOptions = {}): Storage {
  refuseUnknownOptions("postgres()", options, { schema: true, groupCommit: true, logger: true, clock: true });
  refuseMistakes(pool, options);
  const { schema = "public", logger = consoleLogger, clock = null } = options;
  const { maxBatch = MAX_BATCH, maxDelayMs = 0 } = options.groupCommit === false ? ALONE : (options.groupCommit ?? {});
  return ledgerOver(postgresDatabase({ pool, schema, logger, clock, maxBatch, maxDelayMs }));
}

/** A commit for each call. */
const ALONE: GroupCommit = { maxBatch: 1 };

/** Plain JavaScript gets here with anything, `undefined` first of all. */
function refuseMistakes(pool: unknown, { schema = "public", groupCommit: grouping = {} }: PostgresOptions): void {
  const refuse = (message: string) => new OwnlineError("invalid_options", message);
  if (typeof pool !== "object" || pool === null || !("query" in pool) || typeof pool.query !== "function") {
    throw refuse("postgres() needs a Pool of pg, for example postgres(new pg.Pool({ connectionString })).");
  }
  if (!SCHEMA.test(schema)) {
    throw refuse(
      "postgres(): schema must be a name of small letters, digits and underscores that does not begin with a digit, " +
        "at most 63 characters long.",
    );
  }
  if (grouping === false) return;
  refuseUnknownOptions("postgres()", grouping, { maxBatch: true, maxDelayMs: true }, "options.groupCommit");
  const { maxBatch = MAX_BATCH, maxDelayMs = 0 } = grouping;
  if (!Number.isSafeInteger(maxBatch) || maxBatch < 1) {
    throw refuse("postgres(): groupCommit.maxBatch must be a whole number, 1 or more; or groupCommit false.");
  }
  if (!Number.isSafeInteger(maxDelayMs) || maxDelayMs < 0) {
    throw refuse("postgres(): groupCommit.maxDelayMs must be a whole number of milliseconds, 0 or more.");
  }
}
