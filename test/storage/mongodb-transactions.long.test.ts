import { MongoNetworkError, MongoServerError } from "mongodb";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { mongodb } from "../../src/storage/mongodb.ts";
import type { CounterCondition, OutboundRecord, Storage } from "../../src/storage/storage.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { mongodbForTests, skipNote } from "../databases/mongodb.ts";
import { type Command, wrapped } from "../databases/mongodb-wrapped.ts";
import { inboundRecord } from "./inbound-record.ts";

const url = inject("mongodbUrl");
const TIMEOUT_MS = 60_000;
/** A transaction that nothing stops takes a few milliseconds. */
const UNSTOPPED_MS = 1_000;
const LEASE_MS = 15_000;
const HOUR_MS = 3_600_000;

describe.skipIf(url === "")(`mongodb's transactions${skipNote(url)}`, () => {
  const database = mongodbForTests(url);
  beforeAll(() => database.start(), TIMEOUT_MS);
  afterEach(() => database.empty());
  afterAll(() => database.stop());

  it("let no text slip past a STOP, though its conversation is not there yet when the STOP comes", async () => {
    const storage = mongodb(database.db());
    const person = { participant: "+15550199001", consentKey: "consent of +15550199001" };
    await storage.recordInbound(inboundRecord("hello", person));
    const commit = held();
    const writing = mongodb(wrapped(database.db(), { before: commit.hold })).recordOutbound(postOf("late", person));
    await commit.reached;
    const consent = { state: "opted-out", source: "word" } as const;
    const stopping = storage.recordInbound(inboundRecord("stop", { ...person, needsAnswer: false, consent }));
    // Without a lock to stop it, it would be over by then.
    await Promise.race([stopping, new Promise((resolve) => setTimeout(resolve, UNSTOPPED_MS))]);
    commit.release();
    await writing;
    expect((await stopping).cancelled.map(({ id }) => id)).toEqual(["late-1"]);
  });

  it("ask again for a commit whose answer was lost, and do not run again for it", async () => {
    const lost = new MongoNetworkError("connection closed");
    lost.errorLabels.push("UnknownTransactionCommitResult");
    const [runs, answers]: [object[], Error[]] = [[], [lost, lost]];
    const db = wrapped(database.db(), {
      begun: (options) => runs.push(options),
      before({ method }) {
        const error = method === "commitTransaction" ? answers.pop() : undefined;
        if (error !== undefined) throw error;
      },
    });
    expect((await mongodb(db).recordInbound(inboundRecord("1"))).outcome).toBe("recorded");
    expect([runs.length, answers.length]).toEqual([1, 0]);
  });

  it("charge counters in the order of their keys, in any order that they are given in", async () => {
    const commands: Command[] = [];
    const storage = mongodb(wrapped(database.db(), { before: (command) => commands.push(command) }));
    await storage.recordOutbound(postOf("counted"));
    const counters = ["b", "c", "a"].map((key): CounterCondition => {
      return { key, windowMs: 60_000, max: 50, charge: 1, full: "wait", reason: "Too many." };
    });
    expect(await claimSend(storage, "counted-1", counters)).toMatchObject({ outcome: "claimed" });
    const charged = commands.find(({ table, method }) => table === "counters" && method === "bulkWrite");
    expect(charged?.ids).toEqual(["a", "b", "c"]);
  });
});

describe.skipIf(url === "")(`a worker's document in MongoDB${skipNote(url)}`, () => {
  const database = mongodbForTests(url);
  beforeAll(() => database.start(), TIMEOUT_MS);
  afterEach(() => database.empty());
  afterAll(() => database.stop());

  it("outlives its worker, so that a lease is found that was committed after its time", async () => {
    const clock = manualClock();
    const storage = mongodb(database.db(), { clock });
    await storage.recordInbound(inboundRecord("1"));
    const commit = held();
    const late = mongodb(wrapped(database.db(), { before: commit.hold }), { clock });
    const claiming = claimOne(late, { scope: "default", callId: "late", workerId: "w1", leaseMs: LEASE_MS });
    await commit.reached;
    await clock.advance(LEASE_MS + 1);
    // It sees no lease yet.
    await heartbeat(storage, "before");
    commit.release();
    expect(await claiming).not.toBeNull();
    await heartbeat(storage, "after");
    expect(
      await claimOne(storage, { scope: "default", callId: "next", workerId: "w2", leaseMs: LEASE_MS }),
    ).not.toBeNull();
  });

  it("stays as long as its worker holds something, also where the transaction that takes it back fails", async () => {
    const clock = manualClock();
    const storage = mongodb(database.db(), { clock });
    await storage.recordInbound(inboundRecord("1"));
    expect(
      await claimOne(storage, { scope: "default", callId: "first", workerId: "w1", leaseMs: LEASE_MS }),
    ).not.toBeNull();
    await clock.advance(LEASE_MS + 2 * HOUR_MS);
    const failures = [new MongoServerError({ message: "injected", code: 112 })];
    const failing = wrapped(database.db(), {
      before({ method }) {
        const error = method === "commitTransaction" ? failures.pop() : undefined;
        if (error !== undefined) throw error;
      },
    });
    await heartbeat(mongodb(failing, { clock }), "1");
    expect(failures).toEqual([]);
    expect(
      await claimOne(storage, { scope: "default", callId: "next", workerId: "w2", leaseMs: LEASE_MS }),
    ).not.toBeNull();
  });
});

function postOf(id: string, person: Partial<OutboundRecord> = {}): OutboundRecord {
  const part = { id: `${id}-1`, body: "Your table is ready.", media: [], encoding: "GSM-7", segments: 1 } as const;
  return {
    key: id,
    groupId: id,
    conversationId: `c-${id}`,
    scope: "default",
    line: "+15550100002",
    sender: "+15550100002",
    participant: "+15550199002",
    consentKey: "consent of +15550199002",
    origin: "api",
    content: "digest",
    parts: [part],
    expiryMs: 60_000,
    ...person,
  };
}

function claimSend(storage: Storage, outboundId: string, counters: readonly CounterCondition[]) {
  const conditions = { consent: true, unpaused: true, delayMs: 0, cancel: null, counters, rateLimit: null };
  return storage.claimSend({
    scope: "default",
    callId: outboundId,
    workerId: "w1",
    leaseMs: LEASE_MS,
    outboundId,
    orderWaitMs: 0,
    conditions,
  });
}

function heartbeat(storage: Storage, callId: string) {
  return storage.heartbeat({ scope: "default", callId, workerId: "w2", leaseMs: LEASE_MS, lookInMs: 1_000 });
}

/** Holds commits back until they are released. */
function held() {
  let [reach, release] = [() => {}, () => {}];
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return {
    reached,
    release: () => release(),
    async hold({ method }: Command): Promise<void> {
      if (method !== "commitTransaction") return;
      reach();
      await released;
    },
  };
}
