import { OwnlineError } from "../errors.ts";
import { refuseUnknownOptions } from "../unknown-fields.ts";
import { type StorageClock, systemClock } from "./clock.ts";
import { ledgerOver } from "./ledger/ledger.ts";
import { sqlDatabase } from "./sql/database.ts";
import { migrate } from "./sql/migrate.ts";
import type { SqliteDatabase } from "./sql/sqlite-connection.ts";
import { sqliteDriver } from "./sql/sqlite-driver.ts";
import type { Storage } from "./storage.ts";

export type { StorageClock } from "./clock.ts";
export type { SqlValue } from "./sql/driver.ts";
export type { SqliteDatabase, SqliteStatement } from "./sql/sqlite-connection.ts";

/** Options of {@link sqlite}. */
export interface SqliteOptions {
  /** @default the system's clock */
  readonly clock?: StorageClock;
  /**
   * Whether `open()` creates and upgrades the schema. Without it, call `migrate()` before each start.
   * @default true
   */
  readonly migrate?: boolean;
  /**
   * How long a call waits for another process that writes to the same file. The event loop is not blocked meanwhile. A
   * database that you pass in keeps its own timeout, unless that is 0.
   * @default 5000
   */
  readonly busyTimeoutMs?: number;
}

const BUSY_TIMEOUT_MS = 5_000;

/**
 * The ledger in an SQLite file: embedded, and durable on one machine. Several processes may share the file.
 *
 * A path (or `":memory:"`) is opened with `node:sqlite` at the first use, in WAL mode with `synchronous=FULL`: an
 * acknowledged text survives a power cut. An open database of `node:sqlite` or better-sqlite3 is used with its own
 * settings, except that `synchronous` is raised to FULL. It stays open when the storage is closed. The names of all
 * tables begin with `ownline_`. The storage removes the statistics of `analyze` about these tables at the first use,
 * because they can make SQLite read whole tables.
 *
 * A commit blocks the event loop for about as long as the disk needs to flush. Up to 64 calls that arrive together
 * share one commit. If one of them fails, the others do not.
 *
 * `erase()` and `purge()` leave no copy in the file. The storage switches `secure_delete` on for the connection, also
 * for one that you pass in, and empties the write-ahead log after the commit. While another connection reads that log,
 * `erase()` waits for up to `busyTimeoutMs` and then throws `storage_unavailable`: the rows are deleted, and a repeated
 * call empties the log. `purge()` does not wait; the next `purge()` empties the log. Rows that were deleted before
 * `secure_delete` was on are removed by SQLite's `vacuum`. See docs/guide/privacy.md.
 *
 * @throws OwnlineError at once: `storage_unsupported` if a path is given and this runtime has no `node:sqlite`;
 * `invalid_options` for an empty path, the path of a folder, and an unknown option.
 *
 * @example
 * ```ts
 * import { sqlite } from "ownline/storage/sqlite";
 *
 * const storage = sqlite("ownline.db");
 * ```
 */
export function sqlite(source: string | SqliteDatabase, options: SqliteOptions = {}): Storage {
  refuseUnknownOptions("sqlite()", options, { clock: true, migrate: true, busyTimeoutMs: true });
  refuseMistakes(source, options);
  const isOwn = typeof source === "string";
  const driver = sqliteDriver({
    open: isOwn ? opener(source) : () => source,
    isOwn,
    clock: options.clock ?? systemClock,
    busyTimeoutMs: options.busyTimeoutMs ?? BUSY_TIMEOUT_MS,
  });
  return ledgerOver(sqlDatabase(driver, { migrate, migratesAtOpen: options.migrate ?? true }));
}

/**
 * Checks the arguments at run time: JavaScript without types can pass any value, often `undefined` from an environment
 * variable.
 */
function refuseMistakes(source: unknown, { busyTimeoutMs = BUSY_TIMEOUT_MS }: SqliteOptions): void {
  const isDatabase = typeof source === "object" && source !== null && "prepare" in source && "exec" in source;
  const isPath = typeof source === "string" && source !== "";
  if (!isPath && !isDatabase) {
    throw new OwnlineError(
      "invalid_options",
      'sqlite() needs the path of a file, for example sqlite("ownline.db"), or an open database of node:sqlite or ' +
        "better-sqlite3. Without a path SQLite would keep the texts in a file that is deleted when the process ends.",
    );
  }
  if (!Number.isSafeInteger(busyTimeoutMs) || busyTimeoutMs < 0) {
    throw new OwnlineError(
      "invalid_options",
      "sqlite(): busyTimeoutMs must be a whole number of milliseconds, 0 or more.",
    );
  }
}

interface SqliteModule {
  readonly DatabaseSync: new (path: string) => SqliteDatabase;
}

/** Looks `node:sqlite` up when it is needed, so that this module also loads in runtimes without it. */
function opener(path: string): () => SqliteDatabase {
  const module: unknown = typeof process === "undefined" ? undefined : process.getBuiltinModule?.("node:sqlite");
  if (!isSqliteModule(module)) {
    throw new OwnlineError(
      "storage_unsupported",
      'This runtime has no node:sqlite, which sqlite("file.db") needs: run it on Node 24 (or 22.13 and later), or ' +
        "pass an open better-sqlite3 database, sqlite(new Database(path)), or use memory() for first experiments.",
    );
  }
  refuseFolder(path);
  return () => new module.DatabaseSync(path);
}

/**
 * Refuses a folder with an error of its own. SQLite's error for a folder is the same as for a file without read
 * permission.
 */
function refuseFolder(path: string): void {
  const { statSync } = process.getBuiltinModule("node:fs");
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  throw new OwnlineError(
    "invalid_options",
    'The path that was passed to sqlite() is a folder: pass the path of a file in that folder, for example "data/ownline.db".',
  );
}

function isSqliteModule(value: unknown): value is SqliteModule {
  return (
    typeof value === "object" && value !== null && "DatabaseSync" in value && typeof value.DatabaseSync === "function"
  );
}
