import { randomUUID } from "node:crypto";
import { createPostgresBackend, Queue, Worker, withBackend } from "bullmq";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { type BullmqWakeUp, bullmq } from "../../src/queue/bullmq.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import { queueContract } from "../../src/testing/contracts/queue.ts";
import { noRedis, type RedisServer, startRedis } from "../databases/redis.ts";
import { heard } from "../http/scene.ts";
import { type BullmqBackend, underTest } from "./bullmq-scene.ts";
import { eventually } from "./eventually.ts";
import { answersForTheOther } from "./two-services.ts";

// A server answers when it likes; nothing here waits for longer than it must.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const freshName = () => `wakeup-${randomUUID()}`;

function redisBackend(port: () => number): BullmqBackend {
  const connection = () => ({ host: "127.0.0.1", port: port(), maxRetriesPerRequest: null });
  return {
    queue: (name) => new Queue<BullmqWakeUp>(name, { connection: connection() }),
    worker: (name, processor) => new Worker(name, processor, { connection: connection() }),
  };
}

/** What holds on every backend. */
function holds(backend: BullmqBackend): void {
  for (const { name, run } of queueContract({ lateMs: 100, create: async () => underTest(backend) })) {
    it(`${name}, on memory`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }

  it("wakes another service: the one that was started answers what the other stored", async () => {
    const name = freshName();
    const [web, worker] = [backend.queue(name), backend.queue(name)];
    const queues = { web: bullmq(web), worker: bullmq(worker, { worker: backend.worker }) };
    await expect(answersForTheOther(queues)).resolves.toEqual({ sent: ["hello back"], errors: [] });
    for (const queue of [web, worker]) await queue.close();
  });

  it("brings a wake-up after its delay in real time, and leaves nothing behind", async () => {
    const queue = backend.queue(freshName());
    const adapter = bullmq(queue, { worker: backend.worker });
    const at: number[] = [];
    const listener = await adapter.listen?.(() => at.push(performance.now()));
    const start = performance.now();
    await adapter.notify({ delayMs: 250 });
    await eventually("the wake-up", () => at.length > 0);
    expect((at[0] ?? 0) - start).toBeGreaterThanOrEqual(250);
    await adapter.notify({ delayMs: 0 });
    await eventually("the next wake-up", () => at.length > 1);
    await listener?.close();
    await expect(queue.getJobCounts()).resolves.toMatchObject({
      waiting: 0,
      active: 0,
      delayed: 0,
      completed: 0,
      failed: 0,
    });
    await queue.close();
  });

  it("makes one job of the wake-ups of one moment, and lets none for sooner be taken in by one for later", async () => {
    let now = 40;
    const queue = backend.queue(freshName());
    const adapter = bullmq(queue, { clock: { now: () => now } });
    for (const delayMs of [60_060, 60_001, 60_030, 60_061]) await adapter.notify({ delayMs });
    now = 90;
    for (const delayMs of [60_010, 30_000]) await adapter.notify({ delayMs });
    await expect(queue.getJobCounts("delayed")).resolves.toEqual({ delayed: 3 });
    // Another process counts by a clock of its own.
    await bullmq(queue, { clock: { now: () => 90 } }).notify({ delayMs: 60_010 });
    await expect(queue.getJobCounts("delayed")).resolves.toEqual({ delayed: 4 });
    await queue.obliterate({ force: true });
    await queue.close();
  });
}

describe.skipIf(noRedis !== null)(`bullmq on Redis${noRedis === null ? "" : ` (${noRedis})`}`, () => {
  let redis: RedisServer;
  const backend = redisBackend(() => redis.port);
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  holds(backend);

  const onSqlite = queueContract({
    lateMs: 100,
    create: async () => underTest(backend),
    ledger: (clock) => sqlite(":memory:", { clock }),
  });
  for (const { name, run } of onSqlite) {
    it(`${name}, on SQLite`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }

  it("says when its server goes, and hears again once it is back", async () => {
    let own = await startRedis();
    const { port } = own;
    const there = redisBackend(() => port);
    const name = freshName();
    const { lines, logger } = heard();
    let wakeUps = 0;
    const idle = there.queue(name);
    const listener = await bullmq(idle, { worker: there.worker, logger }).listen?.(() => {
      wakeUps += 1;
    });
    await idle.close();
    await own.stop();
    await eventually("the loss is logged", () => lines.length > 0);
    expect(lines[0]).toMatch(/^error the worker of the queue \(bullmq\) reports an error: \w*Error( E[A-Z]+)?$/);
    own = await startRedis(port);
    const queue = there.queue(name);
    await bullmq(queue).notify({ delayMs: 0 });
    await expect.poll(() => wakeUps, { timeout: 15_000 }).toBe(1);
    await listener?.close();
    await queue.close();
    await own.stop();
  });
});

describe("bullmq on PostgreSQL", () => {
  const { Queue: PgQueue, Worker: PgWorker } = withBackend(createPostgresBackend);
  const schema = `bull_${randomUUID().replaceAll("-", "")}`;
  const connection = () => ({ connectionString: inject("postgresUrl"), schema, migrate: true });
  afterAll(async () => {
    const client = new pg.Client({ connectionString: inject("postgresUrl") });
    await client.connect();
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await client.end();
  });

  holds({
    queue: (name) => new PgQueue<BullmqWakeUp>(name, { connection: connection() }),
    worker: (name, processor) => new PgWorker(name, processor, { connection: connection() }),
  });
});

describe("bullmq", () => {
  it("only sends where no worker is made", () => {
    const adapter = bullmq({ name: "ownline", add: async () => {} });
    expect(adapter.listen).toBeUndefined();
  });

  it("puts nothing about anybody into the queue, and has nothing kept or tried again", async () => {
    const added: unknown[] = [];
    const adapter = bullmq({ name: "ownline", add: async (...args) => void added.push(args) });
    await adapter.notify({ delayMs: 0 });
    expect(added).toEqual([
      ["wake-up", { ownline: "wake-up" }, { attempts: 1, removeOnComplete: true, removeOnFail: true }],
    ]);
  });

  it("refuses what is no Queue, at once", () => {
    const invalid = expect.objectContaining({ code: "invalid_options" });
    for (const wrong of [undefined, {}, { add: async () => {} }]) {
      expect(() => Reflect.apply(bullmq, undefined, [wrong])).toThrow(invalid);
    }
  });
});
