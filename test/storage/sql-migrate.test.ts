import { describe, expect, it } from "vitest";
import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import { sqlDatabase } from "../../src/storage/sql/database.ts";
import type { SqlDriver } from "../../src/storage/sql/driver.ts";
import { openLedger, SCHEMA_VERSION } from "../../src/storage/sql/meta.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import { MIGRATIONS, type Migration } from "../../src/storage/sql/schema.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { batchOnly } from "./batch-only-shim.ts";

const NEXT = SCHEMA_VERSION + 1;

function next(statements: readonly string[]): readonly Migration[] {
  return [...MIGRATIONS, { version: NEXT, minWriter: 1, statements }];
}

function tables(driver: SqlDriver) {
  return driver.read([{ sql: "select name from sqlite_master where name like 'extra%'", params: [] }]);
}

const MONTH_MS = 30 * 86_400_000;

describe("migrations", () => {
  it("are numbered from 1 upwards, and the last is the version that this code writes", () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
    expect(MIGRATIONS.at(-1)?.version).toBe(SCHEMA_VERSION);
  });

  it("keep the secret when a later step comes", async () => {
    const driver = batchOnly(":memory:", null);
    await migrate(driver);
    const { secret } = await openLedger(driver);
    await migrate(driver, next(["create table extra (id integer)"]));
    expect(await tables(driver)).toEqual([[{ name: "extra" }]]);
    await expect(openLedger(driver)).resolves.toEqual({ secret });
    await driver.close();
  });

  it("leave nothing of a step that fails, and run it at the next try", async () => {
    const driver = batchOnly(":memory:", null);
    await migrate(driver);
    await expect(migrate(driver, next(["create table extra (id integer)", "create nonsense"]))).rejects.toThrow(
      "syntax error",
    );
    expect(await tables(driver)).toEqual([[]]);
    await migrate(driver, next(["create table extra (id integer)"]));
    expect(await tables(driver)).toEqual([[{ name: "extra" }]]);
    await driver.close();
  });

  it("run a step once when another process was faster", async () => {
    const driver = batchOnly(":memory:", null);
    const steps = next(["create table extra (id integer)"]);
    let isOvertaken = false;
    const slow: SqlDriver = {
      ...driver,
      async batch(statements) {
        if (!isOvertaken && statements.some(({ sql }) => sql.includes("create table extra"))) {
          isOvertaken = true;
          await migrate(driver, steps);
        }
        return await driver.batch(statements);
      },
    };
    await expect(migrate(slow, steps)).resolves.toBeUndefined();
    expect(isOvertaken).toBe(true);
    await driver.close();
  });
});

describe("the ledger's own cleaning", () => {
  it("reads the database's clock where the driver has none", async () => {
    const storage = ledgerOver(sqlDatabase(batchOnly(":memory:", null), { migrate, migratesAtOpen: true }));
    await storage.open();
    const before = Date.now();
    const heartbeat = { scope: "default", callId: "1", workerId: "w", leaseMs: 1_000, lookInMs: 1_000 };
    await expect(storage.heartbeat(heartbeat)).resolves.toEqual({ leases: [], unsettled: [], recovered: 0 });
    const { conversation } = await storage.recordOutbound({
      key: "k",
      groupId: "g",
      conversationId: "c",
      scope: "default",
      line: "+15550100001",
      sender: "+15550100001",
      participant: "+15550199001",
      consentKey: "consent",
      origin: "api",
      content: "digest",
      parts: [{ id: "o1", body: "Hello!", media: [], encoding: "GSM-7", segments: 1 }],
      expiryMs: 60_000,
    });
    expect(conversation?.createdAt).toBeGreaterThanOrEqual(before);
    expect(conversation?.createdAt).toBeLessThanOrEqual(Date.now());
    expect(Number.isInteger(conversation?.createdAt)).toBe(true);
    expect(await storage.due({ scope: "default", workerId: "w1", limit: 10 })).toMatchObject({
      messages: [{ message: { id: "o1" } }],
      turns: false,
    });
    await storage.close();
  });

  it("forgets stored answers, and workers that hold nothing, an hour after their time, and not before", async () => {
    const clock = manualClock();
    const driver = batchOnly(":memory:", clock);
    const storage = ledgerOver(sqlDatabase(driver, { migrate, migratesAtOpen: true }));
    await storage.open();
    const heartbeat = (callId: string) =>
      storage.heartbeat({ scope: "default", callId, workerId: callId, leaseMs: 0, lookInMs: 1_000 });
    const kept = async () => {
      const select = (sql: string) => ({ sql, params: [] });
      const [answers = [], workers = []] = await driver.read([
        select("select call from ownline_answers where call like 'heartbeat%' order by at"),
        select("select id from ownline_workers order by alive_until"),
      ]);
      return [answers.map((row) => row.call), workers.map((row) => row.id)];
    };
    await heartbeat("first");
    await clock.advance(60 * 60_000);
    await heartbeat("second");
    expect(await kept()).toEqual([
      ["heartbeat first", "heartbeat second"],
      ["first", "second"],
    ]);
    await clock.advance(1);
    await heartbeat("third");
    expect(await kept()).toEqual([
      ["heartbeat second", "heartbeat third"],
      ["second", "third"],
    ]);
    await storage.close();
  });

  it("forgets an answer an hour later that was stored while the clock was a month ahead", async () => {
    const clock = manualClock();
    const driver = batchOnly(":memory:", clock);
    const storage = ledgerOver(sqlDatabase(driver, { migrate, migratesAtOpen: true }));
    await storage.open();
    const heartbeat = (callId: string) =>
      storage.heartbeat({ scope: "default", callId, workerId: "w", leaseMs: 0, lookInMs: 1_000 });
    const isKept = async (callId: string) => {
      const sql = "select call from ownline_answers where call = ?";
      const [rows = []] = await driver.read([{ sql, params: [`heartbeat ${callId}`] }]);
      return rows.length === 1;
    };
    await clock.advance(MONTH_MS);
    await heartbeat("ahead");
    await clock.advance(-MONTH_MS);
    await heartbeat("right");
    await clock.advance(60 * 60_000);
    await heartbeat("an hour later");
    expect(await isKept("ahead")).toBe(true);
    await clock.advance(1);
    await heartbeat("later");
    expect(await isKept("ahead")).toBe(false);
    await storage.close();
  });
});
