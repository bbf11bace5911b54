import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SqliteDatabase, sqlite } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { inboundRecord } from "./inbound-record.ts";

const GONE = "+15550199001";
const STAYS = "+15550199002";
const LOGS = ["", "-wal", "-journal"];

let folder = "";
let path = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ownline-erasure-"));
  path = join(folder, "ledger.db");
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Two people's texts, of many lengths, so that some fill pages of their own. */
async function fill(storage: Storage): Promise<void> {
  for (let n = 0; n < 40; n += 1) {
    const words = (mark: string) => `${mark}-${n} `.repeat(1 + ((n * n) % 90));
    await storage.recordInbound(inboundRecord(`g${n}`, { participant: GONE, body: words("DIAGNOSIS") }));
    await storage.recordInbound(inboundRecord(`s${n}`, { participant: STAYS, body: words("GREETING") }));
  }
}

/** How often a mark stands in the file and in what SQLite keeps beside it. */
function copies(mark: string): number {
  return LOGS.map((end) => path + end)
    .filter((file) => existsSync(file))
    .reduce((sum, file) => sum + readFileSync(file, "latin1").split(mark).length - 1, 0);
}

const erase = (storage: Storage, callId = "o1") => storage.erase({ callId, participant: GONE, line: null });

function betterSqlite3(): { readonly missing: string | null; open(at: string): SqliteDatabase } {
  try {
    const Database: new (at: string) => SqliteDatabase = createRequire(import.meta.url)("better-sqlite3");
    new Database(":memory:").close();
    return { missing: null, open: (at) => new Database(at) };
  } catch (error) {
    const missing = error instanceof Error ? error.message : String(error);
    return { missing, open: () => expect.fail(missing) };
  }
}

const better = betterSqlite3();
const drivers: readonly [string, (at: string) => string | SqliteDatabase, string | null][] = [
  ["a path", (at) => at, null],
  ["an open node:sqlite database", (at) => new DatabaseSync(at), null],
  ["an open better-sqlite3 database", better.open, better.missing],
];

describe.each(drivers)("on %s", (_, sourceOf, missing) => {
  it.skipIf(missing !== null).each(["wal", "delete", "truncate", "persist"])(
    "erase() leaves no copy in the file or beside it, while the database is open: %s",
    async (mode) => {
      const source = sourceOf(path);
      if (typeof source !== "string") source.exec(`pragma journal_mode = ${mode}`);
      const storage = sqlite(source);
      await storage.open();
      await fill(storage);
      expect(copies("DIAGNOSIS")).toBeGreaterThan(40);
      expect(await erase(storage)).toEqual({ conversations: 1, messages: 40 });
      expect([copies("DIAGNOSIS"), copies(GONE)]).toEqual([0, 0]);
      expect(copies("GREETING")).toBeGreaterThan(40);
      await storage.close();
      if (typeof source !== "string") source.close();
      expect(copies("DIAGNOSIS")).toBe(0);
    },
  );

  it.skipIf(missing !== null)("purge() leaves none either", async () => {
    let now = 1_000_000;
    const source = sourceOf(path);
    const storage = sqlite(source, { clock: { now: () => now } });
    await storage.open();
    await storage.recordInbound(inboundRecord("g", { participant: GONE, body: "DIAGNOSIS", needsAnswer: false }));
    now += 10_000;
    await storage.recordInbound(inboundRecord("s", { participant: STAYS, body: "GREETING", needsAnswer: false }));
    expect(await storage.purge({ callId: "o", olderThanMs: 5000, limit: 10 })).toMatchObject({ messages: 1 });
    expect([copies("DIAGNOSIS"), copies("GREETING")]).toEqual([0, 1]);
    await storage.close();
    if (typeof source !== "string") source.close();
  });
});

it("a service in another process that keeps the file open is not in the way", async () => {
  const [one, other] = [sqlite(path), sqlite(path)];
  await one.open();
  await other.open();
  await fill(other);
  await erase(one);
  expect(copies("DIAGNOSIS")).toBe(0);
  await one.close();
  await other.close();
});

describe("while another connection reads", () => {
  const reading = (): DatabaseSync => {
    const reader = new DatabaseSync(path);
    reader.exec("begin");
    reader.prepare("select count(*) from ownline_messages").get();
    return reader;
  };

  it("erase() says that copies are left and who must do what; repeated after it, it leaves none", async () => {
    const storage = sqlite(path, { busyTimeoutMs: 40 });
    await storage.open();
    await fill(storage);
    const reader = reading();
    await expect(erase(storage)).rejects.toMatchObject({
      code: "storage_unavailable",
      retryable: true,
      message: expect.stringMatching(/-wal still holds copies .*end that read.*call erase\(\) again/),
    });
    expect((await storage.conversations({ limit: 9 })).conversations.map(({ participant }) => participant)).toEqual([
      STAYS,
    ]);
    reader.exec("commit");
    expect(await erase(storage, "o2")).toEqual({ conversations: 0, messages: 0 });
    expect(copies("DIAGNOSIS")).toBe(0);
    reader.close();
    await storage.close();
  });

  it("erase() waits for it, and lets the process go on meanwhile", async () => {
    const storage = sqlite(path);
    await storage.open();
    await fill(storage);
    const reader = reading();
    const erasing = erase(storage);
    const other = new DatabaseSync(path);
    const left = other.prepare(`select count(*) as n from ownline_messages where participant = '${GONE}'`);
    while (left.get()?.n !== 0) await new Promise((resolve) => setImmediate(resolve));
    expect(copies("DIAGNOSIS")).toBeGreaterThan(0);
    reader.exec("commit");
    await erasing;
    expect(copies("DIAGNOSIS")).toBe(0);
    reader.close();
    other.close();
    await storage.close();
  });

  it("purge() does not fail: the next one finds the log free", async () => {
    const storage = sqlite(path);
    await storage.open();
    await fill(storage);
    const reader = reading();
    await expect(storage.purge({ callId: "o1", olderThanMs: 0, limit: 10 })).resolves.toBeDefined();
    reader.exec("commit");
    reader.close();
    await storage.close();
  });
});

it("the busy timeout of a database that was passed in stays as it was", async () => {
  const database = new DatabaseSync(path);
  database.exec("pragma journal_mode = wal; pragma busy_timeout = 1234");
  const storage = sqlite(database);
  await storage.open();
  await fill(storage);
  await erase(storage);
  expect(database.prepare("pragma busy_timeout").get()).toEqual({ timeout: 1234 });
  await storage.close();
  database.close();
});
