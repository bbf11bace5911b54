import { describe, expect, it, vi } from "vitest";
import type { Queue, QueueListener, WakeUpOrder } from "../../src/index.ts";
import { inProcess } from "../../src/queue/in-process.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { breathe, deferred, OURS, PERSON, rig } from "./rig.ts";

/** A queue that only notes what it was asked for. */
function noting(): Queue & { readonly orders: WakeUpOrder[]; readonly delays: () => number[] } {
  const orders: WakeUpOrder[] = [];
  return {
    name: "noting",
    orders,
    delays: () => orders.map(({ delayMs }) => delayMs),
    async notify(order) {
      orders.push(order);
    },
  };
}

async function breatheOften(times = 20): Promise<void> {
  for (let round = 0; round < times; round += 1) await breathe();
}

describe("a queue is notified", () => {
  it("when a text is stored that will be due after the burst", async () => {
    const queue = noting();
    await using house = rig({ queue });
    await house.text("hello");
    await house.type("hello");
    expect(queue.delays()).toEqual([2000, 2000]);
  });

  it("at once when the service writes, and when a person hands back what is unanswered", async () => {
    const queue = noting();
    await using house = rig({ queue });
    await house.sms.send({ key: "k", to: PERSON, body: "hi" });
    expect(queue.delays()).toEqual([0]);
    const { conversationId } = await house.text("hello");
    await house.sms.pause(conversationId);
    await house.sms.resume(conversationId, { answerUnanswered: true });
    expect(queue.delays()).toEqual([0, 2000, 0]);
  });

  it("not for what is not answered, nor for a repeated send", async () => {
    const queue = noting();
    await using house = rig({ queue });
    await house.text("STOP", { optOut: "STOP" });
    expect(queue.orders).toEqual([]);
  });

  it("again when a webhook is repeated whose text is not answered yet", async () => {
    const queue = noting();
    await using house = rig({ queue });
    await house.text("hello", { sid: "SMagain" });
    await house.text("hello", { sid: "SMagain" }).catch(() => {});
    expect(queue.delays()).toEqual([2000, 2000]);
    await house.sms.settled();
    await house.text("hello", { sid: "SMagain" }).catch(() => {});
    expect(queue.delays()).toEqual([2000, 2000]);
  });

  it("after a look, for what is due later, though a wake-up may be on its way", async () => {
    const queue = noting();
    await using house = rig({ queue });
    await house.text("hello");
    await house.sms.processDue();
    expect(queue.delays()).toEqual([2000]);
    await house.clock.advance(1000);
    await house.sms.processDue();
    expect(queue.delays()).toEqual([2000, 1000]);
    house.script = () => {
      throw new Error("the model is down");
    };
    await house.clock.advance(1000);
    const { nextDueAt } = await house.sms.processDue();
    expect(nextDueAt).not.toBeNull();
    expect(queue.delays()).toEqual([2000, 1000, 2000]);
    await house.clock.advance(2000);
    await house.sms.processDue();
    expect(queue.delays()).toEqual([2000, 1000, 2000, 4000]);
  });

  it("after the work behind an answer, for what is left of it", async () => {
    const queue = noting();
    const clock = manualClock();
    await using house = rig({ queue, clock, burst: { quietMs: 0 }, answer: { backoffMs: 60_000 } });
    house.script = () => {
      throw new Error("the model is down");
    };
    const after: Promise<unknown>[] = [];
    await house.sms.simulate({ id: "edge", from: PERSON, body: "hello" }, { waitUntil: (work) => after.push(work) });
    await Promise.all(after);
    expect(queue.delays()).toEqual([0, 60_000]);
  });

  it("by a status callback that may let the next part go", async () => {
    const queue = noting();
    await using house = rig({ queue, burst: { quietMs: 0 }, sending: { maxSegments: 1 } });
    await house.sms.send({ key: "long", to: PERSON, body: "word ".repeat(60) });
    await house.sms.processDue();
    const [first] = house.provider.sent;
    const before = queue.orders.length;
    house.provider.receive = async () => ({
      kind: "status",
      callback: {
        outboundId: first?.outboundId ?? null,
        attempt: 1,
        providerMessageId: "SM1",
        status: "delivered",
        rawStatus: "delivered",
        error: null,
        optOut: false,
      },
    });
    const callback = new Request("https://example.com/sms", { method: "POST", body: "x" });
    expect((await house.sms.fetch(callback)).status).toBe(200);
    expect(queue.delays().slice(before)).toEqual([0]);
  });

  it("not by a process whose loop does the work itself", async () => {
    const queue = noting();
    await using house = rig({ queue, burst: { quietMs: 0 } });
    await house.sms.start();
    await house.text("hello");
    await breatheOften();
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(1);
    expect(queue.orders).toEqual([]);
  });

  it("in place of the warning that nothing works on what was stored", async () => {
    await using house = rig({ queue: noting() });
    await house.type("one");
    expect(house.log.filter((line) => line.includes("sms.start()"))).toEqual([]);
  });
});

describe("a queue that fails", () => {
  it("never fails the request: the text is stored, the error is emitted, the next look answers", async () => {
    const queue: Queue = { name: "broken", notify: () => Promise.reject(new Error("a secret")) };
    await using house = rig({ queue, burst: { quietMs: 0 } });
    await house.text("hello");
    expect(house.errors).toMatchObject([{ code: "queue_unavailable", party: "queue", retryable: true }]);
    expect(house.log.join("\n")).toContain("the queue (broken) could not take a wake-up: Error");
    expect(house.log.join("\n")).not.toContain("secret");
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(1);
  });

  it("may throw at once", async () => {
    const queue: Queue = {
      name: "broken",
      notify() {
        throw new Error("at once");
      },
    };
    await using house = rig({ queue });
    await house.text("hello");
    expect(house.errors).toMatchObject([{ code: "queue_unavailable" }]);
  });

  it("keeps no answer for longer than two seconds", async () => {
    const queue: Queue = { name: "hanging", notify: () => deferred().promise };
    await using house = rig({ queue });
    const texting = house.text("hello");
    await breatheOften();
    expect(house.errors).toEqual([]);
    await house.clock.advance(2000);
    await texting;
    expect(house.errors).toMatchObject([{ code: "queue_unavailable" }]);
  });

  it("does not keep a process from starting", async () => {
    const queue: Queue = { ...noting(), listen: () => Promise.reject(new Error("no connection")) };
    await using house = rig({ queue, burst: { quietMs: 0 } });
    await house.sms.start();
    await house.text("hello");
    await breatheOften();
    expect(house.errors).toMatchObject([{ code: "queue_unavailable" }]);
    expect(house.provider.sent).toHaveLength(1);
  });
});

describe("a started process", () => {
  it("hears the queue until it stops: what another process stored is answered before the next look", async () => {
    const clock = manualClock();
    const queue = inProcess({ clock });
    await using web = rig({ queue, clock, burst: { quietMs: 0 } });
    await using worker = rig({ queue, clock, storage: web.storage, worker: { pollMs: 3_600_000 } });
    await worker.sms.start();
    await breatheOften();
    await web.text("hello");
    await breatheOften();
    expect(worker.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
    await worker.sms.stop();
    await web.text("after the stop");
    await breatheOften();
    expect(worker.provider.sent).toHaveLength(1);
  });

  it("leaves the queue when it stops, once", async () => {
    const close = vi.fn<() => Promise<void>>(async () => {});
    const listen = vi.fn<() => Promise<QueueListener>>(async () => ({ close }));
    await using house = rig({ queue: { ...noting(), listen } });
    await house.sms.start();
    await house.sms.start();
    await house.sms.stop();
    await house.sms.stop();
    expect([listen.mock.calls.length, close.mock.calls.length]).toEqual([1, 1]);
  });
});

describe("the option", () => {
  it("refuses what is not a queue, with the remedy", () => {
    const queue: unknown = {};
    expect(() => rig({ queue: queue as Queue, senders: [OURS] })).toThrow(
      'options.queue: give a queue, for example cloudflareQueue(env.QUEUE) from "ownline/queue/cloudflare"',
    );
  });
});
