import { describe, expect, it } from "vitest";
import { memory } from "../../src/storage/memory.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { type StorageHarness, storageContract } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { growthOf, LINEAR_AT_MOST, ROUNDS } from "../growth.ts";
import { inboundRecord } from "./inbound-record.ts";

const harness: StorageHarness = {
  async create() {
    const clock = manualClock();
    return { storage: memory({ clock }), advance: (ms) => clock.advance(ms), dispose: async () => {} };
  },
};

const TEXT = inboundRecord("SM1", { messageId: "m1", conversationId: "c1", providerMessageId: "SM1" });

describe("memory keeps the storage contract", () => {
  for (const { name, run } of storageContract(harness)) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});

describe("memory", () => {
  it("has a secret of its own for each ledger", async () => {
    const [one, other] = await Promise.all([memory().open(), memory().open()]);
    expect(one.secret).toMatch(/^[0-9a-f]{64}$/);
    expect(other.secret).not.toBe(one.secret);
  });

  it("reads the system's clock where it is given none", async () => {
    const storage = memory();
    const before = Date.now();
    const { message } = await storage.recordInbound(TEXT);
    expect(message?.createdAt).toBeGreaterThanOrEqual(before);
    expect(message?.createdAt).toBeLessThanOrEqual(Date.now());
  });

  it("forgets what an operation answered after an hour", async () => {
    const clock = manualClock();
    const storage = memory({ clock });
    await storage.recordInbound(TEXT);
    const pause = { callId: "call", conversationId: "c1", paused: true, skipUnanswered: false };
    const first = await storage.setPaused(pause);
    await storage.setPaused({ ...pause, callId: "other", paused: false });
    await clock.advance(3_600_000);
    expect(await storage.setPaused(pause)).toEqual(first);
    expect((await storage.conversation("c1"))?.paused).toBe(false);
    await clock.advance(1);
    await storage.setPaused({ ...pause, callId: "another", paused: false });
    await storage.setPaused(pause);
    expect((await storage.conversation("c1"))?.paused).toBe(true);
  });

  it("keeps no text of an erased person, not even as the answer of an operation", async () => {
    const clock = manualClock();
    const storage = memory({ clock });
    await storage.recordInbound(TEXT);
    const claim = { scope: "default", callId: "call", workerId: "w1", leaseMs: 15_000 };
    expect((await claimOne(storage, claim))?.messages).toHaveLength(1);
    await storage.erase({ callId: "erase", participant: TEXT.participant, line: null });
    expect(await claimOne(storage, claim)).toBeNull();
  });

  it("erases a long conversation in time that grows with its messages", async () => {
    const filled = async (count: number) => {
      const storage = memory({ clock: manualClock() });
      for (let n = 0; n < count; n += 1) await storage.recordInbound(inboundRecord(`m${n}`, { needsAnswer: false }));
      return storage;
    };
    const erasure = async (count: number) => {
      const ledgers = await Promise.all(Array.from({ length: ROUNDS }, () => filled(count)));
      return () => ledgers.pop()?.erase({ callId: "erase", participant: TEXT.participant, line: null });
    };
    expect(await growthOf(erasure, 400)).toBeLessThan(LINEAR_AT_MOST);
  }, 60_000);

  it("hands out snapshots that later changes leave alone", async () => {
    const storage = memory({ clock: manualClock() });
    const { conversation } = await storage.recordInbound(TEXT);
    const before = structuredClone(conversation);
    await storage.recordInbound({ ...TEXT, key: "other", messageId: "m2" });
    expect(conversation).toEqual(before);
  });

  it("refuses a cursor that it did not give", async () => {
    const storage = memory({ clock: manualClock() });
    await expect(storage.conversations({ limit: 1, after: "nonsense" })).rejects.toMatchObject({
      code: "invalid_options",
    });
    await expect(storage.conversations({ limit: 1, after: "x.y" })).rejects.toMatchObject({ code: "invalid_options" });
  });
});
