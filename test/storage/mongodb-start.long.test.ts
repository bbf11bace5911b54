import { MongoClient } from "mongodb";
import { describe, expect, it } from "vitest";
import { type MongoDb, mongodb } from "../../src/storage/mongodb.ts";
import { freePort } from "../databases/free-port.ts";

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
      updateOne: never,
      updateMany: never,
      deleteMany: never,
      bulkWrite: never,
      createIndexes: never,
    }),
  };
}

describe("mongodb where nothing listens", () => {
  it.each(["open", "migrate"] as const)("says so within 5 s at %s(), and not after the driver's 30 s", async (call) => {
    const client = new MongoClient(`mongodb://127.0.0.1:${await freePort()}/?replicaSet=rs0`);
    const started = performance.now();
    await expect(mongodb(client.db("ledger"))[call]()).rejects.toMatchObject({
      code: "storage_unavailable",
      retryable: true,
      message: expect.stringContaining("MongoDB cannot be reached"),
    });
    expect(performance.now() - started).toBeLessThan(DRIVER_WAITS_MS / 2);
    await client.close();
  });

  it("refuses a text as well, so that the provider's webhook is answered while the provider waits", async () => {
    const silent = mongodb({ ...answering({ hello: {} }), ...hanging() });
    await expect(silent.consent("someone")).rejects.toMatchObject({ code: "storage_unavailable", retryable: true });
  });

  it("gives a slow server that answers a ping the time that it needs", async () => {
    const slow = new Promise<void>((resolve) => setTimeout(resolve, SLOW_MS));
    const db = answering({ hello: { ok: 1 } });
    const waiting = { ...db.collection(""), find: () => ({ toArray: () => slow.then(() => []) }) };
    await expect(mongodb({ ...db, collection: () => waiting }).consent("someone")).resolves.toBeNull();
  });
});

/** Longer than a call may hang before the server is asked for. */
const SLOW_MS = 3_000;
/** `serverSelectionTimeoutMS` of the driver. */
const DRIVER_WAITS_MS = 30_000;

/** A server that takes everything and answers nothing. */
function hanging(): Pick<MongoDb, "collection" | "command"> {
  const never = (): Promise<never> => new Promise(() => {});
  return {
    command: never,
    collection: (name) => ({
      ...answering({ hello: {} }).collection(name),
      find: () => ({ toArray: never }),
    }),
  };
}
