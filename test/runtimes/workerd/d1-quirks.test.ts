import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { type Ownline, ownline } from "ownline";
import { type D1DatabaseLike, d1 } from "ownline/storage/d1";
import { migrations } from "ownline/storage/d1-migrations";
import { fakeTransport } from "ownline/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { inboundRecord as text } from "../../storage/inbound-record.ts";
import { clear, exec } from "./database.ts";

const SECRET = /^[0-9a-f]{64}$/;

beforeEach(() => clear(env.MIGRATED));

/** wrangler forgets what it has applied, so that the files run once more. */
async function applyAgain(): Promise<void> {
  await exec(env.MIGRATED, "drop table d1_migrations");
  await applyD1Migrations(env.MIGRATED, env.MIGRATIONS);
}

const steps = () => exec(env.MIGRATED, "select version from ownline_migrations");

describe("the schema", () => {
  it("is asked for, and how to get it is said, by open() and by every other call", async () => {
    const missing = {
      code: "storage_unmigrated",
      message: expect.stringMatching(/wrangler d1 migrations apply.*storage\.migrate\(\)/),
    };
    await expect(d1(env.MIGRATED).open()).rejects.toMatchObject(missing);
    await expect(d1(env.MIGRATED).recordInbound(text("m1"))).rejects.toMatchObject(missing);
    await expect(d1(env.MIGRATED).conversations({ limit: 1 })).rejects.toMatchObject(missing);
  });

  it("comes with open() where the options say so", async () => {
    const storage = d1(env.MIGRATED, { migrations, migrate: true });
    const { secret } = await storage.open();
    expect(secret).toMatch(SECRET);
    await expect(d1(env.MIGRATED).open()).resolves.toEqual({ secret });
  });

  it("comes from wrangler's migrations, and migrate() has nothing left to do", async () => {
    await applyD1Migrations(env.MIGRATED, env.MIGRATIONS);
    const storage = d1(env.MIGRATED, { migrations });
    const { secret } = await storage.open();
    expect(secret).toMatch(SECRET);
    await storage.migrate();
    await expect(storage.open()).resolves.toEqual({ secret });
    expect(await steps()).toEqual([{ version: 1 }]);
    expect((await storage.recordInbound(text("m1"))).outcome).toBe("recorded");
  });

  it("comes from migrate(), and wrangler's migrations change nothing, texts and secret least of all", async () => {
    const storage = d1(env.MIGRATED, { migrations });
    await storage.migrate();
    const { secret } = await storage.open();
    await storage.recordInbound(text("m1"));
    await applyD1Migrations(env.MIGRATED, env.MIGRATIONS);
    await applyAgain();
    await expect(storage.open()).resolves.toEqual({ secret });
    expect(await steps()).toEqual([{ version: 1 }]);
    expect((await storage.recordInbound(text("m1"))).outcome).toBe("repeated");
  });

  it("is the same from both", async () => {
    const schema = () =>
      exec(env.MIGRATED, "select type, name, tbl_name from sqlite_master where name like 'ownline%' order by name");
    const columns = () =>
      exec(
        env.MIGRATED,
        `select t.name as of, c.* from sqlite_master t, pragma_table_info(t.name) c
        where t.type = 'table' and t.name like 'ownline%' order by t.name, c.cid`,
      );
    await migrations.apply(env.MIGRATED);
    const own = [await schema(), await columns()];
    await clear(env.MIGRATED);
    await applyD1Migrations(env.MIGRATED, env.MIGRATIONS);
    expect([await schema(), await columns()]).toEqual(own);
    expect(own.flat().length).toBeGreaterThan(100);
  });

  it("is made once by isolates that start together, while wrangler applies it too", async () => {
    const storages = Array.from({ length: 4 }, () => d1(env.MIGRATED, { migrations, migrate: true }));
    const [, ...opened] = await Promise.all([
      applyD1Migrations(env.MIGRATED, env.MIGRATIONS),
      ...storages.map((storage) => storage.open()),
    ]);
    expect(new Set(opened.map(({ secret }) => secret)).size).toBe(1);
    expect(await steps()).toEqual([{ version: 1 }]);
  });
});

/** How many batches an event of a Worker sends, and how many statements they hold. */
interface Cost {
  readonly batches: number;
  readonly statements: number;
}

/** A service over a database that notes down how many statements each batch has. */
function counted() {
  const batches: number[] = [];
  const database: D1DatabaseLike = {
    prepare: (sql) => env.MIGRATED.prepare(sql),
    batch(statements) {
      batches.push(statements.length);
      return env.MIGRATED.batch(statements);
    },
  };
  const provider = fakeTransport();
  /** Each event of a Worker makes a service of its own. */
  const service = () =>
    ownline({
      senders: ["+15550100001"],
      storage: d1(database),
      transport: provider,
      ai: () => "We open at nine.",
      burst: { quietMs: 0, maxWaitMs: 0 },
      worker: { leaseMs: 600_000 },
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    });
  /** What an event of a Worker costs. */
  const cost = async (event: (sms: Ownline) => Promise<unknown>): Promise<Cost> => {
    batches.length = 0;
    await event(service());
    return { batches: batches.length, statements: batches.reduce((sum, count) => sum + count, 0) };
  };
  return { provider, cost };
}

describe("the queries of a message", () => {
  it("are at most as many as the docstring of d1() says, event by event", async () => {
    await migrations.apply(env.MIGRATED);
    const { provider, cost } = counted();
    const texted = (from: string) => provider.text({ from, to: "+15550100001", body: "When do you open?" });
    const idle = await cost((sms) => sms.processDue());
    const webhook = await cost((sms) => sms.fetch(texted("+15550199001")));
    const answer = await cost((sms) => sms.processDue());
    const providerMessageId = provider.taken[0]?.providerMessageId ?? "";
    const callback = await cost((sms) => sms.fetch(provider.report({ providerMessageId, status: "delivered" })));
    expect(provider.taken).toHaveLength(1);
    const most = (batches: number, statements: number): Cost => ({ batches, statements });
    const allowed = { idle: most(7, 25), webhook: most(4, 12), answer: most(18, 86), callback: most(4, 16) };
    const costs = { idle, webhook, answer, callback };
    const isWithin = (spent: Cost, limit: Cost) =>
      spent.batches <= limit.batches && spent.statements <= limit.statements;
    expect(
      [
        isWithin(idle, allowed.idle),
        isWithin(webhook, allowed.webhook),
        isWithin(answer, allowed.answer),
        isWithin(callback, allowed.callback),
      ],
      JSON.stringify(costs),
    ).toEqual([true, true, true, true]);
  });
});

describe("what D1 keeps", () => {
  it("is what was said, with a NUL and half a surrogate pair in it", async () => {
    const storage = d1(env.MIGRATED, { migrations, migrate: true });
    await storage.open();
    const body = "a\0b\ud800c";
    expect((await storage.recordInbound(text("m1", { body }))).message?.body).toBe(body);
    expect((await storage.story("m1"))?.message.body).toBe(body);
  });

  it("is never an id that UTF-8 would change: it is refused", async () => {
    const storage = d1(env.MIGRATED, { migrations, migrate: true });
    await storage.open();
    const messageId = "a\ud800b";
    await expect(storage.recordInbound(text("m1", { messageId }))).rejects.toMatchObject({ code: "invalid_message" });
    const [kept] = await env.MIGRATED.batch([env.MIGRATED.prepare("select ? as id").bind(messageId)]);
    expect(kept?.results).not.toEqual([{ id: messageId }]);
  });

  it("bears the time of the database's clock, in whole milliseconds", async () => {
    const storage = d1(env.MIGRATED, { migrations, migrate: true });
    await storage.open();
    const now = async () =>
      Number(Object((await exec(env.MIGRATED, "select unixepoch('subsec') * 1000 as t"))[0]).t.toFixed(0));
    const before = await now();
    const { message } = await storage.recordInbound(text("m1"));
    expect(message?.createdAt).toBeGreaterThanOrEqual(before);
    expect(message?.createdAt).toBeLessThanOrEqual(await now());
    expect(message?.createdAt).toSatisfy(Number.isInteger);
  });
});

/** The database, whose next call fails as D1 says that it can. */
function failing(message: string): D1DatabaseLike {
  let left = 1;
  return {
    prepare: (sql) => env.MIGRATED.prepare(sql),
    batch(statements) {
      if (left === 0) return env.MIGRATED.batch(statements);
      left -= 1;
      return Promise.reject(new Error(message));
    },
  };
}

describe("a D1 that refuses", () => {
  // The messages of https://developers.cloudflare.com/d1/observability/debug-d1/.
  it.each([
    "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
    "D1_ERROR: Network connection lost.",
    "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
    "D1_ERROR: disk I/O error: SQLITE_IOERR",
    "D1_ERROR: database or disk is full: SQLITE_FULL",
  ])("may be asked again after %j", async (message) => {
    await migrations.apply(env.MIGRATED);
    const storage = d1(failing(message));
    await expect(storage.recordInbound(text("m1"))).rejects.toMatchObject({
      code: "storage_unavailable",
      retryable: true,
      cause: { message },
    });
    expect((await storage.recordInbound(text("m1"))).outcome).toBe("recorded");
  });

  it("is not asked again for a text that is too large", async () => {
    await migrations.apply(env.MIGRATED);
    const storage = d1(failing("D1_ERROR: string or blob too big: SQLITE_TOOBIG"));
    const tooLarge = { code: "storage_unavailable", retryable: false, message: expect.stringContaining("2 MB") };
    await expect(storage.recordInbound(text("m1"))).rejects.toMatchObject(tooLarge);
  });

  it("is not asked again for an id that was given twice, and has written nothing", async () => {
    const storage = d1(env.MIGRATED, { migrations, migrate: true });
    await storage.open();
    await storage.recordInbound(text("m1"));
    await expect(storage.recordInbound(text("m1", { key: "account:other" }))).rejects.toMatchObject({
      code: "storage_unavailable",
      retryable: false,
      message: expect.stringContaining("unique"),
      cause: { message: expect.stringContaining("SQLITE_CONSTRAINT") },
    });
    expect(await exec(env.MIGRATED, "select key from ownline_keys")).toEqual([{ key: "account:m1" }]);
  });
});

describe("a mistaken call", () => {
  const bothWays = {
    code: "invalid_options",
    message: expect.stringMatching(/"ownline\/storage\/d1-migrations".*wrangler d1 migrations apply/),
  };

  it("is to migrate without the migrations: both ways are said", async () => {
    expect(() => d1(env.MIGRATED, { migrate: true })).toThrow(expect.objectContaining(bothWays));
    await expect(d1(env.MIGRATED).migrate()).rejects.toMatchObject(bothWays);
  });

  it.each([undefined, null, "DB", {}])("refuses %j in the place of the database, and names wrangler.jsonc", (given) => {
    expect(() => Reflect.apply(d1, undefined, [given])).toThrow(
      expect.objectContaining({ code: "invalid_options", message: expect.stringContaining("wrangler.jsonc") }),
    );
  });
});
