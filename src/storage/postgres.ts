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
   * The schema that holds the ledger's tables and functions; `migrate()` creates it if it is missing. Small letters,
   * digits and underscores.
   * @default "public"
   */
  readonly schema?: string;
  /**
   * How calls that arrive at the same time share a commit, so that they wait for the disk once. `false`: each call has
   * its own commit.
   * @default { maxBatch: 64, maxDelayMs: 0 }
   */
  readonly groupCommit?: GroupCommit | false;
  /**
   * The logger that `open()` warns if the server's settings can lose acknowledged texts.
   * @default the console
   */
  readonly logger?: Logger;
  /**
   * A clock for tests.
   * @default the database's clock, so that the clocks of the machines do not matter
   */
  readonly clock?: StorageClock;
}

/** More calls in one decision gain little. If one guard no longer holds, all calls of the decision are decided anew. */
const MAX_BATCH = 64;

/** At most 63 characters: PostgreSQL truncates longer names. */
const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;

/**
 * The ledger in PostgreSQL 13 or later, for many processes on one database. You pass a Pool of `pg`, and you close it:
 * it stays open when the storage is closed. The names of all tables and functions begin with `ownline_`.
 *
 * An operation is two statements. The first statement reads. The ledger's rules decide in this process. The second
 * statement locks the rows, checks that they have not changed, and writes. No transaction is open between the two, so a
 * process that pauses or crashes between them holds no lock. Operations that arrive together share both statements. A
 * pooler in transaction mode (PgBouncer, Supavisor) works, because the ledger prepares no statement by name. Times come
 * from the database's clock.
 *
 * The schema comes from `migrate()`, as a step of the deployment. Several processes may call it at once. Old and new
 * code can serve together meanwhile.
 *
 * @throws OwnlineError at once: `invalid_options` if the pool is missing, for an invalid schema name, and for an
 * unknown option.
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

/** Checks the arguments at run time: JavaScript without types can pass any value, often `undefined`. */
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
