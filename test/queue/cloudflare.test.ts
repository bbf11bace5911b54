import { describe, expect, it } from "vitest";
import { OwnlineError } from "../../src/index.ts";
import { cloudflareQueue, consumeBatch } from "../../src/queue/cloudflare.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import { type QueueHarness, queueContract } from "../../src/testing/contracts/queue.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { heard } from "../http/scene.ts";
import { standIn } from "./cloudflare-stand-in.ts";

const harness: QueueHarness = {
  async create() {
    const cloudflare = standIn(manualClock());
    return {
      queue: cloudflareQueue(cloudflare.binding),
      listen: async (onWakeUp) => cloudflare.consume((batch) => consumeBatch(batch, { processDue: onWakeUp })),
      advance: cloudflare.advance,
      dispose: async () => {},
    };
  },
};

describe("cloudflare keeps the queue contract on memory", () => {
  for (const { name, run } of queueContract(harness)) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});

describe("cloudflare keeps the queue contract on SQLite", () => {
  for (const { name, run } of queueContract({ ...harness, ledger: (clock) => sqlite(":memory:", { clock }) })) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});

describe("the producer", () => {
  it.each([undefined, null, {}, "QUEUE"])("refuses %j at once, with what to do", (binding) => {
    expect(() => Reflect.apply(cloudflareQueue, undefined, [binding])).toThrow(
      expect.objectContaining({ code: "invalid_options", message: expect.stringContaining("wrangler.jsonc") }),
    );
  });

  it("asks for whole seconds, never sooner than asked, and never for more than the queue takes", async () => {
    const cloudflare = standIn(manualClock());
    const queue = cloudflareQueue(cloudflare.binding);
    for (const delayMs of [0, 1, 1000, 1001, 43_200_000, 10 ** 12]) await queue.notify({ delayMs });
    expect(cloudflare.sent.map(({ delaySeconds }) => delaySeconds)).toEqual([0, 1, 1, 2, 43_200, 43_200]);
  });

  it("puts nothing about anybody into the queue", async () => {
    const cloudflare = standIn(manualClock());
    await cloudflareQueue(cloudflare.binding).notify({ delayMs: 5 });
    expect(cloudflare.sent.map(({ body }) => body)).toEqual([{ ownline: "wake-up" }]);
  });
});

describe("the consumer", () => {
  it("looks into the ledger once for a batch, however many wake-ups are in it", async () => {
    const cloudflare = standIn(manualClock());
    const queue = cloudflareQueue(cloudflare.binding);
    for (let count = 0; count < 10; count += 1) await queue.notify({ delayMs: 0 });
    let looks = 0;
    const processDue = async () => {
      looks += 1;
    };
    cloudflare.consume((batch) => consumeBatch(batch, { processDue }));
    await cloudflare.advance(0);
    expect([looks, cloudflare.ends]).toEqual([1, ["acknowledged"]]);
  });

  it("has the batch brought again, later each time, then in the dead-letter queue, and says why", async () => {
    const { lines, logger } = heard();
    const cloudflare = standIn(manualClock(), { maxRetries: 3 });
    await cloudflareQueue(cloudflare.binding).notify({ delayMs: 0 });
    const processDue = () =>
      Promise.reject(new OwnlineError("storage_unavailable", "the database is down", { retryable: true }));
    cloudflare.consume((batch) => consumeBatch(batch, { processDue }, { logger }));
    for (let second = 0; second < 120; second += 1) await cloudflare.advance(1000);
    expect(cloudflare.ends).toEqual([
      "retried after 5 s",
      "retried after 10 s",
      "retried after 20 s",
      "retried after 40 s",
    ]);
    expect(cloudflare.givenUp).toEqual([{ ownline: "wake-up" }]);
    expect(lines[0]).toBe(
      "error processDue() failed, and the queue delivers its wake-up again in 5 s: storage_unavailable: the database is down",
    );
  });

  it("waits ten minutes at most, however often it failed", async () => {
    const { logger } = heard();
    let delay: number | undefined;
    const batch = {
      messages: [{ attempts: 2 }, { attempts: 90 }],
      ackAll: () => {},
      retryAll: (options?: { readonly delaySeconds?: number }) => {
        delay = options?.delaySeconds;
      },
    };
    await consumeBatch(batch, { processDue: () => Promise.reject(new Error("a secret")) }, { logger });
    expect(delay).toBe(600);
  });

  it("logs no more than the kind of an error that is not ownline's", async () => {
    const { lines, logger } = heard();
    const batch = { messages: [{ attempts: 1 }], ackAll: () => {}, retryAll: () => {} };
    await consumeBatch(batch, { processDue: () => Promise.reject(new Error("a secret")) }, { logger });
    expect(lines.join()).toMatch(/in 5 s: Error$/);
  });
});
