import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { isOwnlineError } from "../../src/errors.ts";
import { type PostgresPool, postgres } from "../../src/storage/postgres.ts";
import type { SendConditions, Storage } from "../../src/storage/storage.ts";
import { type PostgresLedgers, postgresLedgers, quiet } from "./postgres-ledgers.ts";
import { post, text } from "./postgres-texts.ts";

const FREE: SendConditions = { consent: true, unpaused: true, delayMs: 0, cancel: null, counters: [], rateLimit: null };

let ledgers: PostgresLedgers;

beforeAll(async () => {
  ledgers = await postgresLedgers();
});

afterEach(() => ledgers.empty());

afterAll(() => ledgers.dispose());

/** A handle that lets a test in before each `apply`; `change` may hand over another parameter. */
function interrupted(
  before: (parameter: string) => Promise<string | undefined>,
  pool: PostgresPool = ledgers.pool,
): { readonly storage: Storage; readonly calls: string[] } {
  const calls: string[] = [];
  const watched: PostgresPool = {
    async query(sql, values) {
      const name = /ownline_1_(\w+)\(/.exec(sql)?.[1] ?? "read";
      calls.push(name);
      if (name !== "apply") return await pool.query(sql, values);
      const parameter = String(values[0]);
      return await pool.query(sql, [(await before(parameter)) ?? parameter]);
    },
  };
  return { storage: postgres(watched, { schema: ledgers.schema, logger: quiet }), calls };
}

/** A promise with its key. */
function opened() {
  let resolve = () => {};
  const promise = new Promise<void>((open) => {
    resolve = open;
  });
  return { promise, open: () => resolve() };
}

describe("between load and apply", () => {
  it("a connection that the server ends costs no text and raises no uncaught exception", async () => {
    const uncaught: unknown[] = [];
    const note = (error: unknown) => uncaught.push(error);
    process.on("uncaughtExceptionMonitor", note);
    // Nothing listens to this pool's errors but the storage itself.
    const pool = new pg.Pool({ connectionString: inject("postgresUrl"), max: 2, application_name: "ended" });
    let isEnded = false;
    const ended = { query: pool.query.bind(pool) };
    const { storage } = interrupted(async () => {
      if (isEnded) return undefined;
      isEnded = true;
      const end = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'ended'";
      expect((await ledgers.pool.query(end)).rows.length).toBeGreaterThan(0);
      return undefined;
    }, ended);
    try {
      const warnings: string[] = [];
      const logger = { ...quiet, warn: (message: string) => warnings.push(message) };
      // A pool is listened to once, by the first handle.
      const over = postgres(pool, { schema: ledgers.schema, logger });
      expect((await over.open()).secret).toMatch(/^\w{64}$/);
      const texts = ["m1", "m2", "m3"].map((id) => text(id));
      const first = await Promise.allSettled(texts.map(storage.recordInbound));
      for (const result of first) {
        const reason: unknown = result.status === "rejected" ? result.reason : null;
        // The pool may have noticed in time, and have opened another connection.
        expect(reason === null || (isOwnlineError(reason) && reason.retryable)).toBe(true);
      }
      for (const one of texts) expect(["recorded", "repeated"]).toContain((await storage.recordInbound(one)).outcome);
      const { rows } = await ledgers.pool.query(`select id from "${ledgers.schema}".ownline_messages order by seq`);
      expect(rows.map(({ id }) => id).toSorted()).toEqual(["m1", "m2", "m3"]);
      expect(uncaught).toEqual([]);
      expect(warnings.join()).toContain("an idle connection to PostgreSQL ended (57P01)");
    } finally {
      process.off("uncaughtExceptionMonitor", note);
      await pool.end();
    }
  });

  it("a process that stands still holds no lock and no transaction, and slows no other", async () => {
    const pool = new pg.Pool({ connectionString: inject("postgresUrl"), max: 2, application_name: "still" });
    pool.on("error", () => {});
    const reached = opened();
    const resumed = opened();
    let isFirst = true;
    const { storage: slow, calls } = interrupted(async () => {
      if (!isFirst) return undefined;
      isFirst = false;
      reached.open();
      await resumed.promise;
      return undefined;
    }, pool);
    try {
      const quick = ledgers.open();
      const consent = { state: "opted-out", source: "word" } as const;
      const stopping = slow.recordInbound(text("stop", 1, { needsAnswer: false, consent }));
      await reached.promise;
      const { rows } = await ledgers.pool.query(
        "select a.xact_start, (select count(*)::integer from pg_locks l where l.pid = a.pid) as locks" +
          " from pg_stat_activity a where a.application_name = 'still'",
      );
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) expect(row).toEqual({ xact_start: null, locks: 0 });
      // The same person, in the same conversation.
      expect((await quick.recordInbound(text("m1"))).outcome).toBe("recorded");
      expect((await quick.recordOutbound(post("g1"))).outcome).toBe("recorded");
      resumed.open();
      expect((await stopping).cancelled.map(({ id }) => id)).toEqual(["g1-1", "g1-2"]);
      expect(calls).toEqual(["load", "apply", "load", "apply"]);
    } finally {
      await pool.end();
    }
  });

  it("a decision that is older than 5 s is made anew", async () => {
    let isFirst = true;
    const { storage, calls } = interrupted(async (parameter) => {
      if (!isFirst) return undefined;
      isFirst = false;
      const { clock, ...others } = JSON.parse(parameter);
      return JSON.stringify({ ...others, clock: clock - 5_100 });
    });
    expect((await storage.recordInbound(text("m1"))).outcome).toBe("recorded");
    expect(calls).toEqual(["load", "apply", "load", "apply"]);
  });

  it("another process may decide the same call: both get one answer, and it is written once", async () => {
    const order = {
      scope: "default",
      workerId: "w",
      leaseMs: 60_000,
      outboundId: "g1-1",
      orderWaitMs: 0,
      conditions: FREE,
    };
    const other = ledgers.open();
    await other.recordOutbound(post("g1"));
    let first: unknown = null;
    const { storage } = interrupted(async () => {
      first ??= await other.claimSend({ callId: "claim", ...order });
      return undefined;
    });
    const again = await storage.claimSend({ callId: "claim", ...order });
    expect(again).toMatchObject({ outcome: "claimed", attempt: 1 });
    expect(again).toEqual(first);
  });

  it("an opt-out on another line counts, though it leaves the conversation as it is", async () => {
    const other = ledgers.open();
    await other.recordInbound(text("m0", 1, { needsAnswer: false }));
    let isFirst = true;
    const { storage, calls } = interrupted(async () => {
      if (!isFirst) return undefined;
      isFirst = false;
      const consent = { state: "opted-out", source: "word" } as const;
      await other.recordInbound(text("stop", 1, { line: "+15550100002", needsAnswer: false, consent }));
      return undefined;
    });
    await storage.recordInbound(text("m1"));
    expect(calls).toEqual(["load", "apply", "load", "apply"]);
    expect((await other.due({ scope: "default", workerId: "w1", limit: 10 })).turns).toBe(false);
    expect((await other.due({ scope: "default", workerId: "w1", limit: 10 })).nextInMs).toBeNull();
  });

  it("another process may record the person's first text: one conversation, both texts", async () => {
    const other = ledgers.open();
    let isFirst = true;
    const { storage } = interrupted(async () => {
      if (!isFirst) return undefined;
      isFirst = false;
      await other.recordInbound(text("m1", 1, { conversationId: "c1" }));
      return undefined;
    });
    const recorded = await storage.recordInbound(text("m2", 1, { conversationId: "c2" }));
    expect(recorded.conversation?.id).toBe("c1");
    expect(recorded.message?.seq).toBe(2);
  });
});

describe("a row that many processes write at once", () => {
  it("fails no call, though all of them must decide again and again", async () => {
    const processes = Array.from({ length: 6 }, () => ledgers.open({}, ledgers.connect()));
    const rateLimit = { key: "hot", costMs: 1, reason: "Busy." };
    const ids = Array.from({ length: 120 }, (_, n) => `g${n}`);
    await Promise.all(ids.map((id, n) => processes[0]?.recordOutbound(post(id, n))));
    const outcomes = new Set<string>();
    await Promise.all(
      processes.map(async (storage, index) => {
        for (const id of ids.filter((_, n) => n % processes.length === index)) {
          const order = {
            scope: "default",
            workerId: `w${index}`,
            leaseMs: 60_000,
            outboundId: `${id}-1`,
            orderWaitMs: 0,
          };
          const shown = await storage.claimSend({ callId: id, ...order, conditions: { ...FREE, rateLimit } });
          outcomes.add(shown.outcome);
        }
      }),
    );
    for (const outcome of outcomes) expect(["claimed", "waiting"]).toContain(outcome);
    // Each message has a place of its own.
    const { rows } = await ledgers.pool.query(
      `select count(*)::integer as all, count(distinct reserved_at)::integer as places
        from "${ledgers.schema}".ownline_messages where reserved_at is not null`,
    );
    expect(rows[0].places).toBe(rows[0].all);
  }, 60_000);

  it("is charged to its limit by all of them together, and not beyond", async () => {
    const processes = Array.from({ length: 4 }, () => ledgers.open({}, ledgers.connect()));
    const counters = [
      { key: "account", windowMs: 3_600_000, max: 25, charge: 1, full: "wait", reason: "Enough." } as const,
    ];
    const ids = Array.from({ length: 40 }, (_, n) => `g${n}`);
    await Promise.all(ids.map((id, n) => processes[0]?.recordOutbound(post(id, n))));
    const shown = await Promise.all(
      ids.map((id, n) => {
        const order = { scope: "default", workerId: "w", leaseMs: 60_000, outboundId: `${id}-1`, orderWaitMs: 0 };
        return processes[n % 4]?.claimSend({ callId: id, ...order, conditions: { ...FREE, counters } });
      }),
    );
    expect(shown.filter((one) => one?.outcome === "claimed")).toHaveLength(25);
    expect(await ledgers.open().counters(["account"])).toMatchObject([{ key: "account", count: 25 }]);
  });
});

describe("a heartbeat", () => {
  const heartbeat = (storage: Storage, callId: string) =>
    storage.heartbeat({ scope: "default", callId, workerId: "w1", leaseMs: 60_000, lookInMs: 1_000 });
  const count = async (table: string): Promise<number> => {
    const { rows } = await ledgers.pool.query(
      `select count(*)::integer as n from "${ledgers.schema}".ownline_${table} where ${table === "answers" ? "call" : "id"} like 'old%'`,
    );
    return rows[0].n;
  };

  it("keeps an answer for an hour from now on that was stored by a clock that was ahead", async () => {
    const { pool, schema } = ledgers;
    const ahead = Date.now() + 30 * 86_400_000;
    await pool.query(
      `insert into "${schema}".ownline_answers (call, at, answer) values ('ahead', ${ahead}, '{}'), ('right', ${Date.now()}, '{}')`,
    );
    await heartbeat(ledgers.open(), "b0");
    const { rows } = await pool.query(
      `select call, at from "${schema}".ownline_answers where call in ('ahead', 'right')`,
    );
    expect(rows).toHaveLength(2);
    for (const { at } of rows) expect(Math.abs(Number(at) - Date.now())).toBeLessThan(60_000);
  });

  it("deletes old stored answers and workers that hold nothing, and leaves those alone that are locked", async () => {
    const storage = ledgers.open();
    const { pool, schema } = ledgers;
    await storage.recordOutbound(post("a"));
    const held = {
      scope: "default",
      workerId: "old holder",
      leaseMs: 60_000,
      outboundId: "a-1",
      orderWaitMs: 0,
      conditions: FREE,
    };
    expect((await storage.claimSend({ callId: "c", ...held })).outcome).toBe("claimed");
    const long = Date.now() - 2 * 3_600_000;
    await pool.query(
      `insert into "${schema}".ownline_answers (call, at, answer) select 'old ' || i, ${long}, '{}' from generate_series(1, 3) i`,
    );
    await pool.query(
      `insert into "${schema}".ownline_workers (id, scope, alive_until, written_at) select 'old ' || i, 'default', ${long}, ${long} from generate_series(1, 3) i`,
    );
    const client = await pool.connect();
    try {
      await client.query("begin");
      for (const [table, column] of [
        ["answers", "call"],
        ["workers", "id"],
      ]) {
        await client.query(`select 1 from "${schema}".ownline_${table} where ${column} = 'old 2' for update`);
      }
      await heartbeat(storage, "b1");
      expect([await count("answers"), await count("workers")]).toEqual([1, 2]);
      await client.query("rollback");
      await heartbeat(storage, "b2");
      expect([await count("answers"), await count("workers")]).toEqual([0, 1]);
    } finally {
      await client.query("rollback");
      client.release();
    }
  });
});
