import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { isOwnlineError } from "../../src/errors.ts";
import type { PostgresPool } from "../../src/storage/postgres.ts";
import { postgres } from "../../src/storage/postgres.ts";
import { type PostgresLedgers, postgresLedgers, quiet } from "./postgres-ledgers.ts";
import { text } from "./postgres-texts.ts";

let ledgers: PostgresLedgers;

beforeAll(async () => {
  ledgers = await postgresLedgers();
});

afterEach(() => ledgers.empty());

afterAll(() => ledgers.dispose());

/** How many transactions wrote the texts that are there. */
async function commits(): Promise<number> {
  const { rows } = await ledgers.pool.query(
    `select count(distinct xmin::text)::integer as n from "${ledgers.schema}".ownline_messages`,
  );
  return rows[0].n;
}

/** Counts what passes, and lets a test stand in the way. */
function watched(
  before: (sql: string) => Promise<void> | void = () => {},
): PostgresPool & { readonly calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    async query(sql, values) {
      calls.push(/ownline_1_(\w+)/.exec(sql)?.[1] ?? sql);
      await before(sql);
      return await ledgers.pool.query(sql, values);
    },
  };
}

function over(pool: PostgresPool, groupCommit: { maxBatch?: number; maxDelayMs?: number } | false = {}) {
  return postgres(pool, { schema: ledgers.schema, logger: quiet, groupCommit });
}

/** A promise with its key. */
function opened() {
  let resolve = () => {};
  const promise = new Promise<void>((open) => {
    resolve = open;
  });
  return { promise, resolve: () => resolve() };
}

describe("group commit", () => {
  it("records what arrives at once in one commit, and answers each caller about its own text", async () => {
    const storage = over(ledgers.pool);
    const texts = Array.from({ length: 40 }, (_, n) => text(`m${n}`, n % 7));
    const recorded = await Promise.all(texts.map((one) => storage.recordInbound(one)));
    expect(recorded.map(({ message }) => message?.id)).toEqual(texts.map(({ messageId }) => messageId));
    expect(recorded.map(({ message }) => message?.from)).toEqual(texts.map(({ participant }) => participant));
    expect(await commits()).toBe(1);
  });

  it("keeps the order in which the texts of one conversation came", async () => {
    const storage = over(ledgers.pool, { maxBatch: 4 });
    const texts = Array.from({ length: 12 }, (_, n) => text(`m${n}`, n % 2));
    const recorded = await Promise.all(texts.map((one) => storage.recordInbound(one)));
    expect(recorded.map(({ message }) => message?.seq)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
    expect(await commits()).toBe(3);
  });

  it("collects what comes while a commit is under way, without a timer", async () => {
    const barrier = opened();
    const pool = watched((sql) => (sql.includes("_load(") ? barrier.promise : undefined));
    const storage = over(pool);
    const first = storage.recordInbound(text("m1"));
    await new Promise((resolve) => setImmediate(resolve));
    const later = [2, 3, 4].map((n) => storage.recordInbound(text(`m${n}`)));
    barrier.resolve();
    await Promise.all([first, ...later]);
    expect(pool.calls).toEqual(["load", "apply", "load", "apply"]);
    expect(await commits()).toBe(2);
  });

  it("answers no caller before the commit", async () => {
    const barrier = opened();
    const entered = opened();
    const storage = over({
      async query(sql, values) {
        const result = await ledgers.pool.query(sql, values);
        entered.resolve();
        await barrier.promise;
        return result;
      },
    });
    let answered = 0;
    const calls = ["m1", "m2"].map(async (id) => {
      await storage.recordInbound(text(id));
      answered += 1;
    });
    await entered.promise;
    expect(answered).toBe(0);
    barrier.resolve();
    await Promise.all(calls);
    expect(answered).toBe(2);
  });

  it("lets a text that fails fail alone", async () => {
    const storage = over(ledgers.pool);
    await storage.recordInbound(text("taken"));
    // Another key, but an id that is taken.
    const bad = text("taken", 1, { key: "account:other" });
    const results = await Promise.allSettled([text("m1"), bad, text("m2"), text("m3", 2)].map(storage.recordInbound));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
    const reason = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []))[0];
    expect(isOwnlineError(reason) && [reason.code, reason.retryable]).toEqual(["storage_unavailable", false]);
    const kept = await Promise.all(["m1", "m2", "m3"].map((id) => storage.story(id)));
    expect(kept.map((story) => story?.message.seq)).toEqual([2, 3, 1]);
  });

  it("rejects every caller when the commit is lost, and records each text once when they come again", async () => {
    let broken = true;
    const storage = over({
      async query(sql, values) {
        const result = await ledgers.pool.query(sql, values);
        if (broken && sql.includes("_apply("))
          throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
        return result;
      },
    });
    const texts = ["m1", "m2", "m3"].map((id) => text(id));
    const lost = await Promise.allSettled(texts.map(storage.recordInbound));
    for (const result of lost) {
      const reason: unknown = result.status === "rejected" ? result.reason : undefined;
      expect(isOwnlineError(reason) && [reason.code, reason.retryable]).toEqual(["storage_unavailable", true]);
    }
    broken = false;
    const again = await Promise.all(texts.map(storage.recordInbound));
    expect(again.map(({ outcome, message }) => [outcome, message?.seq])).toEqual([
      ["repeated", 1],
      ["repeated", 2],
      ["repeated", 3],
    ]);
  });

  it("answers `repeated` for a key that comes twice in one commit", async () => {
    const storage = over(ledgers.pool);
    const results = await Promise.all([text("m1"), text("m1"), text("m2")].map(storage.recordInbound));
    expect(results.map(({ outcome }) => outcome)).toEqual(["recorded", "repeated", "recorded"]);
  });

  it("leaves a text that changes a consent a commit of its own", async () => {
    const storage = over(ledgers.pool);
    const stop = text("stop", 1, { needsAnswer: false, consent: { state: "opted-out", source: "word" } });
    await Promise.all([text("m1"), stop, text("m2")].map(storage.recordInbound));
    expect(await commits()).toBe(3);
  });

  it("waits for others where its options ask for it", async () => {
    const storage = over(ledgers.pool, { maxDelayMs: 20 });
    const first = storage.recordInbound(text("m1"));
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([first, storage.recordInbound(text("m2"))]);
    expect(await commits()).toBe(1);
  });

  it("gives each text a commit of its own where it is switched off", async () => {
    const storage = over(ledgers.pool, false);
    await Promise.all(["m1", "m2", "m3"].map((id) => storage.recordInbound(text(id))));
    expect(await commits()).toBe(3);
  });
});
