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
   * Whether `open()` creates and upgrades the schema by itself. Without it, call `migrate()` before a start.
   * @default true
   */
  readonly migrate?: boolean;
  /**
   * How long a call waits for another process that writes to the same file. The event loop goes on meanwhile. A database
   * that is passed in keeps its own timeout, unless that is 0.
   * @default 5000
   */
  readonly busyTimeoutMs?: number;
}

const BUSY_TIMEOUT_MS = 5_000;

/**
 * The ledger in an SQLite file: the embedded default, durable on one machine. Several processes may share the file.
 *
 * A path (or `":memory:"`) is opened with `node:sqlite` at the first use, in WAL mode with `synchronous=FULL`: what was
 * acknowledged survives a power cut. An open database of `node:sqlite` or better-sqlite3 is used as it is, with
 * `synchronous` raised to FULL; it stays open when the storage is closed. All tables begin with `ownline_`; what
 * `analyze` noted down about them is removed at the first use, since SQLite may read whole tables by it.
 *
 * A commit is synchronous inside: it takes about as long as the disk needs to flush. Calls that come together share
 * one commit, up to 64, and each fails alone.
 *
 * `erase()` and `purge()` leave no copy in the file: `secure_delete` is switched on for the connection, also for one
 * that was passed in, and the write-ahead log is emptied after the commit. While another connection reads that log,
 * `erase()` waits for up to `busyTimeoutMs` and then throws `storage_unavailable`: the rows are deleted, and a repeated
 * call empties the log. `purge()` leaves that to the next one. What was deleted before ownline switched it on goes with
 * SQLite's `vacuum`. See docs/guide/privacy.md.
 *
 * @throws OwnlineError at once: `storage_unsupported` when a path is given and this runtime has no `node:sqlite`;
 * `invalid_options` for an empty path, the path of a folder, and an option that is not known.
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

/** Plain JavaScript gets here with anything, `undefined` from an environment variable first of all. */
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

/** `node:sqlite` is looked up when it is wanted, so that this file loads wherever it does not exist. */
function opener(path: string): () => SqliteDatabase {
  const module: unknown = typeof process === "undefined" ? undefined : process.getBuiltinModule?.("node:sqlite");
  if (!isSqliteModule(module)) {
    throw new OwnlineError(
      "storage_unsupported",
      'This runtime has no node:sqlite, which sqlite("file.db") needs: run it on Node 24 (or 22.13 and later), or ' +
        "pass an open better-sqlite3 database, sqlite(new Database(path)), or use memory() to try things out.",
    );
  }
  refuseFolder(path);
  return () => new module.DatabaseSync(path);
}

/** SQLite says of a folder only that it cannot open it, as it does of a file that it may not read. */
function refuseFolder(path: string): void {
  const { statSync } = process.getBuiltinModule("node:fs");
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  throw new OwnlineError(
    "invalid_options",
    'sqlite() was given the path of a folder: give it the path of a file in that folder, for example "data/ownline.db".',
  );
}

function isSqliteModule(value: unknown): value is SqliteModule {
  return (
    typeof value === "object" && value !== null && "DatabaseSync" in value && typeof value.DatabaseSync === "function"
  );
}
