import { describe, expect, it } from "vitest";
import { newWakeUp } from "../../src/engine/worker/wake-ups.ts";
import { OwnlineError } from "../../src/errors.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { accepted, breathe, deferred, ledger, OTHER, PERSON, rig } from "./rig.ts";

const NOW = { burst: { quietMs: 0 } };

async function breatheOften(times = 20): Promise<void> {
  for (let round = 0; round < times; round += 1) await breathe();
}

/** A ledger that does what it is asked at once, and answers one method only when the barrier opens. */
function slowToAnswer(storage: Storage, name: keyof Storage, barrier: () => Promise<void>): Storage {
  return new Proxy(storage, {
    get(target, key) {
      const method: unknown = Reflect.get(target, key);
      if (typeof method !== "function" || key !== name) return method;
      return async (...args: unknown[]) => {
        const answer: unknown = await Reflect.apply(method, target, args);
        await barrier();
        return answer;
      };
    },
  });
}

describe("stopping", () => {
  it("gives back a turn that the ledger handed out while it stopped, and returns only then", async () => {
    const clock = manualClock();
    let barrier = Promise.resolve();
    const storage = slowToAnswer(ledger(clock), "claimTurns", () => barrier);
    await using house = rig({ ...NOW, clock, storage });
    const held = deferred();
    await house.text("hello");
    barrier = held.promise;
    await house.sms.start();
    await breatheOften();
    const stopping = house.sms.stop();
    await breatheOften();
    held.resolve();
    await stopping;
    await breatheOften();
    expect(house.asked).toEqual([]);
    barrier = Promise.resolve();
    await house.sms.processDue();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
  });

  it("waits for a sweep of processDue as for the loop", async () => {
    const clock = manualClock();
    let barrier = Promise.resolve();
    const storage = slowToAnswer(ledger(clock), "due", () => barrier);
    await using house = rig({ ...NOW, clock, storage });
    const held = deferred();
    barrier = held.promise;
    let over = false;
    const sweep = house.sms.processDue().then(() => {
      over = true;
    });
    await breatheOften();
    const stopping = house.sms.stop();
    held.resolve();
    await stopping;
    expect(over).toBe(true);
    await sweep;
  });

  it("leaves processDue able to send after a stop that ran out of time", async () => {
    await using house = rig(NOW);
    house.script = () => deferred<string>().promise;
    await house.text("hello");
    const sweep = house.sms.processDue();
    await breatheOften();
    const stopping = house.sms.stop({ timeoutMs: 10 });
    await breathe();
    await house.clock.advance(10);
    await stopping;
    await sweep;
    house.script = () => "fine";
    await house.sms.processDue();
    expect(house.provider.sent.map(({ signal }) => signal?.aborted)).toEqual([false]);
  });

  it("ends although the provider never answers and does not obey its signal", async () => {
    await using house = rig(NOW);
    house.provider.answers.push(() => deferred<never>().promise);
    await house.sms.start();
    await house.text("hello");
    await breatheOften();
    const stopping = house.sms.stop({ timeoutMs: 10 });
    await breathe();
    await house.clock.advance(10);
    await breatheOften();
    await house.clock.advance(2000);
    await stopping;
    expect(house.statuses.at(-1)).toMatchObject({ status: "unknown" });
  });

  it("is one stop for all who ask for it meanwhile, and the shortest time counts", async () => {
    await using house = rig(NOW);
    house.script = () => deferred<string>().promise;
    await house.sms.start();
    await house.text("hello");
    await breatheOften();
    const stopping = house.sms.stop();
    const again = house.sms.stop({ timeoutMs: 10 });
    expect(again).toBe(stopping);
    expect(house.asked.map(({ context }) => context.signal.aborted)).toEqual([false]);
    await house.clock.advance(10);
    await stopping;
    expect(house.asked.map(({ context }) => context.signal.aborted)).toEqual([true]);

    // What the first one waited for no longer counts against the next.
    house.script = () => house.clock.sleep(15_000).then(() => "late, but whole");
    await house.sms.start();
    await breatheOften();
    const next = house.sms.stop({ timeoutMs: 20_000 });
    expect(next).not.toBe(stopping);
    await house.clock.advance(15_000);
    await next;
    await house.sms.processDue();
    expect(house.asked).toHaveLength(2);
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["late, but whole"]);
  });

  it("does not swallow a start that comes meanwhile", async () => {
    await using house = rig(NOW);
    await house.sms.start();
    await breatheOften();
    const stopping = house.sms.stop();
    await house.sms.start();
    await stopping;
    await house.text("hello");
    await breatheOften();
    expect(house.provider.sent).toHaveLength(1);
  });

  it("calls off a start that still waits for the ledger", async () => {
    const clock = manualClock();
    const held = deferred();
    await using house = rig({ ...NOW, clock, storage: slowToAnswer(ledger(clock), "open", () => held.promise) });
    const starting = house.sms.start();
    await house.sms.stop();
    held.resolve();
    await starting;
    await house.text("hello");
    await breatheOften();
    expect(house.provider.sent).toEqual([]);
  });
});

describe("two processes over one ledger", () => {
  it("leave a turn to the one that stops, for as long as it waits for the answer", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    await using first = rig({ ...NOW, clock, storage });
    await using second = rig({ ...NOW, clock, storage });
    first.script = () => clock.sleep(8000).then(() => "late, but whole");
    await first.sms.start();
    await first.text("hello");
    await breatheOften();
    await second.sms.start();
    const stopping = first.sms.stop({ timeoutMs: 10_000 });
    await clock.advance(8000);
    await breatheOften();
    await stopping;
    await clock.advance(10_000);
    await breatheOften();
    expect([first.asked.length, second.asked.length]).toEqual([1, 0]);
    expect([first, second].flatMap(({ provider }) => provider.sent.map(({ body }) => body))).toEqual([
      "late, but whole",
    ]);
  });

  it("leave a turn to the one whose processDue() failed, for as long as its run goes on", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    let away = false;
    const own = new Proxy(storage, {
      get(target, key) {
        const method: unknown = Reflect.get(target, key);
        if (key !== "due" || typeof method !== "function") return method;
        return async (...args: unknown[]) => {
          if (away) throw new OwnlineError("storage_unavailable", "the ledger is away", { retryable: true });
          return Reflect.apply(method, target, args);
        };
      },
    });
    await using first = rig({ ...NOW, clock, storage: own });
    await using second = rig({ ...NOW, clock, storage });
    const thinking = deferred<string>();
    first.script = async ({ participant }) => {
      if (participant === PERSON) return thinking.promise;
      await clock.sleep(1500);
      away = true;
      return "soon";
    };
    await first.text("hello");
    await first.text("hello", { from: OTHER });
    const failed = first.sms.processDue().catch((error: unknown) => error);
    await breatheOften();
    await clock.advance(1500);
    expect(await failed).toMatchObject({ message: "the ledger is away" });
    away = false;
    await second.sms.start();
    await clock.advance(8000);
    thinking.resolve("whole");
    await breatheOften();
    await clock.advance(10_000);
    await breatheOften();
    expect([first.asked.length, second.asked.length]).toEqual([2, 0]);
    const sent = [first, second].flatMap(({ provider }) => provider.sent.map(({ body }) => body));
    expect(sent.toSorted()).toEqual(["soon", "whole"]);
  });
});

describe("a run", () => {
  it("goes on when the person texts START, which answers nothing and ends nothing", async () => {
    await using house = rig(NOW);
    const thinking = deferred<string>();
    house.script = () => thinking.promise;
    await house.text("hello");
    const sweep = house.sms.processDue();
    await breatheOften();
    await house.text("START");
    thinking.resolve("the answer");
    await sweep;
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["the answer"]);
  });

  it("is not taken for lost by a heartbeat that was answered before it began", async () => {
    const clock = manualClock();
    let barrier = Promise.resolve();
    const storage = slowToAnswer(ledger(clock), "heartbeat", () => barrier);
    await using house = rig({ ...NOW, clock, storage });
    const thinking = deferred<string>();
    house.script = () => thinking.promise;
    await house.sms.start();
    await breatheOften();
    const held = deferred();
    barrier = held.promise;
    await clock.advance(2500);
    await house.text("hello");
    await breatheOften();
    barrier = Promise.resolve();
    held.resolve();
    await breatheOften();
    expect(house.asked.map(({ context }) => context.signal.aborted)).toEqual([false]);
    thinking.resolve("in peace");
    await breatheOften();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["in peace"]);
    await house.sms.stop();
  });
});

describe("many messages that are due at once", () => {
  it("reach the provider a bounded number at a time, and all of them", async () => {
    await using house = rig({ worker: { concurrency: 8 }, sending: { rateLimit: false } });
    let under = 0;
    let most = 0;
    house.provider.send = async (request) => {
      under += 1;
      most = Math.max(most, under);
      await breathe();
      under -= 1;
      house.provider.sent.push(request);
      return accepted(`SM${request.outboundId}`);
    };
    for (let index = 0; index < 150; index += 1) {
      await house.sms.send({ key: `${index}`, to: `+1234567${1000 + index}`, body: "x" });
    }
    await house.sms.start();
    await breatheOften(200);
    await house.sms.stop();
    expect(house.provider.sent).toHaveLength(150);
    expect(most).toBe(8);
  });
});

describe("a wake-up", () => {
  it("ends a wait, also one that begins after it; and leaves no listener behind", async () => {
    const clock = manualClock();
    const wakeUp = newWakeUp();
    const { signal } = new AbortController();
    let listeners = 0;
    const counted = new Proxy(signal, {
      get(target, name) {
        if (name === "addEventListener") listeners += 1;
        if (name === "removeEventListener") listeners -= 1;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const since = wakeUp.count;
    const waiting = wakeUp.wait(clock, 1000, { since, signal: counted });
    expect(listeners).toBe(1);
    wakeUp.notify();
    await waiting;
    await wakeUp.wait(clock, 1000, { since, signal: counted });
    expect(listeners).toBe(0);
  });

  it("of a conversation is let go with its last reader", async () => {
    await using house = rig(NOW);
    const { conversationId } = await house.sms.simulate({ id: "1", from: PERSON, body: "one" });
    for (let round = 0; round < 3; round += 1) {
      const stop = new AbortController();
      const feed = house.sms.events({ conversationId, signal: stop.signal });
      await feed.next();
      const waiting = feed.next();
      await breathe();
      stop.abort();
      expect(await waiting).toMatchObject({ done: true });
    }
  });
});
