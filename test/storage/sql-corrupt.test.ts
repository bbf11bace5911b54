import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { sqlite } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { corruptIn } from "./corrupt-file.ts";
import { inboundRecord } from "./inbound-record.ts";

const MINUTE_MS = 60_000;

function opened() {
  const database = new DatabaseSync(":memory:");
  const clock = manualClock();
  return { database, clock, storage: sqlite(database, { clock }) };
}

describe("rows that cannot be read, in SQL", () => {
  it("fail a repeated text whose key they are, and no other", async () => {
    const { database, storage } = opened();
    const record = inboundRecord("one");
    await storage.open();
    await storage.recordInbound(record);
    const { mend } = await corruptIn(database, { table: "keys", id: `inbound ${record.key}` });
    const repeated = storage.recordInbound({ ...record, messageId: "again" });
    await expect(repeated).rejects.toMatchObject({
      code: "storage_corrupt",
      row: { table: "keys", column: "attempt" },
    });
    await expect(storage.recordInbound(inboundRecord("two"))).resolves.toMatchObject({ outcome: "recorded" });
    await mend(database);
    await expect(storage.recordInbound(record)).resolves.toMatchObject({ outcome: "repeated" });
  });

  it("let a person be erased although a stored answer no longer says whom it speaks of, and take it along", async () => {
    const { database, storage } = opened();
    await storage.open();
    for (const participant of ["+15550199001", "+15550199002"]) {
      await storage.recordInbound(inboundRecord(participant, { participant, conversationId: `c${participant}` }));
    }
    const claim = { callId: "claim", scope: "default", workerId: "w1", leaseMs: 15_000, limit: 2 };
    const claimed = await storage.claimTurns(claim);
    expect(claimed).toHaveLength(2);
    const { changes } = database
      .prepare("update ownline_answers set conversation_ids = '[' where conversation_ids is not null")
      .run();
    expect(changes).toBe(1);
    const erased = await storage.erase({ callId: "erase", participant: "+15550199001", line: null });
    expect(erased).toEqual({ conversations: 1, messages: 1 });
    expect(database.prepare("select call from ownline_answers where conversation_ids is not null").all()).toEqual([]);
  });

  it.each(["{", "null", "{}", '{"conversations":"1","messages":0}', '{"conversations":1,"messages":1e999}'])(
    "name the answer of an erasure that is repeated, where it cannot be read: %s",
    async (answer) => {
      const { database, storage } = opened();
      await storage.open();
      const order = { callId: "erase", participant: "+15550199001", line: null };
      await storage.erase(order);
      database.prepare("update ownline_answers set answer = ? where call = 'erase erase'").run(answer);
      await expect(storage.erase(order)).rejects.toMatchObject({ code: "storage_corrupt", row: { table: "answers" } });
    },
  );

  it.each(["null", "7", "{}", "[]"])("name the answer of a claim that is repeated and holds %s", async (answer) => {
    const { database, storage } = opened();
    await storage.open();
    await storage.recordInbound(inboundRecord("one", { debounceMs: 0 }));
    const claim = { callId: "claim", scope: "default", workerId: "w1", leaseMs: 15_000, limit: 1 };
    expect(await storage.claimTurns(claim)).toHaveLength(1);
    database.prepare("update ownline_answers set answer = ?").run(answer);
    const row = { table: "answers", id: "claimTurns claim", column: "answer" };
    await expect(storage.claimTurns(claim)).rejects.toMatchObject({ code: "storage_corrupt", row });
  });

  it.each(["1152921504606846977", "9223372036854775807"])(
    "let a person be erased whose version is %s",
    async (version) => {
      const { database, storage, clock } = opened();
      await storage.open();
      await storage.recordInbound(inboundRecord("one", { needsAnswer: false }));
      await storage.recordInbound(inboundRecord("two", { needsAnswer: false }));
      database.exec(`update ownline_conversations set version = ${version}`);
      await clock.advance(MINUTE_MS);
      const purged = await storage.purge({ callId: "purge", olderThanMs: 1, limit: 1 });
      expect(purged).toEqual({ conversations: 0, messages: 1 });
      expect(database.prepare("select cast(version as text) as version from ownline_conversations").all()).toEqual([
        { version },
      ]);
      const participant = inboundRecord("one").participant;
      const erased = await storage.erase({ callId: "erase", participant, line: null });
      expect(erased).toEqual({ conversations: 1, messages: 1 });
    },
  );

  it.each([
    ["conversations", "paused", (storage: Storage) => storage.conversation("c1")],
    ["consents", "provider_blocks", (storage: Storage) => storage.consent("consent:one")],
    ["messages", "needs_answer", (storage: Storage) => storage.story("m1")],
  ])("are found: %s whose %s is neither 0 nor 1", async (table, column, read) => {
    const { database, storage } = opened();
    await storage.open();
    const consent = { state: "opted-in", source: "word" } as const;
    const ids = { messageId: "m1", conversationId: "c1", consentKey: "consent:one" };
    await storage.recordInbound(inboundRecord("one", { ...ids, consent }));
    await expect(read(storage)).resolves.not.toBeNull();
    database.exec(`update ownline_${table} set ${column} = 2`);
    await expect(read(storage)).rejects.toMatchObject({ code: "storage_corrupt", row: { table, column } });
  });

  it("give back what a worker holds whose row is set as its error says", async () => {
    const { database, storage, clock } = opened();
    await storage.open();
    await storage.recordInbound(inboundRecord("one", { messageId: "m1", debounceMs: 0 }));
    const claim = { scope: "default", leaseMs: 15_000, limit: 1 };
    await storage.claimTurns({ ...claim, callId: "claim", workerId: "gone" });
    const heartbeat = (callId: string) =>
      storage.heartbeat({ callId, scope: "default", workerId: "w1", leaseMs: 15_000, lookInMs: 1_000 });
    await corruptIn(database, { table: "workers", id: "gone" });
    await clock.advance(MINUTE_MS);
    expect(await heartbeat("first")).toMatchObject({ recovered: 0 });
    const [problem] = storage.problems;
    expect(problem?.message).toMatch(/set its alive_until and written_at to 0 .* Do not delete the row/);
    database.exec("update ownline_workers set alive_until = 0, written_at = 0 where id = 'gone'");
    expect(await heartbeat("second")).toMatchObject({ recovered: 1 });
    await clock.advance(MINUTE_MS);
    await heartbeat("third");
    expect(storage.problems).toEqual([]);
  });

  it.each([
    ["an inbound message of a direction that is none", "origin = 'ai'", "origin"],
    ["an inbound message that does not say whether it needs an answer", "needs_answer = null", "needs_answer"],
    ["an inbound message with the status of an outbound one", "status = 'sent'", "origin"],
    ["a body that is not a text", "body = '7'", "body"],
    ["media without a URL", "media = '[{}]'", "media"],
  ])("are found: %s", async (_, change, column) => {
    const { database, storage } = opened();
    await storage.open();
    await storage.recordInbound(inboundRecord("one", { messageId: "m1", conversationId: "c1" }));
    database.exec(`update ownline_messages set ${change}`);
    const read = storage.messages({ conversationId: "c1", after: 0, limit: 1 });
    await expect(read).rejects.toMatchObject({ row: { table: "messages", id: "m1", column, conversationId: "c1" } });
  });

  it("do not quote what they hold, nor a number, in their error", async () => {
    const { database, storage } = opened();
    await storage.open();
    await storage.recordInbound(inboundRecord("one", { messageId: "m1", conversationId: "c1", body: "my secret" }));
    database.exec(`update ownline_messages set body = '"my secret'`);
    const error: unknown = await storage.story("m1").catch((thrown: unknown) => thrown);
    const { stack, cause } = Object(error);
    expect([String(stack), String(cause)].join()).not.toMatch(/secret|\+1555\d+/);
  });

  it("are looked at once a minute, however often calls come", async () => {
    const { database, storage, clock } = opened();
    await storage.open();
    await storage.recordInbound(inboundRecord("one", { messageId: "m1", debounceMs: 0 }));
    await corruptIn(database, { table: "messages", id: "m1" });
    const query = { scope: "default", workerId: "w1", limit: 10 };
    const claim = (callId: string) =>
      storage.claimTurns({ callId, scope: "default", workerId: "w1", leaseMs: 15_000, limit: 1 });
    await claim("first");
    database.exec("update ownline_messages set media = '[]'");
    for (const callId of ["second", "third"]) expect(await claim(callId)).toEqual([]);
    expect(await storage.due(query)).toEqual({ messages: [], turns: false, nextInMs: null });
    await clock.advance(MINUTE_MS - 1);
    expect(await claim("fourth")).toEqual([]);
    await clock.advance(1);
    expect(await claim("fifth")).toHaveLength(1);
  });
});
