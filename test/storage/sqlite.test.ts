import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SqliteDatabase, sqlite } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type StorageHarness, storageContract } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { corruptFile, corruptIn } from "./corrupt-file.ts";

const template = mkdtempSync(join(tmpdir(), "ownline-sqlite-"));
const MIGRATED = join(template, "ledger.db");

// Once for all cases: to migrate a file takes longer than most cases do.
beforeAll(async () => {
  const storage = sqlite(MIGRATED);
  await storage.migrate();
  await storage.close();
});

afterAll(() => rmSync(template, { recursive: true }));

/** A ledger in a file of its own, each handle over a connection of its own. */
function onFile(
  connect: (path: string) => { readonly source: string | SqliteDatabase; close(): void },
): StorageHarness {
  return {
    corruptible: true,
    async create() {
      const clock = manualClock();
      const folder = mkdtempSync(join(tmpdir(), "ownline-sqlite-"));
      copyFileSync(MIGRATED, join(folder, "ledger.db"));
      const path = join(folder, "ledger.db");
      const opened: { readonly storage: Storage; readonly source: string | SqliteDatabase; close(): void }[] = [];
      const open = (): Storage => {
        const { source, close } = connect(path);
        const storage = sqlite(source, { clock });
        opened.push({ storage, source, close });
        return storage;
      };
      return {
        storage: open(),
        advance: (ms) => clock.advance(ms),
        second: async () => open(),
        async corrupt(row) {
          const { source = path } = opened[0] ?? {};
          if (typeof source === "string") return corruptFile(source, row);
          // Two copies of SQLite in one process do not see each other's locks.
          const { column, mend } = await corruptIn(source, row);
          return { column, mend: () => mend(source) };
        },
        async dispose() {
          for (const { storage, close } of opened) {
            await storage.close();
            close();
          }
          rmSync(folder, { recursive: true });
        },
      };
    },
  };
}

function keeps(name: string, harness: StorageHarness, missing: string | null = null): void {
  const note = missing === null ? "" : ` (skipped: ${missing})`;
  describe.skipIf(missing !== null)(`${name} keeps the storage contract${note}`, () => {
    for (const one of storageContract(harness)) {
      it(`${one.name}`, async () => {
        await expect(one.run()).resolves.toBeUndefined();
      });
    }
  });
}

keeps(
  "a file opened by its path",
  onFile((path) => ({ source: path, close: () => {} })),
);

keeps(
  "an open node:sqlite database",
  onFile((path) => {
    const database = new DatabaseSync(path);
    return { source: database, close: () => database.close() };
  }),
);

const betterSqlite3 = loadBetterSqlite3();

keeps(
  "an open better-sqlite3 database",
  onFile((path) => {
    const database = betterSqlite3.open(path);
    return { source: database, close: () => void database.close() };
  }),
  betterSqlite3.missing,
);

interface Loaded {
  /** Why it does not load here; `null` where it does. */
  readonly missing: string | null;
  open(path: string): SqliteDatabase;
}

function loadBetterSqlite3(): Loaded {
  try {
    const Database: new (path: string) => SqliteDatabase = createRequire(import.meta.url)("better-sqlite3");
    new Database(":memory:").close();
    return { missing: null, open: (path) => new Database(path) };
  } catch (error) {
    const missing = error instanceof Error ? error.message : String(error);
    return {
      missing,
      open() {
        throw error;
      },
    };
  }
}
