import { MongoNetworkError, MongoServerError } from "mongodb";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { prune } from "../../src/storage/mongodb/prune.ts";
import { COLLECTIONS, INDEXES } from "../../src/storage/mongodb/schema.ts";
import { storeOver } from "../../src/storage/mongodb/store.ts";
import { mongodb } from "../../src/storage/mongodb.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { mongodbForTests, skipNote } from "../databases/mongodb.ts";
import { type Command, wrapped } from "../databases/mongodb-wrapped.ts";
import { isServed } from "./mongodb-indexes.ts";
import { FREE, PERSON, part, play, STORY, textOf } from "./mongodb-story.ts";

const url = inject("mongodbUrl");
const MONTH_MS = 30 * 86_400_000;

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
      // The first run of a call fails at its first command, the second at its second, and so on, until one gets
      // through.
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
      const [answers, expected] = await play(db, () => {
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
      const [answers, expected] = await play(db, () => {
        lost = 0;
      });
      expect(answers).toEqual(expected);
      await database.empty();
    },
    60_000,
  );

  it("serves every filter and order of the story by a declared index", async () => {
    const commands: Command[] = [];
    await play(wrapped(database.db(), { before: (command) => commands.push(command) }));
    await database.empty();
    const asked = commands.filter(({ table }) => table !== "session");
    expect(new Set(asked.map(({ table }) => table))).toEqual(new Set(COLLECTIONS.filter((table) => table !== "meta")));
    expect(asked.filter((command) => !isServed(command)).map(({ table, filter }) => ({ table, filter }))).toEqual([]);
  }, 60_000);

  it("demands a journaled majority and the primary, also where the database was set to others", async () => {
    const durable = { w: "majority", journal: true };
    const [transactions, collections]: [object[], object[]] = [[], []];
    const db = wrapped(database.db(), {
      begun: (options) => transactions.push(options),
      opened: (options) => collections.push(options),
    });
    await mongodb(db).recordInbound(textOf("durable"));
    await database.empty();
    expect([...transactions, ...collections]).toHaveLength(1 + COLLECTIONS.length);
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
    const claim = await claimOne(storage, { scope: "default", callId: "1", workerId: "w1", leaseMs: 15_000 });
    await add();
    await storage.commitTurn({
      callId: "2",
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
    const send = { scope: "default", workerId: "w1", leaseMs: 15_000, outboundId: "o-later", orderWaitMs: 1_000 };
    expect(await storage.claimSend({ callId: "3", ...send, conditions: FREE })).toMatchObject({ outcome: "claimed" });
    const kept = await Promise.all(
      tables.map((table) =>
        db
          .collection(`ownline_${table}`)
          .find({}, { projection: { later: 1, leaseWorker: 1 } })
          .toArray(),
      ),
    );
    await database.empty();
    expect(kept.flat().map(({ later, leaseWorker }) => [later, leaseWorker])).toEqual(
      ["conversations", "turns", "messages", "messages"].map((table) => [table, undefined]),
    );
  });

  it("reads the server's clock where none is given", async () => {
    const storage = mongodb(database.db());
    const before = Date.now();
    const { message } = await storage.recordInbound(textOf("clock", { debounceMs: 60_000, maxWaitMs: 60_000 }));
    const { nextInMs } = await storage.due({ scope: "default", workerId: "w1", limit: 1 });
    const claimed = await claimOne(storage, { scope: "default", callId: "clock", workerId: "w1", leaseMs: 15_000 });
    await database.empty();
    // The server runs on this machine: the two clocks are one.
    expect(message?.createdAt).toBeGreaterThanOrEqual(before - 1_000);
    expect(message?.createdAt).toBeLessThanOrEqual(Date.now() + 1_000);
    expect(nextInMs).toBeGreaterThan(30_000);
    expect(claimed).toBeNull();
  });

  it("keeps an answer that a clock ahead stored for an hour from its next heartbeat on", async () => {
    const clock = manualClock();
    const storage = mongodb(database.db(), { clock });
    const heartbeat = (callId: string) =>
      storage.heartbeat({ scope: "default", callId, workerId: "w1", leaseMs: 0, lookInMs: 1_000 });
    const isKept = async () => {
      const answers = database.db().collection("ownline_answers");
      return (await answers.find({ _id: "heartbeat ahead" }).toArray()).length === 1;
    };
    await clock.advance(MONTH_MS);
    await heartbeat("ahead");
    await clock.advance(-MONTH_MS);
    await heartbeat("right");
    await clock.advance(60 * 60_000);
    await heartbeat("an hour later");
    expect(await isKept()).toBe(true);
    await clock.advance(1);
    await heartbeat("later");
    expect(await isKept()).toBe(false);
    await database.empty();
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
      async () => claimOne(storage, { scope: "default", callId: odd, workerId: "w1", leaseMs: 1 }),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject(refused);
  });

  it("names a document whose number ownline cannot have written, and lists those behind it", async () => {
    const db = database.db();
    for (const id of ["one", "two", "three"])
      await mongodb(db).recordInbound(textOf(id, { participant: `+1555019900${id.length}${id[0]}` }));
    const set = (change: object) =>
      db.collection("ownline_conversations").updateMany({ _id: { $in: ["c-two"] } }, { $set: change });
    const refused = (column: string) => ({
      code: "storage_corrupt",
      row: { table: "conversations", id: "c-two", column },
    });
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
      await set({ fence: number });
      await expect(mongodb(db).conversation("c-two")).rejects.toMatchObject(refused("fence"));
    }
    for (const updatedAt of [Number.POSITIVE_INFINITY, Number.NaN, "now", 2 ** 60]) {
      await set({ fence: 0, updatedAt });
      // A handle of its own, since one keeps the error of a row until it finds the row repaired.
      const storage = mongodb(db);
      const listed: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await storage.conversations({ limit: 1, ...(cursor === undefined ? {} : { after: cursor }) });
        listed.push(...page.conversations.map(({ id }) => id));
        cursor = page.cursor;
      }
      expect(listed.toSorted()).toEqual(["c-one", "c-three"]);
      await expect(storage.conversation("c-two")).rejects.toMatchObject(refused("updatedAt"));
    }
    await database.empty();
  }, 60_000);

  it("forgets expired workers behind those that hold something, and ends", async () => {
    const db = database.db();
    const clock = manualClock();
    const store = storeOver(db, clock);
    const row = (id: string, aliveUntil: number) => ({ _id: id, scope: "default", aliveUntil, writtenAt: aliveUntil });
    const workers = [row("holds", 1), row("sends", 2), row("idle", 3), row("too", 4)];
    await db.collection("ownline_workers").bulkWrite(workers.map((document) => ({ insertOne: { document } })));
    await db
      .collection("ownline_conversations")
      .bulkWrite([{ insertOne: { document: { _id: "c1", leaseWorker: "holds" } } }]);
    await db.collection("ownline_attempts").bulkWrite([{ insertOne: { document: { _id: "o1 1", worker: "sends" } } }]);
    expect([await prune(store, clock.now(), 1), await prune(store, clock.now(), 2)]).toEqual([true, false]);
    const left = await db.collection("ownline_workers").find({}, {}).toArray();
    await database.empty();
    expect(left.map(({ _id }) => _id)).toEqual(["holds", "sends"]);
  });

  it("migrates from two processes at once, into one secret and every index", async () => {
    // `start()` did it on the empty database.
    const secrets = await Promise.all([mongodb(database.db()).open(), mongodb(database.db()).open()]);
    expect(new Set(secrets.map(({ secret }) => secret)).size).toBe(1);
    for (const table of COLLECTIONS)
      expect(await database.indexesOf(table)).toHaveLength(1 + (INDEXES[table] ?? []).length);
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
    [14031, "no disk space left"],
    [112, "could not commit"],
  ])(
    "gives up after a while on an error that stays (%i)",
    async (code, sentence) => {
      const failing = wrapped(database.db(), {
        before() {
          throw new MongoServerError({ message: "injected", code });
        },
      });
      const refused = { code: "storage_unavailable", retryable: true, message: expect.stringContaining(sentence) };
      await expect(mongodb(failing).due({ scope: "default", workerId: "w1", limit: 1 })).rejects.toMatchObject(refused);
    },
    20_000,
  );
});

function lostAnswer(): MongoNetworkError {
  const error = new MongoNetworkError("connection closed");
  error.errorLabels.push("UnknownTransactionCommitResult");
  return error;
}
