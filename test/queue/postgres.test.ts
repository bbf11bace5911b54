import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import type { MomentClock } from "../../src/queue/moments.ts";
import { type PostgresListenPool, type PostgresNotifyPool, postgresNotify } from "../../src/queue/postgres.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import { type QueueHarness, queueContract } from "../../src/testing/contracts/queue.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { heard as heardLines } from "../http/scene.ts";
import { eventually } from "./eventually.ts";
import { heardPool } from "./postgres-scene.ts";
import { answersForTheOther } from "./two-services.ts";

// A server answers when it likes; nothing here waits for longer than it must.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let pool: pg.Pool;

beforeAll(() => {
  pool = new pg.Pool({ connectionString: inject("postgresUrl"), max: 10, idleTimeoutMillis: 0 });
  pool.on("error", () => {});
});

afterAll(() => pool.end());

const freshChannel = () => `wakeup_${randomUUID().replaceAll("-", "")}`;

const harness: QueueHarness = {
  // Moments are rounded up to a tenth of a second.
  lateMs: 100,
  async create() {
    const clock = manualClock();
    const { listen, heard } = heardPool(pool);
    const queue = postgresNotify(pool, { channel: freshChannel(), listen, clock });
    return {
      queue,
      listen: (onWakeUp) => queue.listen(() => void onWakeUp()),
      async advance(ms) {
        await heard();
        await clock.advance(ms);
      },
      dispose: async () => {},
    };
  },
};

describe("postgres keeps the queue contract on memory", () => {
  for (const { name, run } of queueContract(harness)) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});

describe("postgres keeps the queue contract on SQLite", () => {
  for (const { name, run } of queueContract({ ...harness, ledger: (clock) => sqlite(":memory:", { clock }) })) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});

describe("two services over one ledger", () => {
  it("wake each other: the one that was started answers what the other stored", async () => {
    const channel = freshChannel();
    const queues = { web: postgresNotify(pool, { channel }), worker: postgresNotify(pool, { channel }) };
    await expect(answersForTheOther(queues)).resolves.toEqual({ sent: ["hello back"], errors: [] });
  });
});

/** A queue over the real server, on a manual clock, with the process of each session that listens. */
async function listening() {
  const clock = manualClock();
  const { lines, logger } = heardLines();
  const sessions: number[] = [];
  const clients: pg.PoolClient[] = [];
  let refusals = 0;
  let barrier: Promise<void> | null = null;
  const sleeping = new Set<object>();
  const noting: MomentClock = {
    now: clock.now,
    async sleep(ms, options) {
      const one = {};
      sleeping.add(one);
      await clock.sleep(ms, options);
      sleeping.delete(one);
    },
  };
  const listen: PostgresListenPool = {
    async connect() {
      if (refusals > 0) {
        refusals -= 1;
        throw Object.assign(new Error("connect to db.example.com as bob failed"), { code: "ECONNREFUSED" });
      }
      await barrier;
      const client = await pool.connect();
      const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      for (const { pid } of rows) sessions.push(pid);
      clients.push(client);
      return client;
    },
  };
  const queue = postgresNotify(pool, { channel: freshChannel(), listen, clock: noting, logger });
  let wakeUps = 0;
  const listener = await queue.listen(() => {
    wakeUps += 1;
  });
  return {
    clock,
    lines,
    queue,
    listener,
    sessions,
    clients,
    sleeping,
    wakeUps: () => wakeUps,
    /** Lets no attempt to connect go on, until what it returns is called. */
    hold(): () => void {
      let open = () => {};
      barrier = new Promise((resolve) => {
        open = resolve;
      });
      return () => open();
    },
    refuse(times: number) {
      refusals = times;
    },
    async kill() {
      await pool.query("SELECT pg_terminate_backend($1)", [sessions.at(-1)]);
      await eventually("the loss is logged", () => lines.length > 0);
    },
  };
}

describe("postgres", () => {
  it("connects again when the server ends the session, says so, and wakes once for what it missed", async () => {
    const scene = await listening();
    await scene.kill();
    expect(scene.wakeUps()).toBe(0);
    await scene.clock.advance(999);
    expect(scene.sessions).toHaveLength(1);
    await scene.clock.advance(1);
    await eventually("a wake-up after the reconnection", () => scene.wakeUps() > 0);
    expect([scene.wakeUps(), scene.sessions.length]).toEqual([1, 2]);
    await scene.queue.notify({ delayMs: 0 });
    await eventually("a wake-up over the new session", () => scene.wakeUps() === 2);
    expect(scene.lines).toEqual([
      "error the queue (postgres) lost its listening connection and connects again: error 57P01. No work is lost meanwhile: the service checks the ledger every worker.pollMs",
      "info the queue (postgres) listens again",
    ]);
    await scene.listener.close();
  });

  it("waits twice as long after each failure, half a minute at most, and logs no host and no user", async () => {
    const scene = await listening();
    scene.refuse(7);
    await scene.kill();
    const waits: number[] = [];
    for (let second = 1; second <= 91; second += 1) {
      const before = scene.lines.length;
      await scene.clock.advance(1000);
      if (scene.lines.length > before) waits.push(second);
    }
    // 1 s, 2 s, 4 s, 8 s, 16 s, 30 s, 30 s after one another.
    expect(waits).toEqual([1, 3, 7, 15, 31, 61, 91]);
    expect(scene.lines.join()).not.toMatch(/db\.example\.com|bob/);
    expect(scene.lines[1]).toMatch(/still cannot listen and tries again: Error ECONNREFUSED$/);
    await scene.clock.advance(30_000);
    await eventually("a wake-up after the reconnection", () => scene.wakeUps() === 1);
    await scene.listener.close();
  });

  it("gives up its connection, its waits and its attempts when it is closed", async () => {
    const scene = await listening();
    await scene.queue.notify({ delayMs: 1000 });
    await scene.kill();
    await scene.listener.close();
    await scene.listener.close();
    await scene.clock.advance(120_000);
    expect([scene.sessions.length, scene.wakeUps()]).toEqual([1, 0]);
    await eventually("no session is left", () => pool.totalCount === pool.idleCount);
  });

  it("closes the connection of a listener that is closed while it connects", async () => {
    const scene = await listening();
    const open = scene.hold();
    await scene.kill();
    await scene.clock.advance(1000);
    await scene.listener.close();
    open();
    await eventually("the attempt has come through", () => scene.sessions.length === 2);
    await eventually("no session is left", () => pool.totalCount === pool.idleCount);
    expect(scene.wakeUps()).toBe(0);
  });

  it("hands no session that still listens back to the pool", async () => {
    const scene = await listening();
    let ended = false;
    scene.clients[0]?.once("end", () => {
      ended = true;
    });
    await scene.listener.close();
    await eventually("the session ends", () => ended);
    expect(ended).toBe(true);
  });

  it("leaves no timer when it is closed", async () => {
    const scene = await listening();
    await scene.queue.notify({ delayMs: 60_000 });
    // The look at the connection, and the wake-up.
    await eventually("the wake-up is waited for", () => scene.sleeping.size === 2);
    await scene.listener.close();
    await eventually("nothing sleeps", () => scene.sleeping.size === 0);
    expect(scene.wakeUps()).toBe(0);
  });

  it("wakes for a person's bare NOTIFY, and for a payload that is not its own", async () => {
    const channel = freshChannel();
    const queue = postgresNotify(pool, { channel });
    let wakeUps = 0;
    const listener = await queue.listen(() => {
      wakeUps += 1;
    });
    await pool.query(`NOTIFY ${channel}`);
    await eventually("a wake-up", () => wakeUps === 1);
    await pool.query(`NOTIFY ${channel}, 'hello'`);
    await eventually("another wake-up", () => wakeUps === 2);
    await listener.close();
    expect(wakeUps).toBe(2);
  });

  it("lets each listener hear each wake-up, and no other channel's", async () => {
    const channel = freshChannel();
    const heard: string[] = [];
    const listeners = await Promise.all(
      ["first", "second"].map((name) => postgresNotify(pool, { channel }).listen(() => heard.push(name))),
    );
    const stranger = postgresNotify(pool, { channel: freshChannel() });
    listeners.push(await stranger.listen(() => heard.push("stranger")));
    await postgresNotify(pool, { channel }).notify({ delayMs: 0 });
    await eventually("both hear it", () => heard.length >= 2);
    expect(heard.toSorted()).toEqual(["first", "second"]);
    for (const listener of listeners) await listener.close();
  });

  it("rejects a listener that cannot connect, and gives back a session that cannot listen", async () => {
    const listen: PostgresListenPool = { connect: () => Promise.reject(new Error("no route")) };
    await expect(postgresNotify(pool, { listen }).listen(() => {})).rejects.toThrow("no route");
    const aborted: PostgresListenPool = {
      async connect() {
        const client = await pool.connect();
        await client.query("BEGIN");
        await client.query("SELECT 1 / 0").catch(() => {});
        return client;
      },
    };
    await expect(postgresNotify(pool, { listen: aborted }).listen(() => {})).rejects.toThrow(/aborted/);
    await eventually("no session is left", () => pool.totalCount === pool.idleCount);
  });

  it("writes now and then, so that a connection that leads nowhere is found out", async () => {
    const clock = manualClock();
    const asked: string[] = [];
    const listen: PostgresListenPool = {
      connect: async () => ({
        query: async (text) => void asked.push(text),
        on: () => {},
        release: () => {},
      }),
    };
    const listener = await postgresNotify(pool, { listen, clock }).listen(() => {});
    await clock.advance(180_000);
    await listener.close();
    await clock.advance(180_000);
    expect(asked).toEqual(['LISTEN "ownline"', "SELECT 1", "SELECT 1", "SELECT 1"]);
  });

  it("refuses what is not a pool, and a channel that is not an identifier, at once", () => {
    const invalid = expect.objectContaining({ code: "invalid_options" });
    for (const channel of ["", "1st", 'a"b', "a-b", "a".repeat(64), "ö"]) {
      expect(() => postgresNotify(pool, { channel })).toThrow(invalid);
    }
    expect(() => postgresNotify(pool, { channel: "a".repeat(63) })).not.toThrow();
    const query: PostgresNotifyPool["query"] = async () => [];
    for (const wrong of [undefined, {}, { query }]) {
      expect(() => Reflect.apply(postgresNotify, undefined, [wrong])).toThrow(invalid);
    }
    expect(() => Reflect.apply(postgresNotify, undefined, [pool, { listen: { query } }])).toThrow(invalid);
  });
});
