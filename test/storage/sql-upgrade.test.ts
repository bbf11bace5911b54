import { describe, expect, it } from "vitest";
import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import { TABLE_NAMES } from "../../src/storage/sql/columns.ts";
import { sqlDatabase } from "../../src/storage/sql/database.ts";
import type { SqlDriver, SqlRow } from "../../src/storage/sql/driver.ts";
import { SCHEMA_VERSION } from "../../src/storage/sql/meta.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import { MIGRATIONS, type Migration } from "../../src/storage/sql/schema.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { batchOnly } from "./batch-only-shim.ts";
import { inboundRecord } from "./inbound-record.ts";

const TABLES = Object.values(TABLE_NAMES);
const SENDER = "+15550100001";
const PARTICIPANT = "+15550199001";

/** What a later version may add: a column of its own to each table, one with a default and one without. */
const NEXT: readonly Migration[] = [
  ...MIGRATIONS,
  {
    version: SCHEMA_VERSION + 1,
    minWriter: 1,
    statements: TABLES.flatMap((table) => [
      `alter table ${table} add column newer text`,
      `alter table ${table} add column newer_default text not null default 'default'`,
    ]),
  },
];

async function rows(driver: SqlDriver, sql: string): Promise<readonly SqlRow[]> {
  const [found = []] = await driver.read([{ sql, params: [] }]);
  return found;
}

/** A ledger of the next version, in the hands of code of this one. */
async function ofNextVersion() {
  const clock = manualClock(1_000_000);
  const driver = batchOnly(":memory:", clock);
  await migrate(driver, NEXT);
  const storage = ledgerOver(sqlDatabase(driver, { migrate, migratesAtOpen: true }));
  await storage.open();
  return { clock, driver, storage };
}

const conditions = {
  consent: true,
  unpaused: true,
  delayMs: 0,
  cancel: null,
  counters: [{ key: "day", windowMs: 60_000, max: 9, charge: 1, full: "wait", reason: "The day is full." }],
  rateLimit: { key: "sender", costMs: 1, reason: "The sender is busy." },
} as const;

/** Writes to every table: inserts at the first time, updates at the second. */
async function converse(storage: Storage, id: string): Promise<void> {
  const consent = { state: "opted-in", source: "word" } as const;
  await storage.recordInbound(inboundRecord(id, { consentKey: "consent", consent }));
  const turn = await claimOne(storage, { scope: "default", callId: id, workerId: "w", leaseMs: 1_000 });
  await storage.commitTurn({
    callId: id,
    workerId: "w",
    conversationId: turn?.conversation.id ?? "",
    turnId: turn?.turn.id ?? "",
    fence: turn?.fence ?? 0,
    throughSeq: turn?.turn.throughSeq ?? 0,
    outcome: "replied",
    supersede: false,
    pause: false,
    parts: [{ id: `${id}-1`, body: "Hello!", media: [], encoding: "GSM-7", segments: 1 }],
    expiryMs: 60_000,
  });
  const send = {
    scope: "default",
    callId: id,
    workerId: "w",
    leaseMs: 1_000,
    outboundId: `${id}-1`,
    orderWaitMs: 0,
    conditions,
  };
  expect(await storage.claimSend(send)).toMatchObject({ outcome: "claimed" });
  await storage.heartbeat({ scope: "default", callId: id, workerId: "w", leaseMs: 2_000, lookInMs: 1_000 });
  const sweep = await storage.claimSweep({ callId: id, workerId: "w", sender: SENDER, everyMs: 0, leaseMs: 1_000 });
  await storage.commitSweep({ callId: id, sender: SENDER, fence: sweep?.fence ?? 0, watermark: 1 });
}

/** What is known about a message that was sent. Repeated under another `callId`, it raises the count of its event. */
async function settle(storage: Storage, id: string, callId: string): Promise<void> {
  const providerMessageId = `SM-out-${id}`;
  const attempt = { outboundId: `${id}-1`, attempt: 1 };
  await storage.recordSend({ ...attempt, callId, result: { kind: "accepted", providerMessageId, status: "sent" } });
  const status = { providerMessageId, status: "sent", rawStatus: "sent", error: null, optOut: false } as const;
  await storage.recordStatus({ ...attempt, ...status, callId });
}

describe("a ledger that a later version has upgraded", () => {
  it("stays open for code of this version, as long as the step allows it", async () => {
    const { driver, storage } = await ofNextVersion();
    expect(await rows(driver, "select version, min_writer from ownline_meta")).toEqual([
      { version: SCHEMA_VERSION + 1, min_writer: 1 },
    ]);
    await storage.close();
  });

  it("keeps what the later version wrote into columns that this version does not name", async () => {
    const { clock, driver, storage } = await ofNextVersion();
    await converse(storage, "m1");
    await settle(storage, "m1", "1");
    await driver.batch(TABLES.map((sql) => ({ sql: `update ${sql} set newer = 'newer'`, params: [] })));
    await settle(storage, "m1", "2");
    await clock.advance(1);
    await converse(storage, "m2");
    await settle(storage, "m2", "3");
    for (const table of TABLES) {
      const all = await rows(driver, `select newer_default from ${table}`);
      expect(new Set(all.map((row) => row.newer_default)), table).toEqual(new Set(["default"]));
    }
    const counts = await rows(
      driver,
      TABLES.map((table) => `select '${table}' as name, count(*) as n from ${table} where newer is not null`).join(
        " union all ",
      ),
    );
    expect(Object.fromEntries(counts.map(({ name, n }) => [name, n]))).toEqual({
      ownline_conversations: 1,
      ownline_messages: 2,
      ownline_attempts: 1,
      ownline_events: 1,
      ownline_turns: 1,
      ownline_keys: 2,
      ownline_consents: 1,
      ownline_counters: 1,
      ownline_rate_limits: 1,
      ownline_workers: 1,
      ownline_sweeps: 1,
    });
    await storage.close();
  });

  it("keeps them also where several rows change at once", async () => {
    const { driver, storage } = await ofNextVersion();
    await storage.recordOutbound({
      key: "k",
      groupId: "g",
      conversationId: "c",
      scope: "default",
      line: SENDER,
      sender: SENDER,
      participant: PARTICIPANT,
      consentKey: "consent",
      origin: "api",
      content: "digest",
      parts: ["o1", "o2", "o3"].map((id) => ({ id, body: "Hello!", media: [], encoding: "GSM-7", segments: 1 })),
      expiryMs: 60_000,
    });
    await driver.batch([{ sql: "update ownline_messages set newer = id", params: [] }]);
    const consent = { state: "opted-out", source: "word" } as const;
    const { cancelled } = await storage.recordInbound(
      inboundRecord("stop", { consentKey: "consent", consent, needsAnswer: false }),
    );
    expect(cancelled).toHaveLength(3);
    expect(
      await rows(driver, "select newer, status from ownline_messages where status is not null order by id"),
    ).toEqual(["o1", "o2", "o3"].map((newer) => ({ newer, status: "cancelled" })));
    await storage.close();
  });
});
