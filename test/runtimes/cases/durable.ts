import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Storage } from "ownline";
import { type SqliteDatabase, sqlite } from "ownline/storage/sqlite";
import { type ContractCase, type ManualClock, manualClock, storageContract } from "ownline/testing";
import { conversationCases } from "./conversations.ts";

/** Opens an SQLite file, or `:memory:`, as a ledger; what it opened is closed by `close()` of the ledger. */
type Open = (path: string, options: { readonly clock?: ManualClock }) => Storage;

/** What must hold in every runtime that has `node:sqlite`, on a file. */
export const durableCases: readonly ContractCase[] = casesOver("SQLite", sqlite);

/** The same over better-sqlite3, for a Node that has no `node:sqlite`. */
export function betterSqlite3Cases(): readonly ContractCase[] {
  const Database: new (path: string) => SqliteDatabase = createRequire(import.meta.url)("better-sqlite3");
  return casesOver("better-sqlite3", (path, options) => {
    const database = new Database(path);
    database.exec("pragma journal_mode = wal");
    const storage = sqlite(database, options);
    // A database that was passed in is its owner's to close.
    return { ...storage, close: () => storage.close().then(() => void database.close()) };
  });
}

function casesOver(kind: string, openLedger: Open): readonly ContractCase[] {
  return [
    ...conversationCases(kind, async () => openLedger(":memory:", {})),
    ...storageContract({
      async create() {
        const clock = manualClock();
        const folder = mkdtempSync(join(tmpdir(), "ownline-runtimes-"));
        const opened: Storage[] = [];
        const open = (): Storage => {
          const storage = openLedger(join(folder, "ledger.db"), { clock });
          opened.push(storage);
          return storage;
        };
        return {
          storage: open(),
          second: async () => open(),
          advance: (ms) => clock.advance(ms),
          async dispose() {
            for (const storage of opened) await storage.close();
            rmSync(folder, { recursive: true });
          },
        };
      },
    }).map(({ name, run }) => ({ name: `the ${kind} ledger ${name}`, run })),
  ];
}
