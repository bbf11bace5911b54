import { isOwnlineError, OwnlineError } from "../../errors.ts";

/**
 * The error that happened, who must do what, and whether the same call may succeed after that. Keys: SQLite's result
 * codes.
 */
const REMEDIES: ReadonlyMap<string, { readonly message: string; readonly retryable: boolean }> = new Map([
  [
    "BUSY",
    {
      message:
        "The SQLite file stayed locked for longer than the busy timeout: another process or connection holds a " +
        "transaction open. Nothing was written; the same call may be repeated.",
      retryable: true,
    },
  ],
  [
    "LOCKED",
    {
      message:
        "A table of the SQLite database is locked by a statement of the same connection. Nothing was written; the " +
        "same call may be repeated.",
      retryable: true,
    },
  ],
  [
    "FULL",
    {
      message:
        "The SQLite file cannot grow: the disk is full, or max_page_count is reached. Free some space; nothing was " +
        "written, and the same call may be repeated.",
      retryable: true,
    },
  ],
  [
    "READONLY",
    {
      message:
        "The SQLite file is read-only for this process: give it the right to write to the file and to its folder " +
        "(SQLite keeps its -wal and -shm files beside it), or open the database for writing.",
      retryable: true,
    },
  ],
  [
    "CANTOPEN",
    {
      message:
        "The SQLite file cannot be opened: create its folder, and give this process the right to read and write in it.",
      retryable: true,
    },
  ],
  [
    "IOERR",
    {
      message:
        "The operating system failed to read or write the SQLite file: check the disk and the file system it is on.",
      retryable: true,
    },
  ],
  [
    "ERROR",
    {
      message:
        "SQLite does not understand a statement of the ledger, so nothing was written: its version may be older " +
        "than 3.50, the oldest that ownline is tested with, or another program changed the ledger's tables. See the cause; a " +
        "newer Node or better-sqlite3 contains a newer SQLite.",
      retryable: false,
    },
  ],
  [
    "CORRUPT",
    {
      message:
        "The SQLite file is damaged: stop the service, keep a copy of the file, and restore a backup or repair the file " +
        "with the .recover command of the sqlite3 shell.",
      retryable: false,
    },
  ],
  [
    "NOTADB",
    {
      message: "The file is not an SQLite database (or is encrypted): pass the path of another file, or of a new one.",
      retryable: false,
    },
  ],
]);

/** The primary result codes, by number (https://www.sqlite.org/rescode.html). */
const NAMES: ReadonlyMap<number, string> = new Map([
  [5, "BUSY"],
  [6, "LOCKED"],
  [1, "ERROR"],
  [8, "READONLY"],
  [10, "IOERR"],
  [11, "CORRUPT"],
  [13, "FULL"],
  [14, "CANTOPEN"],
  [26, "NOTADB"],
]);

const PRIMARY_MASK = 0xff;

/** SQLite's primary result code. node:sqlite gives its number, and better-sqlite3 its name. */
function resultCode(error: unknown): string | null {
  if (typeof error !== "object" || error === null) return null;
  if ("errcode" in error && typeof error.errcode === "number") {
    return NAMES.get(error.errcode & PRIMARY_MASK) ?? "OTHER";
  }
  if (!("code" in error) || typeof error.code !== "string" || !error.code.startsWith("SQLITE_")) return null;
  return error.code.split("_")[1] ?? "OTHER";
}

/**
 * Whether another connection held a lock. Takes an error of the driver, or the error that `storageError` made of it.
 */
export function isBusy(error: unknown): boolean {
  return resultCode(isOwnlineError(error) ? error.cause : error) === "BUSY";
}

/**
 * Turns an error of the SQLite driver into `storage_unavailable` that says what to do. Returns any other value
 * unchanged.
 */
export function storageError(error: unknown): unknown {
  if (isOwnlineError(error)) return error;
  const code = resultCode(error);
  if (code === null) return error;
  const remedy = REMEDIES.get(code);
  return new OwnlineError(
    "storage_unavailable",
    remedy?.message ??
      "SQLite refused a statement of the ledger, so nothing was written: see the cause. Ids must be new and unique.",
    { cause: error, retryable: remedy?.retryable ?? false },
  );
}
