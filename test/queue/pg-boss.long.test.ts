import { randomUUID } from "node:crypto";
import pg from "pg";
import { PgBoss, TestClock } from "pg-boss";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { type PgBossOptions, pgBoss } from "../../src/queue/pg-boss.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import { type QueueHarness, queueContract } from "../../src/testing/contracts/queue.ts";
import { eventually } from "./eventually.ts";
import { answersForTheOther } from "./two-services.ts";

// A server answers when it likes; nothing here waits for longer than it must.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** pg-boss has a clock for tests, which the database reads too: on the first of these, time is moved by hand. */
const schemas = {
  byHand: `boss_${randomUUID().replaceAll("-", "")}`,
  real: `boss_${randomUUID().replaceAll("-", "")}`,
};
const clock = new TestClock();
let pool: pg.Pool;
let byHand: PgBoss;
let real: PgBoss;

async function startBoss(schema: string, options: { readonly clock?: TestClock; readonly useListenNotify?: boolean }) {
  const boss = new PgBoss({
    connectionString: inject("postgresUrl"),
    schema,
    supervise: false,
    schedule: false,
    ...options,
  });
  boss.on("error", () => {});
  return boss.start();
}

beforeAll(async () => {
  pool = new pg.Pool({ connectionString: inject("postgresUrl"), max: 2 });
  byHand = await startBoss(schemas.byHand, { clock });
  real = await startBoss(schemas.real, { useListenNotify: true });
});

afterAll(async () => {
  for (const boss of [byHand, real]) await boss?.stop({ graceful: false });
  for (const schema of Object.values(schemas)) await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await pool.end();
});

const freshName = () => `count-${randomUUID()}`;

async function jobs(schema: string, name: string): Promise<{ state: string; waitMs: number }[]> {
  const { rows } = await pool.query<{ state: string; wait: string }>(
    `SELECT state, round(1000 * extract(epoch FROM start_after - created_on)) AS wait FROM ${schema}.job
     WHERE name = $1 ORDER BY start_after`,
    [name],
  );
  return rows.map(({ state, wait }) => ({ state, waitMs: Number(wait) }));
}

const harness: QueueHarness = {
  // To the end of a second, and to the next look.
  lateMs: 1500,
  async create() {
    const name = freshName();
    const queue = pgBoss(byHand, { name, pollMs: 500, clock });
    return {
      queue,
      listen: (onWakeUp) => queue.listen(() => void onWakeUp()),
      async advance(ms) {
        await clock.tick(ms);
        await eventually("what was taken is done", async () =>
          (await jobs(schemas.byHand, name)).every(({ state }) => state !== "active"),
        );
      },
      dispose: () => byHand.deleteQueue(name),
    };
  },
};

describe("pg-boss keeps the queue contract on memory", () => {
  for (const { name, run } of queueContract(harness)) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});

describe("pg-boss keeps the queue contract on SQLite", () => {
  for (const { name, run } of queueContract({ ...harness, ledger: (time) => sqlite(":memory:", { clock: time }) })) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});

describe("two services over one ledger", () => {
  it("wake each other: the one that was started answers what the other stored", async () => {
    const name = freshName();
    const other = await startBoss(schemas.real, { useListenNotify: true });
    const queues = { web: pgBoss(other, { name }), worker: pgBoss(real, { name, pollMs: 500 }) };
    await expect(answersForTheOther(queues)).resolves.toEqual({ sent: ["hello back"], errors: [] });
    await other.stop({ graceful: false });
  });
});

describe("pg-boss", () => {
  it("makes one waiting job of a thousand wake-ups for now", async () => {
    const name = freshName();
    const queue = pgBoss(real, { name });
    await Promise.all(Array.from({ length: 1000 }, () => queue.notify({ delayMs: 0 })));
    await expect(jobs(schemas.real, name)).resolves.toEqual([{ state: "created", waitMs: 0 }]);
  });

  it("lets a wake-up that comes while one is worked stand beside it", async () => {
    const name = freshName();
    const queue = pgBoss(real, { name });
    await queue.notify({ delayMs: 0 });
    await real.fetch(name);
    await queue.notify({ delayMs: 0 });
    const states = (await jobs(schemas.real, name)).map(({ state }) => state);
    expect(states.toSorted()).toEqual(["active", "created"]);
  });

  it("makes one job of the wake-ups of one second, and lets none for sooner be taken in by one for later", async () => {
    let now = 400;
    const name = freshName();
    const queue = pgBoss(real, { name, clock: { now: () => now } });
    for (const delayMs of [5000, 4700, 2, 0]) await queue.notify({ delayMs });
    now = 900;
    for (const delayMs of [4700, 100, 101]) await queue.notify({ delayMs });
    const waits = (await jobs(schemas.real, name)).map(({ waitMs }) => waitMs);
    expect(waits).toEqual([0, 600, 1100, 5600]);
  });

  it("never takes in the wake-ups of another process, whose clock may differ", async () => {
    const name = freshName();
    const at = (now: number): PgBossOptions => ({ name, clock: { now: () => now } });
    await pgBoss(real, at(100)).notify({ delayMs: 60_000 });
    await pgBoss(real, at(59_500)).notify({ delayMs: 1000 });
    const waits = (await jobs(schemas.real, name)).map(({ waitMs }) => waitMs);
    expect(waits).toEqual([1500, 60_900]);
  });

  it("keeps what is done for a minute, tries nothing again, and says nothing about anybody", async () => {
    const name = freshName();
    const queue = pgBoss(real, { name });
    await queue.notify({ delayMs: 0 });
    const made = await real.getQueue(name);
    expect(made).toMatchObject({
      policy: "short",
      retryLimit: 0,
      retentionSeconds: 3600,
      deleteAfterSeconds: 60,
      deadLetter: null,
    });
    const [job] = await real.fetch(name);
    expect(job?.data).toEqual({ ownline: "wake-up" });
  });

  it("wakes once for many jobs that wait", async () => {
    const name = freshName();
    const queue = pgBoss(real, { name, pollMs: 500 });
    // As it is with a queue that was made with another policy.
    await real.createQueue(name, { policy: "standard" });
    for (let count = 0; count < 20; count += 1) await queue.notify({ delayMs: 0 });
    let wakeUps = 0;
    const listener = await queue.listen(() => {
      wakeUps += 1;
    });
    await eventually("all are done", async () =>
      (await jobs(schemas.real, name)).every(({ state }) => state === "completed"),
    );
    await listener.close();
    expect(wakeUps).toBe(1);
  });

  it("leaves the workers that others have on the queue", async () => {
    const name = freshName();
    const queue = pgBoss(real, { name, pollMs: 500 });
    const heard: string[] = [];
    const first = await queue.listen(() => heard.push("first"));
    const second = await queue.listen(() => heard.push("second"));
    await first.close();
    await queue.notify({ delayMs: 0 });
    await eventually("a wake-up", () => heard.length > 0);
    await second.close();
    expect(heard).toEqual(["second"]);
  });

  it("waits for what is being worked when it is closed, and ends no other worker", async () => {
    const ended: unknown[] = [];
    const queue = pgBoss({
      createQueue: async () => {},
      send: async () => null,
      work: async () => "ours",
      offWork: async (...args) => void ended.push(args),
    });
    const listener = await queue.listen(() => {});
    await listener.close();
    expect(ended).toEqual([["ownline", { id: "ours", wait: true }]]);
  });

  it("makes the queue at the next wake-up where it could not be made", async () => {
    let failures = 1;
    const calls: string[] = [];
    const queue = pgBoss({
      async createQueue() {
        calls.push("createQueue");
        failures -= 1;
        if (failures >= 0) throw new Error("the database is down");
      },
      send: async () => {
        calls.push("send");
        return null;
      },
      work: async () => "id",
      offWork: async () => {},
    });
    await expect(queue.notify({ delayMs: 0 })).rejects.toThrow("the database is down");
    await queue.notify({ delayMs: 0 });
    await queue.notify({ delayMs: 0 });
    expect(calls).toEqual(["createQueue", "createQueue", "send", "send"]);
  });

  it("refuses what is no PgBoss, an empty name and too short a poll, at once", () => {
    const invalid = expect.objectContaining({ code: "invalid_options" });
    expect(() => Reflect.apply(pgBoss, undefined, [undefined])).toThrow(invalid);
    expect(() => Reflect.apply(pgBoss, undefined, [{}])).toThrow(invalid);
    expect(() => pgBoss(real, { name: "" })).toThrow(invalid);
    expect(() => pgBoss(real, { pollMs: 499 })).toThrow(invalid);
    expect(() => pgBoss(real, { pollMs: Number.NaN })).toThrow(invalid);
  });
});
