import { expect, it } from "vitest";
import type { Storage } from "../../src/storage/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { breathe, ledger, type Rig, type RigOptions, rig } from "./rig.ts";

/*
 * How many calls of the ledger a message costs: each is one or two round trips to a database. Heartbeats are left out,
 * since they come by time.
 */

type Calls = Readonly<Record<string, number>>;

interface Counting {
  readonly house: Rig;
  /** The calls since the last time. */
  take(): Calls;
}

function counting(options: RigOptions = {}): Counting {
  const clock = manualClock();
  const calls = new Map<string, number>();
  const storage = new Proxy(ledger(clock), {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function" || name === "open" || name === "close" || name === "heartbeat") return method;
      return (...args: unknown[]) => {
        calls.set(String(name), (calls.get(String(name)) ?? 0) + 1);
        return Reflect.apply(method, target, args);
      };
    },
  }) satisfies Storage;
  const take = (): Calls => {
    const taken = Object.fromEntries(calls);
    calls.clear();
    return taken;
  };
  return { house: rig({ sweep: false, clock, storage, ...options }), take };
}

/** Lets the process do what it can do now. */
async function settle(): Promise<void> {
  for (let round = 0; round < 30; round += 1) await breathe();
}

/** What a message with its answer cannot do without. */
const ANSWERED = { recordInbound: 1, claimTurns: 1, counters: 1, commitTurn: 1, claimSend: 1, recordSend: 1 };

it("looks into the ledger once for each wait where nothing is due", async () => {
  const { house, take } = counting();
  await using _ = house;
  await house.sms.start();
  await settle();
  expect(take()).toEqual({ due: 1 });
  for (let second = 0; second < 5; second += 1) await house.clock.advance(1000);
  expect(take()).toEqual({ due: 5 });
});

it("answers a webhook without a look, where nothing else is due", async () => {
  const { house, take } = counting({ worker: { pollMs: 60_000 } });
  await using _ = house;
  await house.sms.start();
  await settle();
  take();
  await house.text("hello");
  await settle();
  await house.clock.advance(2000);
  await settle();
  expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
  expect(take()).toEqual(ANSWERED);
});

it("answers a burst with one claim, when the person is quiet", async () => {
  const { house, take } = counting({ worker: { pollMs: 60_000 } });
  await using _ = house;
  await house.sms.start();
  await settle();
  take();
  for (const body of ["one", "two", "three"]) {
    await house.text(body);
    await settle();
    await house.clock.advance(1000);
  }
  await house.clock.advance(1000);
  await settle();
  expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: one + two + three"]);
  expect(take()).toEqual({ ...ANSWERED, recordInbound: 3 });
});

it("sends the parts of an answer one after the other, without a look between them", async () => {
  const { house, take } = counting({ worker: { pollMs: 60_000 }, sending: { rateLimit: false } });
  await using _ = house;
  house.script = () => "x".repeat(3_000);
  await house.sms.start();
  await settle();
  take();
  await house.text("hello");
  await settle();
  await house.clock.advance(2000);
  await settle();
  const parts = house.provider.sent.length;
  expect(parts).toBeGreaterThan(1);
  expect(take()).toEqual({ ...ANSWERED, claimSend: parts, recordSend: parts });
});

it("sends what the service writes without a look", async () => {
  const { house, take } = counting({ worker: { pollMs: 60_000 } });
  await using _ = house;
  await house.sms.start();
  await settle();
  take();
  await house.sms.send({ key: "order", to: "+12345678900", body: "Your table is ready." });
  await settle();
  expect(house.provider.sent).toHaveLength(1);
  expect(take()).toEqual({ recordOutbound: 1, claimSend: 1, recordSend: 1 });
});

it("answers 64 people who text at once in few calls", async () => {
  const { house, take } = counting({ worker: { pollMs: 60_000 }, sending: { rateLimit: false } });
  await using _ = house;
  await house.sms.start();
  await settle();
  take();
  const texts = Array.from({ length: 64 }, (_none, person) =>
    house.text("hello", { from: `+155501990${10 + person}` }),
  );
  await Promise.allSettled(texts);
  await settle();
  await house.clock.advance(2000);
  await settle();
  expect(house.provider.sent).toHaveLength(64);
  const { due = 0, claimTurns = 0, ...others } = take();
  expect(others).toEqual({ recordInbound: 64, counters: 64, commitTurn: 64, claimSend: 64, recordSend: 64 });
  expect(due).toBeLessThanOrEqual(1);
  // Up to eight turns in each.
  expect(claimTurns).toBeLessThanOrEqual(12);
});

it("records what the provider reports without a look", async () => {
  const { house, take } = counting({ worker: { pollMs: 60_000 } });
  await using _ = house;
  await house.sms.start();
  const { id } = await house.sms.send({ key: "order", to: "+12345678900", body: "Your table is ready." });
  await settle();
  take();
  const callback = {
    outboundId: id,
    attempt: 1,
    providerMessageId: "SM1",
    status: "delivered",
    rawStatus: "delivered",
  } as const;
  house.provider.receive = async () => ({ kind: "status", callback: { ...callback, error: null, optOut: false } });
  await house.sms.fetch(new Request("https://example.com/sms", { method: "POST", body: "x" }));
  await settle();
  expect(take()).toEqual({ recordStatus: 1 });
});

it("processDue() looks before it begins and when it is done", async () => {
  const { house, take } = counting();
  await using _ = house;
  await house.sms.processDue();
  expect(take()).toEqual({ due: 1 });
  await house.text("hello");
  await house.clock.advance(2000);
  take();
  await house.sms.processDue();
  expect(house.provider.sent).toHaveLength(1);
  const { recordInbound: _text, ...answered } = ANSWERED;
  expect(take()).toEqual({ ...answered, due: 2 });
});
