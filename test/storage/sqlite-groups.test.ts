import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { type SqliteDatabase, sqlite } from "../../src/storage/sqlite.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { inboundRecord as text } from "./inbound-record.ts";

/** A ledger in memory, and how many transactions it has committed. */
async function counted() {
  const database = new DatabaseSync(":memory:");
  let commits = 0;
  const counting: SqliteDatabase = {
    get isTransaction() {
      return database.isTransaction;
    },
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        all: (...params) => statement.all(...params),
        run(...params) {
          if (sql === "commit") commits += 1;
          return statement.run(...params);
        },
      };
    },
  };
  const storage = sqlite(counting);
  await storage.open();
  const before = commits;
  return { database, storage, commits: () => commits - before };
}

const people = Array.from({ length: 20 }, (_, index) => `+155501990${10 + index}`);

describe("calls of one tick", () => {
  it("share a commit", async () => {
    const { storage, commits } = await counted();
    const calls = people.map((participant) => storage.recordInbound(text(participant, { participant })));
    const outcomes = (await Promise.all(calls)).map(({ outcome }) => outcome);
    expect(new Set(outcomes)).toEqual(new Set(["recorded"]));
    expect(commits()).toBe(1);
    await storage.close();
  });

  it("keep the order of each person's messages", async () => {
    const { storage, commits } = await counted();
    const ids = people.flatMap((participant) => [1, 2, 3].map((n) => ({ participant, id: `${participant}-${n}` })));
    const recorded = await Promise.all(
      ids.map(({ participant, id }) => storage.recordInbound(text(id, { participant }))),
    );
    expect(recorded.map(({ message }) => message?.seq)).toEqual(ids.map(({ id }) => Number(id.at(-1))));
    expect(commits()).toBe(1);
    await storage.close();
  });

  it("keep a STOP behind what the person wrote before it", async () => {
    const { storage } = await counted();
    const consent = { state: "opted-out", source: "word" } as const;
    const records = [text("m1"), text("m2", { body: "STOP", needsAnswer: false, consent }), text("m3")];
    const recorded = await Promise.all(records.map((record) => storage.recordInbound(record)));
    expect(recorded.map(({ message }) => [message?.seq, message?.needsAnswer])).toEqual([
      [1, true],
      [2, false],
      [3, false],
    ]);
    await storage.close();
  });

  it("of which one is at fault fail alone: the others are recorded", async () => {
    for (const fault of [{ key: "a\0b" }, { messageId: "m1", participant: "+15550199099" }]) {
      const { storage } = await counted();
      await storage.recordInbound(text("m1"));
      const calls = people.map((participant, index) =>
        storage.recordInbound(text(participant, { participant, ...(index === 7 ? fault : {}) })),
      );
      const settled = await Promise.allSettled(calls);
      const failed = settled.flatMap((one, index) => (one.status === "rejected" ? [index] : []));
      expect(failed).toEqual([7]);
      const { conversations } = await storage.conversations({ limit: 100 });
      expect(conversations).toHaveLength(people.length);
      await storage.close();
    }
  });

  it("with one call id get one answer, and happen once", async () => {
    const { database, storage } = await counted();
    await storage.recordInbound(text("m1"));
    const claim = { scope: "default", callId: "1", workerId: "w", leaseMs: 1_000 };
    const claims = await Promise.all([claimOne(storage, claim), claimOne(storage, claim), claimOne(storage, claim)]);
    expect(claims[0]).toMatchObject({ turn: { runs: 1 }, fence: 1 });
    expect(new Set(claims.map((one) => JSON.stringify(one))).size).toBe(1);

    const sweep = { callId: "2", workerId: "w", sender: "+15550100001", everyMs: 1_000, leaseMs: 1_000 };
    const sweeps = await Promise.all([storage.claimSweep(sweep), storage.claimSweep(sweep)]);
    expect(sweeps).toEqual([
      { watermark: null, fence: 1 },
      { watermark: null, fence: 1 },
    ]);

    const callId = { callId: "3", consentKey: "consent", consent: { state: "opted-out", source: "word" } as const };
    const stops = await Promise.all([
      storage.recordInbound(text("m2", callId)),
      storage.recordInbound(text("m2", callId)),
    ]);
    expect(stops.map(({ outcome, consentChanged }) => [outcome, consentChanged])).toEqual([
      ["recorded", true],
      ["recorded", true],
    ]);

    const order = { callId: "4", participant: "+15550199001", line: null };
    const erasures = await Promise.all([storage.erase(order), storage.erase(order)]);
    expect(erasures).toEqual([
      { conversations: 1, messages: 2 },
      { conversations: 1, messages: 2 },
    ]);
    expect(database.prepare("select count(*) as n from ownline_messages").get()).toEqual({ n: 0 });
    await storage.close();
  });
});
