import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import type { Changes, Guard, Loaded } from "../../src/storage/database.ts";
import type { ConsentRow, ConversationRow, KeyRow } from "../../src/storage/ledger/rows.ts";
import { commit } from "../../src/storage/mongodb/commit.ts";
import { mongodbDatabase } from "../../src/storage/mongodb/database.ts";
import { documentOf } from "../../src/storage/mongodb/documents.ts";
import type { CollectionName } from "../../src/storage/mongodb/schema.ts";
import { storeOver } from "../../src/storage/mongodb/store.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { mongodbForTests, skipNote } from "../databases/mongodb.ts";
import { wrapped } from "../databases/mongodb-wrapped.ts";

const url = inject("mongodbUrl");
const TIMEOUT_MS = 60_000;
const NOW = 1_000_000;

const NOTHING: Changes = { inserted: {}, updated: {}, charges: [], alive: [], answers: [], guards: [] };
const CONSENT: ConsentRow = {
  key: "consent",
  state: "opted-in",
  source: "word",
  service: null,
  providerBlocks: false,
  changedAt: 0,
  version: 3,
};
const LIMIT = { key: "limit", freeAt: 0, usedUntil: 0, epoch: 0, writtenAt: 0, version: 3 };
const UNCLAIMED = { fence: 0, claimedUntil: null, committedAt: null, writtenAt: 0 };
const SWEEP = { sender: "sender", watermark: null, ...UNCLAIMED, version: 3 };
const KEY: KeyRow = { kind: "inbound", key: "key", ref: "m1", attempt: null, content: null, call: "" };
const OTHER_KEY = JSON.stringify(["inbound", "other"]);

function conversation(id: string, participant: string): ConversationRow {
  return {
    id,
    scope: "default",
    participantKey: participant,
    participant,
    participantSeenAt: null,
    line: "line",
    sender: "line",
    consentKey: "consent",
    paused: false,
    seq: 0,
    inboundSeq: 0,
    answeredSeq: 0,
    unansweredSeq: 0,
    unansweredSince: null,
    dueAt: null,
    backoffUntil: 0,
    leaseWorker: null,
    setAsideBy: null,
    writtenAt: 0,
    fence: 0,
    createdAt: 0,
    updatedAt: 0,
    version: 3,
  };
}

const C1 = conversation("c1", "p1");
const C2 = conversation("c2", "p2");

describe.skipIf(url === "")(`mongodb's guards${skipNote(url)}`, () => {
  const database = mongodbForTests(url);
  beforeAll(() => database.start(), TIMEOUT_MS);
  afterAll(() => database.stop());

  const clock = manualClock(NOW);
  const db = database.db;
  const insert = (name: CollectionName, document: object) =>
    db()
      .collection(`ownline_${name}`)
      .bulkWrite([{ insertOne: { document } }]);
  const set = (name: CollectionName, fields: object) =>
    db().collection(`ownline_${name}`).updateMany({}, { $set: fields });
  const remove = (name: CollectionName) => db().collection(`ownline_${name}`).deleteMany({});

  beforeEach(async () => {
    await database.empty();
    await insert("conversations", documentOf("conversations", C1));
    await insert("consents", documentOf("consents", CONSENT));
    await insert("rateLimits", documentOf("rateLimits", LIMIT));
    await insert("sweeps", documentOf("sweeps", SWEEP));
    await insert("keys", documentOf("keys", KEY));
    await insert("workers", documentOf("workers", { id: "worker", scope: "default", aliveUntil: 3, writtenAt: 0 }));
    await insert("counters", documentOf("counters", { key: "day", charged: 2, endsAt: NOW + 1, writtenAt: 0 }));
    await insert("counters", documentOf("counters", { key: "over", charged: 9, endsAt: NOW, writtenAt: 0 }));
  });

  const LOADED: Loaded = {
    now: NOW,
    rows: {
      conversations: [C1],
      consents: [CONSENT],
      rateLimits: [LIMIT],
      sweeps: [SWEEP],
      counters: [
        { key: "day", charged: 2, endsAt: NOW + 1, writtenAt: 0 },
        { key: "over", charged: 9, endsAt: NOW, writtenAt: 0 },
      ],
    },
    answers: new Map(),
    found: [],
    chosen: [],
    histories: new Map(),
    corrupt: [],
  };

  /** Whether changes are written: their answer shows it. */
  async function isWritten(
    changes: Partial<Changes>,
    { over = db(), now = NOW, age = 0, server = false } = {},
  ): Promise<boolean> {
    const answers = [{ call: "written", answer: "{}", conversationIds: [] }, ...(changes.answers ?? [])];
    try {
      const store = storeOver(over, server ? null : clock);
      await commit(store, { ...LOADED, now }, { ...NOTHING, ...changes, answers }, () => age);
    } catch (error) {
      const isRefused = error instanceof Error && (error.name === "Moved" || /[Dd]uplicate/.test(error.message));
      if (!isRefused) throw error;
    }
    const written = await db().collection("ownline_answers").find({ _id: "written" }).toArray();
    return written.length === 1;
  }

  const guarding = (...guards: Guard[]): Partial<Changes> => ({ guards });

  /** What was seen, and what another process does to it. */
  const MOVED: readonly (readonly [string, Partial<Changes>, move: () => Promise<unknown>])[] = [
    [
      "a conversation changes",
      guarding({ on: "conversation", key: "c1", version: 3 }),
      () => set("conversations", { version: 4 }),
    ],
    [
      "a conversation is erased",
      guarding({ on: "conversation", key: "c1", version: 3 }),
      () => remove("conversations"),
    ],
    [
      "a conversation begins",
      {
        inserted: { conversations: [{ ...C2, id: "other" }] },
        guards: [{ on: "address", key: JSON.stringify(["line", "p2"]), version: null }],
      },
      () => insert("conversations", documentOf("conversations", C2)),
    ],
    [
      "a consent changes",
      guarding({ on: "consent", key: "consent", version: 3 }),
      () => set("consents", { version: 4 }),
    ],
    [
      "a consent is filed first",
      guarding({ on: "consent", key: "other", version: null }),
      () => insert("consents", documentOf("consents", { ...CONSENT, key: "other" })),
    ],
    [
      "a conversation is filed under a consent",
      guarding({ on: "consent", key: "consent", version: 3 }, { on: "filed", key: "consent", version: 1 }),
      () => insert("conversations", documentOf("conversations", C2)),
    ],
    [
      "a rate limit changes",
      guarding({ on: "rateLimit", key: "limit", version: 3 }),
      () => set("rateLimits", { version: 4 }),
    ],
    [
      "a rate limit begins",
      guarding({ on: "rateLimit", key: "other", version: null }),
      () => insert("rateLimits", documentOf("rateLimits", { ...LIMIT, key: "other" })),
    ],
    ["a sweep is claimed", guarding({ on: "sweep", key: "sender", version: 3 }), () => set("sweeps", { version: 4 })],
    [
      "a key is recorded that the decision records too",
      {
        inserted: { keys: [{ ...KEY, key: "other" }] },
        guards: [{ on: "key", key: OTHER_KEY, version: null }],
      },
      () => insert("keys", documentOf("keys", { ...KEY, key: "other" })),
    ],
    [
      "a key is recorded that the decision found absent",
      guarding({ on: "key", key: OTHER_KEY, version: null }),
      () => insert("keys", documentOf("keys", { ...KEY, key: "other" })),
    ],
    [
      "an expired worker is back",
      guarding({ on: "worker", key: "worker", version: 3 }),
      () => set("workers", { aliveUntil: 9 }),
    ],
    [
      "the same call is decided",
      {
        answers: [{ call: "call", answer: "{}", conversationIds: [] }],
        guards: [{ on: "call", key: "call", version: null }],
      },
      () => insert("answers", { _id: "call", at: 0, answer: "{}", conversationIds: [] }),
    ],
    [
      "a counter has no room any more",
      { charges: [{ key: "day", charge: 1, max: 3, windowMs: 1 }] },
      () => set("counters", { charged: 3 }),
    ],
    [
      "a counter's window is opened by another process",
      { charges: [{ key: "new", charge: 1, max: 3, windowMs: 1 }] },
      () => insert("counters", documentOf("counters", { key: "new", charged: 3, endsAt: NOW + 1, writtenAt: 0 })),
    ],
  ];

  it.each(MOVED)("write nothing where %s", { timeout: TIMEOUT_MS }, async (_, changes, move) => {
    await move();
    expect(await isWritten(changes)).toBe(false);
  });

  it.each(MOVED)("write while nothing of it happens: %s", { timeout: TIMEOUT_MS }, async (_, changes) => {
    expect(await isWritten(changes)).toBe(true);
  });

  it("add charges to a counter while there is room for all of them", async () => {
    const charge = { key: "day", charge: 1, max: 4, windowMs: 1 };
    expect(await isWritten({ charges: [charge, charge, charge] })).toBe(false);
    expect(await isWritten({ charges: [charge, charge, { ...charge, key: "over" }] })).toBe(true);
    const counters = await db()
      .collection("ownline_counters")
      .find({}, { sort: { _id: 1 } })
      .toArray();
    expect(counters).toEqual([
      { _id: "day", charged: 4, endsAt: NOW + 1, writtenAt: 0 },
      { _id: "over", charged: 1, endsAt: NOW + 1, writtenAt: NOW },
    ]);
  });

  it("refuse a decision that is older than 5 s by the ledger's clock", async () => {
    expect(await isWritten({}, { now: NOW - 5_001 })).toBe(false);
    expect(await isWritten({}, { now: NOW - 5_000 })).toBe(true);
  });

  it("ask the server's clock where time has passed since the decision's was read", async () => {
    expect(await isWritten({}, { server: true, now: Date.now() - 20_000, age: 1_000 })).toBe(false);
    expect(await isWritten({}, { server: true, now: Date.now(), age: 1_000 })).toBe(true);
  });

  it.each([
    ["a conversation", { on: "conversation", key: "c1", version: 3 }],
    ["a consent", { on: "consent", key: "consent", version: 3 }],
    ["an absent consent", { on: "consent", key: "absent", version: null }],
    ["a rate limit", { on: "rateLimit", key: "limit", version: 3 }],
    ["a sweep", { on: "sweep", key: "sender", version: 3 }],
    ["an expired worker", { on: "worker", key: "worker", version: 3 }],
  ] satisfies readonly (readonly [string, Guard])[])(
    "write %s that is guarded and does not change, so that two decisions about it meet",
    async (_, guard) => {
      const touched: unknown[] = [];
      const watched = wrapped(db(), {
        before: ({ method, ids = [] }) => method === "bulkWrite" && touched.push(...ids),
      });
      expect(await isWritten({ guards: [guard] }, { over: watched })).toBe(true);
      expect(touched).toContain(guard.key);
    },
  );

  it("leave the version of what is guarded and does not change, so that others decide once", async () => {
    expect(await isWritten(guarding({ on: "conversation", key: "c1", version: 3 }))).toBe(true);
    expect(await db().collection("ownline_conversations").find({}).toArray()).toMatchObject([
      { _id: "c1", version: 3 },
    ]);
  });

  it("make a decision anew whose rows have moved, 20 times at most, and say that it may be repeated", async () => {
    const ledger = mongodbDatabase(db(), clock);
    let decisions = 0;
    const plan = { call: "call", root: { by: "conversation", id: "c1" }, slices: [] } as const;
    const decided = ledger.decide([plan], ({ rows }) => {
      decisions += 1;
      const version = rows.conversations?.[0]?.version ?? 0;
      return {
        answer: version,
        changes: { ...NOTHING, guards: [{ on: "conversation", key: "c1", version: version + 1 }] },
      };
    });
    await expect(decided).rejects.toMatchObject({ code: "storage_unavailable", retryable: true });
    expect(decisions).toBe(20);
  }, 20_000);
});
