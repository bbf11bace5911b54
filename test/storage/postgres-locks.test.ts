import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type PostgresPool, postgres } from "../../src/storage/postgres.ts";
import type { SendConditions, Storage } from "../../src/storage/storage.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { type PostgresLedgers, postgresLedgers, quiet } from "./postgres-ledgers.ts";
import { post, text } from "./postgres-texts.ts";

const FREE: SendConditions = { consent: true, unpaused: true, delayMs: 0, cancel: null, counters: [], rateLimit: null };

const OTHER_LINE = "+15550100002";

let ledgers: PostgresLedgers;

beforeAll(async () => {
  ledgers = await postgresLedgers();
});

afterEach(() => ledgers.empty());

afterAll(() => ledgers.dispose());

/**
 * What locks several conversations at once. Person 1 has `c-a` and `c-b`, on two lines, with a waiting message in each.
 */
const REACHING: readonly (readonly [string, "apply" | "erase" | "purge", (storage: Storage) => Promise<unknown>])[] = [
  [
    "an opt-out",
    "apply",
    (storage) => {
      const consent = { state: "opted-out", source: "word" } as const;
      return storage.recordInbound(text("stop", 1, { needsAnswer: false, consent, line: OTHER_LINE }));
    },
  ],
  [
    "messages that share a decision",
    "apply",
    (storage) => Promise.all([text("m1", 1, { line: OTHER_LINE }), text("m2")].map(storage.recordInbound)),
  ],
  [
    "a callback that says that the person has opted out",
    "apply",
    (storage) => {
      const report = {
        outboundId: "b-1",
        attempt: 1,
        providerMessageId: "SM1",
        status: "failed",
        rawStatus: "failed",
      } as const;
      return storage.recordStatus({ callId: "r", ...report, error: null, optOut: true });
    },
  ],
  [
    "a heartbeat that reclaims",
    "apply",
    (storage) => storage.heartbeat({ scope: "default", callId: "h", workerId: "w1", leaseMs: 60_000, lookInMs: 1_000 }),
  ],
  [
    "suspicion",
    "apply",
    (storage) => storage.markUnknown({ scope: "default", callId: "s", limit: 10, lookInMs: 1_000 }),
  ],
  ["an erasure", "erase", (storage) => storage.erase({ callId: "e", participant: post("a").participant, line: null })],
  ["a purge", "purge", (storage) => storage.purge({ callId: "p", olderThanMs: -1_000, limit: 10 })],
];

describe("what reaches into several conversations", () => {
  it.each(REACHING)("locks them in the order of their ids: %s", async (_, name, act) => {
    const storage = ledgers.open();
    for (const [id, line] of [
      ["b", OTHER_LINE],
      ["a", post("a").line],
    ] as const) {
      await storage.recordOutbound({ ...post(id), line });
      await storage.recordInbound(text(`done-${id}`, 1, { line, needsAnswer: false }));
      // A worker whose time is over at once.
      const claim = {
        scope: "default",
        workerId: "expired",
        leaseMs: 0,
        outboundId: `${id}-1`,
        orderWaitMs: 0,
        conditions: FREE,
      };
      expect(await storage.claimSend({ callId: id, ...claim })).toMatchObject({ outcome: "claimed" });
    }
    const client = await ledgers.pool.connect();
    const lock = (id: string) =>
      client.query(`select 1 from "${ledgers.schema}".ownline_conversations where id = $1 for update skip locked`, [
        id,
      ]);
    try {
      await client.query("begin");
      expect((await lock("c-b")).rows).toHaveLength(1);
      const acting = act(storage);
      await ledgers.untilItWaits(name);
      // It waits for the second, so it must have the first.
      expect((await lock("c-a")).rows).toHaveLength(0);
      await client.query("rollback");
      await acting;
    } finally {
      await client.query("rollback");
      client.release();
    }
  });
});

const COUNTED = ["b", "a"].map(
  (key) => ({ key, windowMs: 60_000, max: 1e9, charge: 1, full: "wait", reason: "Enough." }) as const,
);

describe("a claim of a message", () => {
  const RATE_LIMIT = { key: "p", costMs: 1, reason: "Busy." };
  const claim = (storage: Storage, callId: string, outboundId: string, conditions: Partial<SendConditions>) =>
    storage.claimSend({
      scope: "default",
      callId,
      workerId: "w1",
      leaseMs: 60_000,
      outboundId,
      orderWaitMs: 0,
      conditions: { ...FREE, ...conditions },
    });

  /** Holds what `hold` locks while a claim of a second message is applied, and hands over what can be locked then. */
  async function whileClaiming(
    hold: string,
    conditions: Partial<SendConditions>,
    look: (isFree: (row: string) => Promise<boolean>) => Promise<void>,
  ): Promise<void> {
    const storage = ledgers.open();
    await storage.recordOutbound(post("b"));
    const client = await ledgers.pool.connect();
    try {
      await client.query("begin");
      await client.query(hold.replaceAll("ownline_", `"${ledgers.schema}".ownline_`));
      const claiming = claim(storage, "second", "b-1", conditions);
      await ledgers.untilItWaits("apply");
      await look(async (row) => {
        const sql = `select 1 from "${ledgers.schema}".ownline_${row} for update skip locked`;
        return (await client.query(sql)).rows.length > 0;
      });
      await client.query("rollback");
      expect((await claiming).outcome).toBe("claimed");
    } finally {
      await client.query("rollback");
      client.release();
    }
  }

  /** Makes the rows of counters, rate limit and worker. */
  async function claimedBefore(): Promise<void> {
    const storage = ledgers.open();
    await storage.recordOutbound(post("a", 2));
    expect((await claim(storage, "first", "a-1", { counters: COUNTED, rateLimit: RATE_LIMIT })).outcome).toBe(
      "claimed",
    );
  }

  it("locks its counters in the order of their keys, in any order that they are given in", async () => {
    await claimedBefore();
    const hold = "select 1 from ownline_counters where key = 'b' for update";
    await whileClaiming(hold, { counters: COUNTED }, async (isFree) => {
      expect(await isFree("counters where key = 'a'")).toBe(false);
    });
  });

  it("makes counters that are not there yet in that order too", async () => {
    const hold = "insert into ownline_counters (key, charged, ends_at, written_at) values ('b', 0, 0, 0)";
    await whileClaiming(hold, { counters: COUNTED }, async () => {
      // What the claim has made and not committed keeps others from making it.
      const other = await ledgers.pool.connect();
      try {
        await other.query("begin");
        await other.query("set local lock_timeout = '50ms'");
        const make = other.query(
          `insert into "${ledgers.schema}".ownline_counters (key, charged, ends_at, written_at) values ('a', 0, 0, 0)`,
        );
        await expect(make).rejects.toMatchObject({ code: "55P03" });
      } finally {
        await other.query("rollback");
        other.release();
      }
    });
  });

  it("locks its conversation before its counters and its worker", async () => {
    await claimedBefore();
    const conditions = { counters: COUNTED, rateLimit: { ...RATE_LIMIT, costMs: 0 } };
    await whileClaiming(
      "select 1 from ownline_conversations where id = 'c-b' for update",
      conditions,
      async (isFree) => {
        expect(await isFree("counters where key = 'a'")).toBe(true);
        expect(await isFree("workers where id = 'w1'")).toBe(true);
      },
    );
  });

  it("waits last for its counters, which others charge too, so that these wait for its commit alone", async () => {
    await claimedBefore();
    const conditions = { counters: COUNTED, rateLimit: { ...RATE_LIMIT, costMs: 0 } };
    await whileClaiming("select 1 from ownline_counters where key = 'a' for update", conditions, async (isFree) => {
      expect(await isFree("conversations where id = 'c-b'")).toBe(false);
      expect(await isFree("workers where id = 'w1'")).toBe(false);
      expect(await isFree("counters where key = 'b'")).toBe(true);
    });
  });
});

describe("operations that meet", () => {
  it("let no text slip past a STOP, though its conversation is not there yet when the STOP comes", async () => {
    const storage = ledgers.open();
    const client = await ledgers.pool.connect();
    // The commit of a text on another line is held back, with the very calls that the ledger makes.
    const held: PostgresPool = { query: (sql, values) => client.query(sql, values) };
    try {
      await client.query("begin");
      const writing = postgres(held, { schema: ledgers.schema, logger: quiet });
      await writing.recordOutbound({ ...post("g1"), line: "+15550100002" });
      const consent = { state: "opted-out", source: "word" } as const;
      const stopping = storage.recordInbound(text("stop", 1, { needsAnswer: false, consent }));
      await ledgers.untilItWaits("apply");
      await client.query("commit");
      expect((await stopping).cancelled.map(({ id }) => id)).toEqual(["g1-1", "g1-2"]);
    } finally {
      client.release();
    }
  });

  it("let a START wait for a STOP of the same person, but not two plain texts for each other", async () => {
    const storage = ledgers.open();
    const client = await ledgers.pool.connect();
    const held: PostgresPool = { query: (sql, values) => client.query(sql, values) };
    try {
      await client.query("begin");
      const writing = postgres(held, { schema: ledgers.schema, logger: quiet });
      await writing.recordInbound(text("m1"));
      await storage.recordInbound(text("m2", 1, { line: OTHER_LINE }));
      const consent = { state: "opted-in", source: "word" } as const;
      const starting = storage.recordInbound(text("start", 1, { needsAnswer: false, consent, line: OTHER_LINE }));
      await ledgers.untilItWaits("apply");
      await client.query("commit");
      expect((await starting).consentChanged).toBe(true);
    } finally {
      client.release();
    }
  });

  it("never lock each other out, however many work on few conversations", async () => {
    const handles = [ledgers.open(), ledgers.open({ groupCommit: false }, ledgers.connect())];
    const deadlocks = async () => {
      const { rows } = await ledgers.pool.query(
        "select pg_stat_force_next_flush(), deadlocks::integer as n from pg_stat_database where datname = current_database()",
      );
      return rows[0].n;
    };
    const before = await deadlocks();
    const counter = (key: string) => {
      return { key, windowMs: 60_000, max: 1e9, charge: 1, full: "wait", reason: "Enough." } as const;
    };
    let n = 0;
    const work = async (storage: (typeof handles)[number], workerId: string, round: number) => {
      n += 1;
      const callId = `${workerId} ${n}`;
      const person = n % 3;
      // One person on two lines: a STOP reaches into both conversations.
      const line = n % 2 === 0 ? "+15550100001" : "+15550100002";
      const state = round % 5 === 4 ? "opted-in" : round % 5 === 2 ? "opted-out" : null;
      const consent = state === null ? null : ({ state, source: "word" } as const);
      const sent = post(`g${n}`, person);
      const keys = n % 2 === 0 ? ["a", "b"] : ["b", "a"];
      const rateLimit = { key: line, costMs: 1, reason: "Busy." };
      const conditions = { ...FREE, counters: keys.map(counter), rateLimit };
      const claim = { scope: "default", workerId, leaseMs: 60_000, outboundId: `g${n}-1`, orderWaitMs: 0, conditions };
      const report = {
        outboundId: `g${n - 2}-1`,
        attempt: 1,
        providerMessageId: `SM${n}`,
        status: "sent",
        error: null,
      } as const;
      await Promise.all([
        storage.recordInbound(text(`m${n}`, person, { line, consent })),
        storage.recordOutbound({ ...sent, line }).then(() => storage.claimSend({ callId, ...claim })),
        claimOne(storage, { scope: "default", callId, workerId, leaseMs: 1 }),
        storage.heartbeat({ scope: "default", callId, workerId, leaseMs: 1, lookInMs: 1 }),
        storage.recordStatus({ callId, ...report, rawStatus: "sent", optOut: round % 7 === 3 }),
        storage.due({ scope: "default", workerId: "w1", limit: 10 }),
        round % 9 === 5 ? storage.erase({ callId, participant: sent.participant, line: null }) : null,
        round % 4 === 1 ? storage.purge({ callId, olderThanMs: 0, limit: 5 }) : null,
        round % 6 === 1 ? storage.markUnknown({ scope: "default", callId, limit: 3, lookInMs: 1 }) : null,
      ]);
    };
    const workers = handles.flatMap((storage, index) => [1, 2].map((at) => ({ storage, workerId: `w${index}${at}` })));
    await Promise.all(
      workers.map(async ({ storage, workerId }) => {
        for (let round = 0; round < 20; round += 1) await work(storage, workerId, round);
      }),
    );
    expect((await deadlocks()) - before).toBe(0);
  }, 120_000);
});
