import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { isOwnlineError } from "../../src/errors.ts";
import { type PostgresPool, postgres } from "../../src/storage/postgres.ts";
import type { ClaimedTurn, SendConditions } from "../../src/storage/storage.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { type PostgresLedgers, postgresLedgers, quiet } from "./postgres-ledgers.ts";
import { post, text } from "./postgres-texts.ts";

const FREE: SendConditions = { consent: true, unpaused: true, delayMs: 0, cancel: null, counters: [], rateLimit: null };

let ledgers: PostgresLedgers;
const pools: pg.Pool[] = [];

beforeAll(async () => {
  ledgers = await postgresLedgers();
});

afterEach(async () => {
  await ledgers.empty();
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
});

afterAll(() => ledgers.dispose());

/** A pool whose connections have settings of their own, as `name=value`. */
function poolWith(...settings: string[]): pg.Pool {
  const options = settings.map((setting) => `-c ${setting}`).join(" ");
  const pool = new pg.Pool({ connectionString: inject("postgresUrl"), max: 2, options });
  pools.push(pool);
  return pool;
}

async function failure(call: Promise<unknown>) {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isOwnlineError(error)) throw new Error("It did not fail as it should.", { cause: error });
  return { code: error.code, retryable: error.retryable, message: error.message };
}

describe("migrations", () => {
  it("run once when several processes begin at the same time, with one secret", async () => {
    const schema = `${ledgers.schema}_fresh`;
    const handles = [1, 2, 3].map(() => postgres(poolWith(), { schema, logger: quiet }));
    try {
      await Promise.all(handles.map((handle) => handle.migrate()));
      const opened = await Promise.all(handles.map((handle) => handle.open()));
      expect(new Set(opened.map(({ secret }) => secret)).size).toBe(1);
      expect(opened[0]?.secret).toMatch(/^[0-9a-f]{64}$/);
      const { rows } = await ledgers.pool.query(`select version from "${schema}".ownline_migrations`);
      expect(rows).toEqual([{ version: 1 }]);
    } finally {
      await ledgers.pool.query(`drop schema if exists "${schema}" cascade`);
    }
  });

  it("go into a schema whose own name begins as theirs do", async () => {
    const schema = `ownline_${ledgers.schema}`;
    const storage = postgres(ledgers.pool, { schema, logger: quiet });
    try {
      await storage.migrate();
      await expect(storage.open()).resolves.toMatchObject({ secret: expect.stringMatching(/^[0-9a-f]{64}$/) });
    } finally {
      await ledgers.pool.query(`drop schema if exists "${schema}" cascade`);
    }
  });

  it("are asked for where there are none", async () => {
    const storage = postgres(poolWith(), { schema: `${ledgers.schema}_none`, logger: quiet });
    const unopened = await failure(storage.open());
    expect(unopened).toMatchObject({ code: "storage_unmigrated", retryable: false });
    expect(unopened.message).toContain("storage.migrate()");
    expect(await failure(storage.due({ scope: "default", workerId: "w1", limit: 1 }))).toMatchObject({
      code: "storage_unmigrated",
    });
  });

  it("let an older process go on where the newer schema allows it, and refuse it where not", async () => {
    const meta = (version: number, minWriter: number) =>
      ledgers.pool.query(`update "${ledgers.schema}".ownline_meta set version = $1, min_writer = $2`, [
        version,
        minWriter,
      ]);
    const storage = ledgers.open();
    try {
      await meta(9, 1);
      await storage.migrate();
      await storage.open();
      expect((await storage.recordInbound(text("m1"))).outcome).toBe("recorded");
      await meta(9, 9);
      const refused = await failure(storage.open());
      expect(refused.code).toBe("storage_unmigrated");
      expect(refused.message).toContain("install the newer ownline");
      await meta(0, 0);
      expect((await failure(storage.open())).message).toContain("older schema");
    } finally {
      await meta(1, 1);
    }
  });
});

describe("a server that cannot be used as it is", () => {
  it("is named as read-only, when opened and when written to", async () => {
    const storage = ledgers.open({}, poolWith("default_transaction_read_only=on"));
    const unopened = await failure(storage.open());
    expect(unopened.code).toBe("storage_unsupported");
    expect(unopened.message).toContain("read-only");
    const unwritten = await failure(storage.recordOutbound(post("g1")));
    expect(unwritten).toMatchObject({ code: "storage_unavailable", retryable: true });
    expect(unwritten.message).toContain("connect the pool to the primary");
  });

  it("is warned of where it may lose what was acknowledged", async () => {
    const warnings: string[] = [];
    const logger = { ...quiet, warn: (message: string) => warnings.push(message) };
    await ledgers.open({ logger }, poolWith("synchronous_commit=off")).open();
    expect(warnings.map((warning) => /ownline: (\w+) is off/.exec(warning)?.[1])).toEqual([
      "synchronous_commit",
      "fsync",
    ]);
  });

  it("is unavailable, to be asked again, where no server listens, and shows no secret", async () => {
    const pool = new pg.Pool({ connectionString: "postgres://someone:s3cret@127.0.0.1:1/service" });
    pools.push(pool);
    const refused = await failure(postgres(pool, { logger: quiet }).recordInbound(text("m1")));
    expect(refused).toMatchObject({ code: "storage_unavailable", retryable: true });
    expect(refused.message).not.toMatch(/s3cret|someone|\+1555/);
  });

  it.each([
    ["57P01", true],
    ["53300", true],
    ["53100", true],
    ["57014", true],
    ["08006", true],
    ["28P01", false],
    ["42501", false],
    ["23505", false],
  ])("answers %s with a remedy", async (code, retryable) => {
    const pool: PostgresPool = {
      query: async () => {
        throw Object.assign(new Error("Key (participant)=(+15550199001) is at fault"), { code });
      },
    };
    const shown = await failure(postgres(pool, { logger: quiet }).consent("k"));
    expect(shown).toMatchObject({ code: "storage_unavailable", retryable });
    expect(shown.message).not.toContain("+1555");
  });

  it("is asked again at once after a deadlock or a failed serialization, and not for ever", async () => {
    const codes = ["40P01", "40001"];
    const pool: PostgresPool = {
      async query(sql, values) {
        const code = codes.shift();
        if (code !== undefined) throw Object.assign(new Error("in the way"), { code });
        return await ledgers.pool.query(sql, values);
      },
    };
    const storage = postgres(pool, { schema: ledgers.schema, logger: quiet });
    expect((await storage.recordInbound(text("m1"))).outcome).toBe("recorded");
    codes.push(...Array.from({ length: 50 }, () => "40P01"));
    expect(await failure(storage.recordInbound(text("m2")))).toMatchObject({ retryable: true });
    expect(codes.length).toBe(45);
  });
});

describe("options", () => {
  it("refuse what cannot be meant", () => {
    const pool = ledgers.pool;
    expect(() => Reflect.apply(postgres, undefined, [undefined])).toThrow(/needs a Pool of pg/);
    expect(() => postgres(pool, { schema: 'x"; drop' })).toThrow(/schema must be a name/);
    expect(() => postgres(pool, { groupCommit: { maxBatch: 0 } })).toThrow(/maxBatch/);
    expect(() => postgres(pool, { groupCommit: { maxDelayMs: -1 } })).toThrow(/maxDelayMs/);
  });
});

describe("a pooler in transaction mode", () => {
  it("may give every statement another connection", async () => {
    const clients = await Promise.all([1, 2, 3].map(() => ledgers.pool.connect()));
    let turn = 0;
    const pooler: PostgresPool = {
      query(sql, values) {
        turn += 1;
        const client = clients[turn % clients.length];
        if (client === undefined) throw new Error("no connection");
        return client.query(sql, values);
      },
    };
    try {
      const storage = postgres(pooler, { schema: ledgers.schema, logger: quiet });
      await storage.open();
      await storage.recordInbound(text("m1", 1, { body: "before\0after 👍🏽" }));
      const claimed = await claimOne(storage, { scope: "default", callId: "1", workerId: "w", leaseMs: 60_000 });
      expect(claimed?.messages.map(({ body }) => body)).toEqual(["before\0after 👍🏽"]);
      await storage.heartbeat({ scope: "default", callId: "2", workerId: "w", leaseMs: 60_000, lookInMs: 1_000 });
      const { conversation, turn: held, fence } = claimed ?? never();
      const lease = { workerId: "w", conversationId: conversation.id, turnId: held.id, fence };
      const part = { id: "r-1", body: "\ud800 alone", media: [], encoding: "UCS-2", segments: 1 } as const;
      const commit = { throughSeq: held.throughSeq, outcome: "replied", supersede: true, pause: false } as const;
      const done = await storage.commitTurn({ callId: "3", ...lease, ...commit, parts: [part], expiryMs: 60_000 });
      expect(done).toMatchObject({ outcome: "committed", messages: [{ body: "\ud800 alone" }] });
      const send = {
        scope: "default",
        workerId: "w",
        leaseMs: 60_000,
        outboundId: "r-1",
        orderWaitMs: 0,
        conditions: FREE,
      };
      expect(await storage.claimSend({ callId: "4", ...send })).toMatchObject({ outcome: "claimed", attempt: 1 });
    } finally {
      for (const client of clients) client.release();
    }
  });
});

function never(): ClaimedTurn {
  throw new Error("nothing was claimed");
}
