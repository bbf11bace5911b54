import { MongoClient, type MongoClientOptions } from "mongodb";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { isOwnlineError } from "../../src/errors.ts";
import { admission, type Line } from "../../src/storage/mongodb/admission.ts";
import { type MongoDb, mongodb } from "../../src/storage/mongodb.ts";
import type { RecordedInbound } from "../../src/storage/storage.ts";
import { skipNote } from "../databases/mongodb.ts";
import { mongodbProxy } from "../faults/mongodb-proxy.ts";
import { inboundRecord } from "./inbound-record.ts";

const url = inject("mongodbUrl");
const LONGEST_WAIT_MS = 1000;
/** For the whole of a test on a real server, however slow it is. */
const TIMEOUT_MS = 120_000;
const REFUSED = { code: "storage_unavailable", retryable: true };

describe("admission", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("lets as many run as there are places, and the others in the order in which they came", async () => {
    const { start, finish, running } = calls(2);
    const all = ["a", "b", "c", "d", "e"].map((name) => start(name));
    await settled();
    expect(running()).toEqual(["a", "b"]);
    finish("b");
    await settled();
    expect(running()).toEqual(["a", "c"]);
    finish("a");
    finish("c");
    await settled();
    expect(running()).toEqual(["d", "e"]);
    finish("e");
    finish("d");
    await expect(Promise.all(all)).resolves.toEqual(["a", "b", "c", "d", "e"]);
  });

  it("hands a place that becomes free to who waits, not to who comes just then", async () => {
    const { start, finish, running } = calls(1);
    const all = [start("a"), start("b")];
    finish("a");
    await all[0];
    all.push(start("c"));
    await settled();
    expect(running()).toEqual(["b"]);
    finish("b");
    await settled();
    expect(running()).toEqual(["c"]);
    finish("c");
    await Promise.all(all);
  });

  it("serves both lines by turns, each in its order, and one alone where no call waits in the other", async () => {
    const { start, finish, running } = calls(1);
    const all = [start("first")];
    for (const name of ["text 1", "text 2", "text 3", "text 4"]) all.push(start(name, "outside"));
    for (const name of ["work 1", "work 2"]) all.push(start(name, "worker"));
    const order: string[] = [];
    for (const _ of all) {
      await settled();
      const [name = ""] = running();
      order.push(name);
      finish(name);
    }
    await Promise.all(all);
    expect(order).toEqual(["first", "work 1", "text 1", "work 2", "text 2", "text 3", "text 4"]);
  });

  it("gives the place of one that fails to the next", async () => {
    const { start, finish, running } = calls(1);
    const failed = start("a");
    const next = start("b");
    finish("a", new Error("of a"));
    await expect(failed).rejects.toThrow("of a");
    await settled();
    expect(running()).toEqual(["b"]);
    finish("b");
    await expect(next).resolves.toBe("b");
  });

  it("refuses who waited too long, without running it, and keeps the order of the others", async () => {
    const { start, finish, running } = calls(1);
    const first = start("a");
    const refused = start("b").catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(LONGEST_WAIT_MS - 1);
    const later = start("c");
    await vi.advanceTimersByTimeAsync(1);
    expect(await refused).toMatchObject(REFUSED);
    finish("a");
    await first;
    await settled();
    expect(running()).toEqual(["c"]);
    finish("c");
    await later;
    expect(vi.getTimerCount()).toBe(0);
  });
});

/** No server answers here: what begins a transaction stays in it. Deletions begin one at once, and go one by one. */
describe("mongodb whose server does not answer", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ["by default", {}, 8],
    ["with a pool without a limit", { maxPoolSize: 0 }, 8],
    ["with 9 connections", { maxPoolSize: 9 }, 8],
    ["with 8 connections", { maxPoolSize: 8 }, 7],
    ["with 4 connections", { maxPoolSize: 4 }, 3],
    ["with one connection", { maxPoolSize: 1 }, 1],
  ])("has so many transactions under way and no more: %s", async (_, options, places) => {
    await using client = unanswered(options);
    const deletions = eraseMany(mongodb(client.db), 40);
    await settled();
    expect(client.underWay()).toBe(places);
    await client.close();
    await deletions;
  });

  it("has no more of them where several ledgers share a client", async () => {
    await using client = unanswered({});
    const deletions = [1, 2, 3].map(() => eraseMany(mongodb(client.db), 10));
    await settled();
    expect(client.underWay()).toBe(8);
    await client.close();
    await Promise.all(deletions);
  });

  it("does not let a heartbeat wait for other calls", async () => {
    await using client = unanswered({});
    const storage = mongodb(client.db);
    const deletions = eraseMany(storage, 40);
    const text = storage.recordInbound(inboundRecord("1")).catch(() => {});
    await settled();
    expect(client.asked()).not.toContain("ownline_conversations.distinct");
    const heartbeat = storage
      .heartbeat({ scope: "default", callId: "1", workerId: "w1", leaseMs: 3000, lookInMs: 0 })
      .catch(() => {});
    await settled();
    expect(client.asked()).toContain("ownline_conversations.distinct");
    await client.close();
    await Promise.all([deletions, text, heartbeat]);
  });

  it("refuses after 10 s what has not begun, as retryable, and says what to do", async () => {
    await using client = unanswered({});
    const storage = mongodb(client.db);
    const deletions = eraseMany(storage, 8);
    let refused: unknown = null;
    const one = storage.recordInbound(inboundRecord("refused")).catch((error: unknown) => {
      refused = error;
    });
    await vi.advanceTimersByTimeAsync(9_999);
    expect(refused).toBeNull();
    await vi.advanceTimersByTimeAsync(1);
    await one;
    expect(refused).toMatchObject({ ...REFUSED, message: expect.stringContaining("check that its primary is up") });
    expect(client.underWay()).toBe(8);
    await client.close();
    await deletions;
  });
});

describe.skipIf(url === "")(`mongodb under load${skipNote(url)}`, () => {
  const database = `ownline_load_${process.pid}`;
  const direct = new MongoClient(url === "" ? "mongodb://127.0.0.1" : url);
  beforeAll(() => mongodb(direct.db(database)).migrate(), TIMEOUT_MS);
  afterAll(async () => {
    await direct.db(database).dropDatabase();
    await direct.close();
  });

  it(
    "records each of many texts at once over few connections",
    async () => {
      // It ends transactions that are too old, as MongoDB does.
      await using proxy = await mongodbProxy({ url, lifetimeMs: 3000 });
      const client = new MongoClient(proxy.urlOf(database), { maxPoolSize: 4 });
      const { db, most } = counted(client.db());
      const storage = mongodb(db);
      const texts = Array.from({ length: 60 }, (_, n) => {
        const participant = `+1555019900${n % 6}`;
        return inboundRecord(`${n}`, { conversationId: `c-${n % 6}`, participant, consentKey: participant });
      });
      try {
        const answers = await Promise.all(texts.map((text) => untilAnswered(() => storage.recordInbound(text))));
        expect(new Set(answers.map(({ message }) => message?.id)).size).toBe(texts.length);
        const messages = direct.db(database).collection("ownline_messages");
        expect(await messages.distinct("providerMessageId")).toHaveLength(texts.length);
        expect(await messages.countDocuments()).toBe(texts.length);
        expect(most()).toBe(1);
      } finally {
        await client.close();
      }
    },
    TIMEOUT_MS,
  );
});

/** As the provider does after a 503. */
async function untilAnswered(record: () => Promise<RecordedInbound>): Promise<RecordedInbound> {
  for (;;) {
    try {
      return await record();
    } catch (error) {
      if (!isOwnlineError(error) || !error.retryable) throw error;
    }
  }
}

/** Erases people, also where that fails. */
async function eraseMany(storage: ReturnType<typeof mongodb>, count: number): Promise<void> {
  const people = Array.from({ length: count }, (_, n) => ({ callId: `${n}`, participant: `person ${n}`, line: null }));
  await Promise.allSettled(people.map((order) => storage.erase(order)));
}

/** A client of the official driver that no server answers. */
function unanswered(options: MongoClientOptions) {
  const client = new MongoClient("mongodb://127.0.0.1:1/sms", options);
  const { db: silent, underWay } = counted(client.db());
  const asked: string[] = [];
  // A server that does not even answer a ping would be given up sooner.
  const db: MongoDb = {
    ...silent,
    command: async () => ({ ok: 1 }),
    collection(name, given) {
      const real = silent.collection(name, given);
      return {
        find: (filter, how) => real.find(filter, how),
        aggregate: (pipeline, how) => real.aggregate(pipeline, how),
        distinct(field, filter, how) {
          asked.push(`${name}.distinct`);
          return real.distinct(field, filter, how);
        },
        updateOne: (filter, update, how) => real.updateOne(filter, update, how),
        updateMany: (filter, update, how) => real.updateMany(filter, update, how),
        deleteMany: (filter, how) => real.deleteMany(filter, how),
        bulkWrite: (operations, how) => real.bulkWrite(operations, how),
        createIndexes: (indexes) => real.createIndexes(indexes),
      };
    },
  };
  const close = () => client.close();
  return { db, underWay, asked: () => asked, close, [Symbol.asyncDispose]: close };
}

/** The same database, whose transactions are counted. */
function counted(db: MongoDb) {
  let underWay = 0;
  let most = 0;
  const counting: MongoDb = {
    client: {
      ...(db.client.options && { options: db.client.options }),
      startSession() {
        const session = db.client.startSession();
        const end = session.endSession.bind(session);
        underWay += 1;
        most = Math.max(most, underWay);
        session.endSession = async () => {
          underWay -= 1;
          await end();
        };
        return session;
      },
    },
    collection: (name, options) => db.collection(name, options),
    createCollection: (name) => db.createCollection(name),
    command: (command) => db.command(command),
  };
  return { db: counting, underWay: () => underWay, most: () => most };
}

/** Calls through an admission, each of which runs until the test ends it. */
function calls(places: number) {
  const admit = admission({ places, longestWaitMs: LONGEST_WAIT_MS });
  const open = new Map<string, (error?: Error) => void>();
  return {
    running: () => [...open.keys()],
    start(name: string, line: Line = "outside"): Promise<string> {
      return admit(line, () => {
        return new Promise((resolve, reject) => {
          open.set(name, (error) => (error === undefined ? resolve(name) : reject(error)));
        });
      });
    },
    finish(name: string, error?: Error): void {
      open.get(name)?.(error);
      open.delete(name);
    },
  };
}

async function settled(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}
