import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { SendConditions, Storage } from "../../src/storage/storage.ts";
import { type PostgresLedgers, postgresLedgers } from "./postgres-ledgers.ts";
import { post, text } from "./postgres-texts.ts";

const FREE: SendConditions = { consent: true, unpaused: true, delayMs: 0, cancel: null, counters: [], rateLimit: null };

let ledgers: PostgresLedgers;

beforeAll(async () => {
  ledgers = await postgresLedgers();
});

afterEach(() => ledgers.empty());

afterAll(() => ledgers.dispose());

/** Has `act` wait for a lock that `change` took, and commits the change meanwhile. */
async function whileItWaits<T>(change: string, name: "apply" | "purge", act: () => Promise<T>): Promise<T> {
  const client = await ledgers.pool.connect();
  try {
    await client.query("begin");
    await client.query(change.replaceAll("ownline_", `"${ledgers.schema}".ownline_`));
    const acting = act();
    await ledgers.untilItWaits(name);
    await client.query("commit");
    return await acting;
  } finally {
    client.release();
  }
}

async function claim(storage: Storage, id: string, leaseMs: number, conditions: Partial<SendConditions> = {}) {
  const order = { scope: "default", workerId: `worker of ${id}`, leaseMs, outboundId: `${id}-1`, orderWaitMs: 0 };
  return await storage.claimSend({ callId: `claim ${id}`, ...order, conditions: { ...FREE, ...conditions } });
}

describe("what has changed while a lock was waited for", () => {
  it("keeps a worker alive that was heard of", async () => {
    const storage = ledgers.open();
    await storage.recordOutbound(post("a"));
    // Its time is over at once.
    await claim(storage, "a", 0);
    const change = `
      with held as (select 1 from ownline_conversations where id = 'c-a' for update)
      update ownline_workers set alive_until = alive_until + 3600000 where exists (select from held)`;
    const heartbeat = { scope: "default", callId: "heartbeat", workerId: "other", leaseMs: 60_000, lookInMs: 1_000 };
    const { unsettled } = await whileItWaits(change, "apply", () => storage.heartbeat(heartbeat));
    expect(unsettled).toEqual([]);
    expect((await storage.story("a-1"))?.message).toMatchObject({ status: "sending" });
  });

  it("keeps a message from being purged", async () => {
    const storage = ledgers.open();
    const { conversation } = await storage.recordInbound(text("m1", 1, { needsAnswer: false }));
    const change = `
      with held as (select 1 from ownline_conversations where id = '${conversation?.id}' for update)
      update ownline_messages set needs_answer = true where exists (select from held)`;
    const purged = await whileItWaits(change, "purge", () =>
      storage.purge({ callId: "p", olderThanMs: -1_000, limit: 10 }),
    );
    expect(purged).toEqual({ conversations: 0, messages: 0 });
    expect(await storage.story("m1")).not.toBeNull();
  });

  it("is seen by a text of the same conversation", async () => {
    const storage = ledgers.open();
    await storage.recordInbound(text("m1", 1, { conversationId: "c" }));
    const change = "update ownline_conversations set seq = 7, inbound_seq = 7, version = version + 1 where id = 'c'";
    const { message } = await whileItWaits(change, "apply", () => storage.recordInbound(text("m2")));
    expect(message?.seq).toBe(8);
  });

  it("gives a message the place behind it in a rate limit", async () => {
    const storage = ledgers.open();
    const rateLimit = { key: "p", costMs: 1_000, reason: "Busy." };
    for (const id of ["a", "b"]) await storage.recordOutbound(post(id, id));
    expect((await claim(storage, "a", 60_000, { rateLimit })).outcome).toBe("claimed");
    const change = "update ownline_rate_limits set free_at = free_at + 3600000, version = version + 1";
    expect(await whileItWaits(change, "apply", () => claim(storage, "b", 60_000, { rateLimit }))).toMatchObject({
      outcome: "waiting",
    });
    const { rows } = await ledgers.pool.query(
      `select m.reserved_at - m.created_at > 3000000 as is_behind from "${ledgers.schema}".ownline_messages m
        where m.id = 'b-1'`,
    );
    expect(rows).toEqual([{ is_behind: true }]);
  });

  it("has a message judged anew whose counter is full now", async () => {
    const storage = ledgers.open();
    const counters = [
      { key: "k", windowMs: 3_600_000, max: 2, charge: 1, full: "wait", reason: "The limit is reached." } as const,
    ];
    for (const id of ["a", "b"]) await storage.recordOutbound(post(id, id));
    expect((await claim(storage, "a", 60_000, { counters })).outcome).toBe("claimed");
    const change = "update ownline_counters set charged = 2 where key = 'k'";
    expect(await whileItWaits(change, "apply", () => claim(storage, "b", 60_000, { counters }))).toMatchObject({
      outcome: "waiting",
      reason: "The limit is reached.",
    });
    expect(await storage.counters(["k"])).toMatchObject([{ key: "k", count: 2 }]);
  });

  it("shows a text whose key another process recorded since", async () => {
    const storage = ledgers.open();
    // A key that leads nowhere is that of an erased text.
    const change = `insert into ownline_keys (kind, key, ref, call) values ('inbound', '${text("m1").key}', null, 'x')`;
    const recorded = await whileItWaits(change, "apply", () => storage.recordInbound(text("m1")));
    expect(recorded.outcome).toBe("erased");
    expect(await storage.story("m1")).toBeNull();
  });
});
