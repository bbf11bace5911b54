import { MongoNetworkError, MongoServerError } from "mongodb";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { memory } from "../../src/storage/memory.ts";
import { INDEXES, type Index, TABLES } from "../../src/storage/mongodb/schema.ts";
import { type MongoDb, mongodb } from "../../src/storage/mongodb.ts";
import type { InboundRecord, SendConditions, Storage } from "../../src/storage/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { mongodbForTests, skipNote } from "../databases/mongodb.ts";
import { type Command, wrapped } from "../databases/mongodb-wrapped.ts";
import { inboundRecord } from "./inbound-record.ts";

const url = inject("mongodbUrl");
const LINE = "+15550100001";
const PERSON = "+15550199001";
const FREE: SendConditions = {
  consent: true,
  unpaused: true,
  delayMs: 0,
  cancel: null,
  counters: [{ key: "hourly", windowMs: 60_000, max: 50, charge: 1, full: "wait", reason: "Too many." }],
  pace: { key: "line", costMs: 0, reason: "The sender is busy." },
};

function textOf(id: string, overrides: Partial<InboundRecord> = {}): InboundRecord {
  return inboundRecord(id, { messageId: `m-${id}`, consentKey: `consent of ${PERSON}`, ...overrides });
}

function part(id: string) {
  return { id, body: "Your table is ready.", media: [], encoding: "GSM-7", segments: 1 } as const;
}

type Call = (storage: Storage, advance: (ms: number) => Promise<void>) => Promise<unknown>;

/** Every method that writes, in a story that needs each of them once. */
const STORY: readonly Call[] = [
  (s) => s.recordInbound(textOf("1", { autoReply: { ...part("a-1"), conditions: FREE } })),
  (s) => s.recordInbound(textOf("2")),
  (s) => s.claimTurn({ op: "1", workerId: "w1", leaseMs: 15_000 }),
  (s) =>
    s.releaseTurn({
      op: "2",
      workerId: "w1",
      conversationId: "c-1",
      turnId: "tm-1",
      fence: 1,
      reason: "stopped",
      retryInMs: 0,
    }),
  (s) => s.claimTurn({ op: "3", workerId: "w1", leaseMs: 15_000 }),
  (s) =>
    s.commitTurn({
      op: "4",
      workerId: "w1",
      conversationId: "c-1",
      turnId: "tm-1",
      fence: 2,
      throughSeq: 3,
      outcome: "fallback",
      supersede: true,
      pause: false,
      parts: [part("tm-1-1"), part("tm-1-2")],
      expiryMs: 600_000,
    }),
  (s) => s.requeueTurn({ op: "5", turnId: "tm-1" }),
  (s) => s.setPaused({ op: "6", conversationId: "c-1", paused: true, skipPending: false }),
  (s) => s.setPaused({ op: "7", conversationId: "c-1", paused: false, skipPending: true }),
  (s) =>
    s.claimSend({
      op: "8",
      workerId: "w1",
      leaseMs: 15_000,
      outboundId: "tm-1-1",
      orderWaitMs: 1_000,
      conditions: FREE,
    }),
  (s) =>
    s.recordSend({
      op: "9",
      outboundId: "tm-1-1",
      attempt: 1,
      result: { kind: "accepted", carrierId: "SM-out", status: "accepted" },
    }),
  (s) =>
    s.recordStatus({
      op: "10",
      outboundId: null,
      attempt: null,
      carrierId: "SM-out",
      status: "delivered",
      rawStatus: "delivered",
      error: null,
      optOut: false,
    }),
  (s) =>
    s.claimSend({
      op: "11",
      workerId: "w2",
      leaseMs: 15_000,
      outboundId: "tm-1-2",
      orderWaitMs: 1_000,
      conditions: FREE,
    }),
  async (s, advance) => {
    await advance(15_001);
    return s.heartbeat({ op: "12", workerId: "w1", leaseMs: 15_000, lookInMs: 1_000 });
  },
  (s) => s.rivals({ outboundId: "tm-1-2", carrierIds: ["SM-out", "SM-other"] }),
  (s) => s.due(10),
  (s) =>
    s.resolve({
      op: "13",
      outboundId: "tm-1-2",
      attempts: 1,
      from: ["unknown"],
      decision: "resend",
      reason: "Nobody knows.",
      expiryMs: 60_000,
    }),
  (s) => s.suspect({ op: "14", limit: 10, lookInMs: 1_000 }),
  (s) =>
    s.recordOutbound({
      key: "order:1",
      groupId: "o-1",
      conversationId: "c-2",
      line: LINE,
      sender: LINE,
      participant: PERSON,
      consentKey: `consent of ${PERSON}`,
      origin: "api",
      parts: [part("o-1-1")],
      expiryMs: 60_000,
    }),
  (s) => s.recordInbound(textOf("3", { needsAnswer: false, consent: { state: "opted-out", source: "word" } })),
  (s) => s.story("tm-1-1"),
  (s) => s.story("m-1"),
  (s) => s.conversations({ limit: 10 }),
  (s) => s.conversations({ limit: 10, after: "1.c-1" }),
  (s) => s.messages({ conversationId: "c-1", after: 0, limit: 100 }),
  (s) => s.messages({ conversationId: "c-1", before: 100, limit: 100 }),
  (s) => s.changes({ conversationId: "c-1", after: 0, limit: 100 }),
  (s) => s.claimSweep({ op: "15", workerId: "w1", sender: LINE, everyMs: 60_000, leaseMs: 15_000 }),
  (s) => s.commitSweep({ op: "16", sender: LINE, fence: 1, watermark: 5_000 }),
  async (s, advance) => {
    await advance(3_600_000);
    return s.purge({ op: "17", olderThanMs: 60_000, limit: 3 });
  },
  (s) => s.erase({ op: "18", participant: PERSON, line: null }),
];

/** Tells the story to a database and to the reference, call by call. */
async function tell(db: MongoDb, between: (call: number) => void = () => {}): Promise<readonly [unknown[], unknown[]]> {
  const clock = manualClock();
  const [storage, reference] = [mongodb(db, { clock }), memory({ clock })];
  const answers: [unknown[], unknown[]] = [[], []];
  for (const [at, call] of STORY.entries()) {
    between(at);
    answers[0].push(await call(storage, (ms) => clock.advance(ms)));
    // The clock of both has moved already.
    answers[1].push(await call(reference, async () => {}));
  }
  return answers;
}

describe.skipIf(url === "")(`mongodb${skipNote(url)}`, () => {
  const database = mongodbForTests(url);
  beforeAll(() => database.start(), 60_000);
  afterAll(() => database.stop());

  const [conflict, gone] = [112, 251].map((code) => () => {
    return new MongoServerError({ message: "injected", code, errorLabels: ["TransientTransactionError"] });
  });

  it.each([
    ["a write conflict", conflict],
    ["a transaction that is gone", gone],
  ])(
    "gives the same answers when %s meets each command of each transaction",
    async (_, failure) => {
      // The first run of a call fails at its first command, the second at its second, and so on, until one gets through.
      let [run, command, failures] = [0, 0, 0];
      const db = wrapped(database.db(), {
        begun() {
          run += 1;
          command = 0;
        },
        before({ options, table }) {
          if (table !== "session" && !("session" in options)) return;
          command += 1;
          if (command !== run) return;
          failures += 1;
          throw failure?.();
        },
      });
      const [answers, expected] = await tell(db, () => {
        run = 0;
      });
      expect(answers).toEqual(expected);
      expect(failures).toBeGreaterThan(STORY.length * 4);
      await database.empty();
    },
    120_000,
  );

  it.each([
    ["by the driver's word", lostAnswer()],
    // Its `commitTransaction` (7.9) takes a socket's error for one of its own.
    ["over which the driver stumbles", new TypeError("error.hasErrorLabel is not a function")],
  ])(
    "gives the first answer when the answer to a commit is lost %s, however often",
    async (_, failure) => {
      let lost = 0;
      const db = wrapped(database.db(), {
        afterCommit() {
          lost += 1;
          if (lost % 4 !== 0) throw failure;
        },
      });
      const [answers, expected] = await tell(db, () => {
        lost = 0;
      });
      expect(answers).toEqual(expected);
      await database.empty();
    },
    60_000,
  );

  it("serves every filter and order of the story by a declared index", async () => {
    const commands: Command[] = [];
    await tell(wrapped(database.db(), { before: (command) => commands.push(command) }));
    await database.empty();
    const asked = commands.filter(({ table }) => table !== "session");
    expect(new Set(asked.map(({ table }) => table))).toEqual(new Set(TABLES.filter((table) => table !== "meta")));
    expect(asked.filter((command) => !isServed(command)).map(({ table, filter }) => ({ table, filter }))).toEqual([]);
  }, 60_000);

  it("demands a journaled majority and the primary, whatever the database was set to", async () => {
    const durable = { w: "majority", journal: true };
    const [transactions, collections]: [object[], object[]] = [[], []];
    const db = wrapped(database.db(), {
      begun: (options) => transactions.push(options),
      opened: (options) => collections.push(options),
    });
    await mongodb(db).recordInbound(textOf("durable"));
    await database.empty();
    expect([...transactions, ...collections]).toHaveLength(1 + TABLES.length);
    for (const options of [...transactions, ...collections]) {
      expect(options).toMatchObject({ readPreference: "primary", writeConcern: durable });
    }
  });

  it("keeps what a later version has added to a document that it changes", async () => {
    const db = database.db();
    const storage = mongodb(db);
    const tables = ["conversations", "turns", "messages"] as const;
    const add = () => {
      return Promise.all(
        tables.map((table) => db.collection(`ownline_${table}`).updateMany({}, { $set: { later: table } })),
      );
    };
    await storage.recordInbound(textOf("later"));
    const claim = await storage.claimTurn({ op: "1", workerId: "w1", leaseMs: 15_000 });
    await add();
    await storage.commitTurn({
      op: "2",
      workerId: "w1",
      conversationId: "c-later",
      turnId: "tm-later",
      fence: claim?.fence ?? 0,
      throughSeq: 1,
      outcome: "replied",
      supersede: true,
      pause: false,
      parts: [part("o-later")],
      expiryMs: 600_000,
    });
    await add();
    const send = { workerId: "w1", leaseMs: 15_000, outboundId: "o-later", orderWaitMs: 1_000 };
    expect(await storage.claimSend({ op: "3", ...send, conditions: FREE })).toMatchObject({ outcome: "claimed" });
    const kept = await Promise.all(
      tables.map((table) =>
        db
          .collection(`ownline_${table}`)
          .find({}, { projection: { later: 1, leasedTo: 1 } })
          .toArray(),
      ),
    );
    await database.empty();
    expect(kept.flat().map(({ later, leasedTo }) => [later, leasedTo])).toEqual(
      ["conversations", "turns", "messages", "messages"].map((table) => [table, undefined]),
    );
  });

  it("reads the server's clock where none is given", async () => {
    const storage = mongodb(database.db());
    const before = Date.now();
    const { message } = await storage.recordInbound(textOf("clock", { debounceMs: 60_000, maxWaitMs: 60_000 }));
    const { nextInMs } = await storage.due(1);
    const claimed = await storage.claimTurn({ op: "clock", workerId: "w1", leaseMs: 15_000 });
    await database.empty();
    // The server runs on this machine: the two clocks are one.
    expect(message?.createdAt).toBeGreaterThanOrEqual(before - 1_000);
    expect(message?.createdAt).toBeLessThanOrEqual(Date.now() + 1_000);
    expect(nextInMs).toBeGreaterThan(30_000);
    expect(claimed).toBeNull();
  });

  it("keeps emoji, dollars, dots and quotes in keys and ids, and every half of a surrogate pair in texts", async () => {
    const storage = mongodb(database.db());
    const odd = `$set.a.0 "👍🏽" {'$gt': 1}`;
    const body = "half \ud83d, and another \ude00";
    const record = textOf("odd", { key: odd, messageId: odd, consentKey: odd, body });
    expect((await storage.recordInbound(record)).outcome).toBe("recorded");
    expect((await storage.recordInbound(record)).message).toMatchObject({ id: odd, body });
    expect((await storage.story(odd))?.message.body).toBe(body);
    await database.empty();
  });

  it.each(["before\0after", "half \ud83d"])("refuses a key or an id that cannot be kept (%j)", async (odd) => {
    const storage = mongodb(database.db());
    const refused = { code: "invalid_message", message: expect.stringContaining("half a surrogate pair") };
    const calls: readonly (() => Promise<unknown>)[] = [
      async () => storage.recordInbound(textOf("x", { key: odd })),
      async () => storage.recordInbound(textOf("x", { participant: odd })),
      async () => storage.conversation(odd),
      async () => storage.story(odd),
      async () => storage.claimTurn({ op: odd, workerId: "w1", leaseMs: 1 }),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject(refused);
  });

  it("migrates from two processes at once, into one secret and every index", async () => {
    // `start()` did it on the empty database.
    const secrets = await Promise.all([mongodb(database.db()).open(), mongodb(database.db()).open()]);
    expect(new Set(secrets.map(({ secret }) => secret)).size).toBe(1);
    for (const table of TABLES) expect(await database.indexesOf(table)).toHaveLength(1 + (INDEXES[table] ?? []).length);
  });

  it.each([
    ["the driver's", new MongoNetworkError(`connection to ${PERSON} closed`)],
    [
      "the socket's own",
      Object.assign(new Error(`write ECONNRESET ${PERSON}`), { code: "ECONNRESET", syscall: "write" }),
    ],
  ])("says that the server cannot be reached, without a number or a text (%s error)", async (_, lost) => {
    const failing = wrapped(database.db(), {
      before() {
        throw lost;
      },
    });
    const error: unknown = await mongodb(failing)
      .recordInbound(textOf("x"))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "storage_unavailable", retryable: true, cause: lost });
    expect(error).toMatchObject({ message: expect.not.stringContaining(PERSON) });
  });

  it.each([
    [10107, "did not confirm"],
    [189, "did not confirm"],
    [13435, "did not confirm"],
    [14031, "no space left"],
    [112, "others kept writing"],
  ])(
    "gives up after a while on an error that stays (%i)",
    async (code, sentence) => {
      const failing = wrapped(database.db(), {
        before() {
          throw new MongoServerError({ message: "injected", code });
        },
      });
      const refused = { code: "storage_unavailable", retryable: true, message: expect.stringContaining(sentence) };
      await expect(mongodb(failing).due(1)).rejects.toMatchObject(refused);
    },
    20_000,
  );
});

describe("mongodb at the start", () => {
  it("refuses a server without transactions, and says what to do", async () => {
    const standalone = mongodb(answering({ hello: { isWritablePrimary: true, maxWireVersion: 25 } }));
    const refused = {
      code: "storage_unsupported",
      message: expect.stringContaining("replica set (one member is enough"),
    };
    await expect(standalone.open()).rejects.toMatchObject(refused);
    await expect(standalone.migrate()).rejects.toMatchObject(refused);
  });

  it("refuses a server older than 5.0", async () => {
    const old = mongodb(answering({ hello: { setName: "rs0", maxWireVersion: 9 } }));
    await expect(old.open()).rejects.toMatchObject({ code: "storage_unsupported" });
  });

  it.each([{ setName: "rs0" }, { msg: "isdbgrid" }])(
    "takes a member of a replica set and a router (%j)",
    async (kind) => {
      const meta = { version: 1, minWriter: 1, secret: "s".repeat(64) };
      const storage = mongodb(answering({ hello: { ...kind, maxWireVersion: 25 }, meta }));
      await expect(storage.open()).resolves.toEqual({ secret: meta.secret });
    },
  );

  it.each([
    [undefined, "has no collections yet"],
    [{ version: 0, minWriter: 0, secret: "s" }, "has an older schema"],
    [{ version: 9, minWriter: 8, secret: "s" }, "install the newer ownline"],
  ])("refuses a ledger that it cannot write (%j)", async (meta, sentence) => {
    const storage = mongodb(answering({ hello: { setName: "rs0", maxWireVersion: 25 }, ...(meta && { meta }) }));
    const refused = { code: "storage_unmigrated", message: expect.stringContaining(sentence) };
    await expect(storage.open()).rejects.toMatchObject(refused);
  });

  it("refuses at once what is not a database", () => {
    for (const mistake of [undefined, {}, "mongodb://localhost"]) {
      // @ts-expect-error: not a Db
      expect(() => mongodb(mistake)).toThrow(expect.objectContaining({ code: "invalid_options" }));
    }
  });
});

function lostAnswer(): MongoNetworkError {
  const error = new MongoNetworkError("connection closed");
  error.errorLabels.push("UnknownTransactionCommitResult");
  return error;
}

/** A database that only says who it is, and what its ledger is. */
function answering({ hello, meta }: { readonly hello: object; readonly meta?: object }): MongoDb {
  const never = () => {
    throw new Error("This database is not asked anything else.");
  };
  return {
    client: { startSession: never },
    createCollection: never,
    command: async () => ({ ...hello }),
    collection: () => ({
      find: () => ({ toArray: async () => (meta === undefined ? [] : [{ ...meta }]) }),
      aggregate: never,
      distinct: never,
      findOneAndUpdate: never,
      updateOne: never,
      updateMany: never,
      deleteMany: never,
      bulkWrite: never,
      createIndexes: never,
    }),
  };
}

/** Whether an index finds what a command asks for, in its order, without looking at anything else. */
function isServed({ table, filter, options }: Command): boolean {
  const asked = new Map<string, unknown>(Object.entries(filter));
  if (asked.has("_id") && !isNegative(asked.get("_id"))) return true;
  const or: unknown = asked.get("$or");
  if (asked.size === 1 && Array.isArray(or))
    return or.every((each: object) => isServed({ table, method: "", filter: each, options: {} }));
  const sort = "sort" in options && typeof options.sort === "object" ? Object.entries(options.sort ?? {}) : [];
  const declared = TABLES.flatMap((name) => (name === table ? (INDEXES[name] ?? []) : []));
  return declared.some((index) => serves(index, asked, sort));
}

function serves(index: Index, asked: ReadonlyMap<string, unknown>, sort: readonly [string, unknown][]): boolean {
  const narrowed = Object.keys(index.partialFilterExpression ?? {});
  if (!narrowed.every((field) => asked.has(field))) return false;
  const keys = Object.entries(index.key);
  const fixed = keys.findIndex(([field]) => !isFixed(asked.get(field)));
  const rest = keys.slice(fixed < 0 ? keys.length : fixed);
  const isInOrder = sort.every(([field, direction], at) => {
    const [next] = rest.slice(at);
    return (
      next !== undefined &&
      next[0] === field &&
      (next[1] === direction || sort.every(([, other]) => other === -next[1]))
    );
  });
  const used = new Set([...keys.slice(0, keys.length - rest.length), ...rest.slice(0, 1)].map(([field]) => field));
  const isNarrow = [...asked].every(([field, value]) => {
    return used.has(field) || narrowed.includes(field) || isNegative(value) || field === "$or";
  });
  return isInOrder && isNarrow;
}

/** Equal to one value, or to one of a few. */
function isFixed(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value !== undefined;
  return "$in" in value;
}

/** Takes a few away from what another condition finds. */
function isNegative(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("$nin" in value || "$ne" in value);
}
