import { expect, it } from "vitest";
import type { Loaded, Plan } from "../../src/storage/database.ts";
import { changesOf } from "../../src/storage/ledger/changes.ts";
import { chargeCounters, judgeCounters } from "../../src/storage/ledger/rules/counters.ts";
import { WorkingSet } from "../../src/storage/ledger/working-set.ts";
import { wrongClock } from "../../src/storage/ledger/wrong-clock.ts";
import { memory } from "../../src/storage/memory.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { inboundRecord } from "./inbound-record.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const NOW = Date.UTC(2026, 0, 1);

function loadedWith(rows: Loaded["rows"]): Loaded {
  return { now: NOW, rows, answers: new Map(), corrupt: [], histories: new Map(), found: [[]], chosen: [[]] };
}

it("takes no worker for expired that is alive, whichever workers a database loads", () => {
  const worker = (id: string, aliveUntil: number, writtenAt = NOW - HOUR_MS) => ({
    id,
    aliveUntil,
    writtenAt,
    scope: "s",
  });
  const workers = [worker("gone", NOW), worker("alive", NOW + 1), worker("ahead", NOW - 1, NOW + 2 * MINUTE_MS)];
  const set = new WorkingSet(loadedWith({ workers }));
  expect([...set.expired]).toEqual([["gone", NOW]]);
  expect(set.heardAhead.map(({ id }) => id)).toEqual(["ahead"]);
});

it("opens a counter anew that a clock ahead opened, and reports it", () => {
  const counter = (key: string, writtenAt: number) => ({ key, charged: 1, endsAt: writtenAt + HOUR_MS, writtenAt });
  const counters = [counter("ahead", NOW + 2 * MINUTE_MS), counter("right", NOW + MINUTE_MS)];
  const set = new WorkingSet(loadedWith({ counters }));
  const full = { charge: 1, max: 1, windowMs: HOUR_MS, full: "wait", reason: "" } as const;
  expect(judgeCounters(set, [{ ...full, key: "ahead" }])).toEqual({ outcome: "free" });
  expect(judgeCounters(set, [{ ...full, key: "right" }])).toMatchObject({ outcome: "wait" });
  expect(set.ahead.found).toEqual([{ kind: "counter", newestAt: NOW + 2 * MINUTE_MS, now: NOW }]);
  chargeCounters(set, [{ ...full, key: "ahead" }]);
  expect(set.counters.get("ahead")).toEqual({ key: "ahead", charged: 1, endsAt: NOW + HOUR_MS, writtenAt: NOW });
});

it("guards what a clock ahead wrote although the call that names it waits for the next group", () => {
  const dates = { writtenAt: NOW + HOUR_MS, version: 7 };
  const set = new WorkingSet(
    loadedWith({
      rateLimits: [{ key: "limit", freeAt: NOW + HOUR_MS, usedUntil: NOW + HOUR_MS, epoch: 2, ...dates }],
      sweeps: [{ sender: "sender", watermark: 5, fence: 3, claimedUntil: NOW + HOUR_MS, committedAt: null, ...dates }],
    }),
  );
  const plan: Plan = { call: "another", root: { by: "nothing" }, slices: [] };
  set.turnTo(plan, 0);
  const changes = changesOf(set, []);
  expect(changes?.updated.rateLimits).toEqual([
    { key: "limit", freeAt: NOW, usedUntil: NOW, epoch: 3, writtenAt: NOW },
  ]);
  expect(changes?.updated.sweeps).toEqual([{ sender: "sender", claimedUntil: NOW, writtenAt: NOW }]);
  expect(changes?.guards).toEqual([
    { on: "call", key: "another", version: null },
    { on: "rateLimit", key: "limit", version: 7 },
    { on: "sweep", key: "sender", version: 7 },
  ]);
});

it("reports one error for each kind of row and each time that the clock was wrong", () => {
  const clocks = wrongClock("sqlite");
  const kinds = (): (string | undefined)[] =>
    clocks.errors.map(({ message }) => /The times of ([^:]+) are void/.exec(message)?.[1]);
  const found = { kind: "message", newestAt: NOW + 48 * HOUR_MS, now: NOW } as const;
  expect(clocks.note([found, { ...found, kind: "worker" }])).toBe(true);
  expect(kinds()).toEqual(["messages", "heartbeats"]);
  const known = [
    { ...found, newestAt: found.newestAt + 1000, now: NOW + 24 * HOUR_MS },
    { ...found, newestAt: found.newestAt + 10 * HOUR_MS, now: NOW + 24 * HOUR_MS + 1000 },
  ];
  for (const one of known) expect(clocks.note([one])).toBe(false);
  expect(kinds()).toEqual(["messages", "heartbeats"]);
  expect(clocks.note([{ ...found, newestAt: NOW + 90 * HOUR_MS, now: NOW + 72 * HOUR_MS }])).toBe(true);
  expect(kinds()).toEqual(["messages", "heartbeats", "messages"]);
  const [first, , last] = clocks.errors;
  expect(first?.message).toContain("ledger said 2026-01-03T00:00:00.000Z when it wrote rows");
  expect(first?.message).toContain("says 2026-01-01T00:00:00.000Z now: it was 2 days ahead then");
  expect(last?.message).toContain("18 hours ahead");
});

it("keeps 100 errors at most, and a moment that no date can show", () => {
  const clocks = wrongClock("sqlite");
  const farAt = 9e15;
  for (let time = 0; time <= 100; time += 1) {
    const now = NOW + time * 3 * HOUR_MS;
    clocks.note([{ kind: "sweep", newestAt: time === 100 ? farAt : now + 2 * HOUR_MS, now }]);
  }
  expect(clocks.errors).toHaveLength(100);
  expect(clocks.errors[0]?.message).toContain("says 2026-01-01T03:00:00.000Z now");
  expect(clocks.errors[99]?.message).toContain(`said ${farAt} ms when`);
});

it("forgets what a call answered while memory's clock was a month ahead an hour after that", async () => {
  const clock = manualClock();
  const storage = memory({ clock });
  const { conversation } = await storage.recordInbound(inboundRecord("m1"));
  const conversationId = conversation?.id ?? "";
  const pause = { callId: "call", conversationId, paused: true, skipUnanswered: false };
  await storage.setPaused({ ...pause, callId: "before", paused: false });
  await clock.advance(30 * 24 * HOUR_MS);
  const first = await storage.setPaused(pause);
  await clock.advance(-30 * 24 * HOUR_MS);
  await storage.setPaused({ ...pause, callId: "after", paused: false });
  await clock.advance(HOUR_MS);
  expect(await storage.setPaused(pause)).toEqual(first);
  expect((await storage.conversation(conversationId))?.paused).toBe(false);
  await clock.advance(1);
  await storage.setPaused(pause);
  expect((await storage.conversation(conversationId))?.paused).toBe(true);
});
