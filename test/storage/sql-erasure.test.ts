import { describe, expect, it } from "vitest";
import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import { sqlDatabase } from "../../src/storage/sql/database.ts";
import type { SqlDriver } from "../../src/storage/sql/driver.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { batchOnly } from "./batch-only-shim.ts";
import { inboundRecord } from "./inbound-record.ts";
import { post } from "./postgres-texts.ts";

const LINE = "+15550100001";
const PERSON = "+15550199001";
const BODY = "Is the corner table free?";
const REPLY = "It is yours.";

async function begin() {
  const clock = manualClock();
  const driver = batchOnly(":memory:", clock);
  const storage = ledgerOver(sqlDatabase(driver, { migrate, migratesAtOpen: true }));
  await storage.open();
  return { clock, driver, storage };
}

function textTo(storage: Storage, id: string) {
  return storage.recordInbound(inboundRecord(id, { consentKey: "opaque", body: BODY }));
}

/** One text, answered and delivered. */
async function converse(storage: Storage, id: string): Promise<void> {
  await textTo(storage, id);
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
    parts: [{ id: `t${id}-1`, body: REPLY, media: [], encoding: "GSM-7", segments: 1 }],
    expiryMs: 1_000,
  });
  const conditions = { consent: true, unpaused: true, delayMs: 0, cancel: null, counters: [], rateLimit: null };
  const outboundId = `t${id}-1`;
  await storage.claimSend({
    scope: "default",
    callId: id,
    workerId: "w",
    leaseMs: 1_000,
    outboundId,
    orderWaitMs: 0,
    conditions,
  });
  const providerMessageId = `SM-out-${id}`;
  await storage.recordSend({
    callId: id,
    outboundId,
    attempt: 1,
    result: { kind: "accepted", providerMessageId, status: "delivered" },
  });
}

/** Everything that the database holds, table by table. */
async function dump(driver: SqlDriver): Promise<Record<string, readonly unknown[]>> {
  const [tables = []] = await driver.read([{ sql: "select name from sqlite_master where type = 'table'", params: [] }]);
  const names = tables.map(({ name }) => String(name));
  const rows = await driver.read(names.map((name) => ({ sql: `select * from ${name}`, params: [] })));
  return Object.fromEntries(names.map((name, index) => [name, rows[index] ?? []]));
}

describe("erasure in SQL", () => {
  it("leaves no number and no text of the person in any table", async () => {
    const { driver, storage } = await begin();
    await converse(storage, "m1");
    const before = JSON.stringify(await dump(driver));
    for (const trace of [PERSON, BODY, REPLY]) expect(before).toContain(trace);
    await expect(storage.erase({ callId: "e", participant: PERSON, line: null })).resolves.toEqual({
      conversations: 1,
      messages: 2,
    });
    const after = JSON.stringify(await dump(driver));
    for (const trace of [PERSON, BODY, REPLY]) expect(after).not.toContain(trace);
    await storage.close();
  });

  it("keeps a tombstone for every key and every id of the provider, and nothing else of the conversation", async () => {
    const { driver, storage } = await begin();
    await converse(storage, "m1");
    await storage.erase({ callId: "e", participant: PERSON, line: LINE });
    const tables = await dump(driver);
    expect(tables.ownline_keys).toMatchObject([
      { kind: "inbound", key: "account:m1", ref: null, attempt: null },
      { kind: "provider", key: "SM-out-m1", ref: null, attempt: null },
    ]);
    for (const name of ["conversations", "messages", "attempts", "events", "turns"]) {
      expect(tables[`ownline_${name}`], name).toEqual([]);
    }
    await storage.close();
  });

  it("keeps nothing of what a key was used for, by erasure and by retention", async () => {
    const { clock, driver, storage } = await begin();
    for (const id of ["one", "two"]) await storage.recordOutbound(post(id, 1));
    await storage.erase({ callId: "e", participant: post("one", 1).participant, line: null });
    await storage.recordOutbound({ ...post("three", 2), expiryMs: 1 });
    await clock.advance(1);
    const conditions = { consent: true, unpaused: true, delayMs: 0, cancel: null, counters: [], rateLimit: null };
    const claim = {
      scope: "default",
      callId: "c",
      workerId: "w",
      leaseMs: 1_000,
      outboundId: "three-1",
      orderWaitMs: 0,
      conditions,
    };
    expect((await storage.claimSend(claim)).outcome).toBe("cancelled");
    await storage.purge({ callId: "p", olderThanMs: 0, limit: 100 });
    expect((await dump(driver)).ownline_keys).toMatchObject(
      ["one", "three", "two"].map((id) => ({ key: `send:${id}`, ref: null, content: null })),
    );
    await storage.close();
  });

  it("purges a turn with the last of its messages, while a newer turn stays", async () => {
    const { clock, driver, storage } = await begin();
    await converse(storage, "m1");
    await clock.advance(10_000);
    await converse(storage, "m2");
    await storage.purge({ callId: "p", olderThanMs: 5_000, limit: 100 });
    expect((await dump(driver)).ownline_turns).toMatchObject([{ id: "tm2" }]);
    await storage.close();
  });
});
