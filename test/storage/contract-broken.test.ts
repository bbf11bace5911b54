import { afterEach, describe, expect, it, vi } from "vitest";
import { memory } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { storageContract } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";

/** The names of the cases that an adapter fails. */
async function redCases(adapter: typeof memory, breaks: (storage: Storage) => Storage = (storage) => storage) {
  const cases = storageContract({
    async create() {
      const clock = manualClock();
      return {
        storage: breaks(adapter({ clock })),
        advance: (ms) => clock.advance(ms),
        dispose: async () => {},
      };
    },
  });
  const red: string[] = [];
  for (const { name, run } of cases) await run().catch(() => red.push(name));
  return red;
}

interface Mistake {
  readonly name: string;
  breaks(storage: Storage): Storage;
  /** A case that has to notice. */
  readonly noticedBy: string;
}

/** What the author of an adapter may get wrong, around an adapter that gets it right. */
const MISTAKES: readonly Mistake[] = [
  {
    name: "ignores call ids",
    breaks: (storage) => ({
      ...storage,
      commitTurn: (commit) => storage.commitTurn({ ...commit, callId: crypto.randomUUID() }),
      claimSend: (claim) => storage.claimSend({ ...claim, callId: crypto.randomUUID() }),
      recordStatus: (record) => storage.recordStatus({ ...record, callId: crypto.randomUUID() }),
    }),
    noticedBy: "commitTurn: a repetition returns the first answer and changes nothing",
  },
  {
    name: "records a webhook as often as it comes",
    breaks: (storage) => ({
      ...storage,
      recordInbound: (record) => storage.recordInbound({ ...record, key: crypto.randomUUID() }),
    }),
    noticedBy: "records a repeated key once and returns the first text",
  },
  {
    name: "does not check the fence",
    breaks(storage) {
      const leases = new Map<string, { workerId: string; fence: number }>();
      return {
        ...storage,
        async claimTurns(claim) {
          const claimed = await storage.claimTurns(claim);
          const { workerId } = claim;
          for (const { conversation, fence } of claimed) leases.set(conversation.id, { workerId, fence });
          return claimed;
        },
        commitTurn: (commit) => storage.commitTurn({ ...commit, ...leases.get(commit.conversationId) }),
      };
    },
    noticedBy: "refuses a commit without the lease under that fence",
  },
  {
    name: "never gives way to a newer text",
    breaks: (storage) => ({
      ...storage,
      commitTurn: (commit) => storage.commitTurn({ ...commit, supersede: false }),
    }),
    noticedBy: "gives way to a newer text where the commit asks for it",
  },
  {
    name: "forgets the consent at the send admission",
    breaks: (storage) => ({
      ...storage,
      claimSend: (claim) => storage.claimSend({ ...claim, conditions: { ...claim.conditions, consent: false } }),
    }),
    noticedBy: "cancels where consent is required and the person opted out meanwhile",
  },
  {
    name: "does not prolong a life with a heartbeat",
    breaks: (storage) => ({
      ...storage,
      heartbeat: (heartbeat) => storage.heartbeat({ ...heartbeat, leaseMs: 1 }),
    }),
    noticedBy: "keeps a worker alive for as long as it heartbeats",
  },
  {
    name: "sends as fast as it can",
    breaks: (storage) => ({
      ...storage,
      claimSend: (claim) => storage.claimSend({ ...claim, conditions: { ...claim.conditions, rateLimit: null } }),
    }),
    noticedBy: "gives each text of a sender the next reservation, in the order in which they asked",
  },
  {
    name: "takes any entry of the provider's list for the one that it looks for",
    breaks: (storage) => ({
      ...storage,
      recordSend: (record) => {
        const { result } = record;
        const believed = result.kind === "found" ? ({ ...result, kind: "accepted" } as const) : result;
        return storage.recordSend({ ...record, result: believed });
      },
    }),
    noticedBy: "does not take another text's entry of the list for an unknown one's",
  },
  {
    name: "decides about a text that was tried again since",
    breaks: (storage) => ({
      ...storage,
      resolve: (resolution) => storage.resolve({ ...resolution, attempts: null }),
    }),
    noticedBy: "does not decide about a text that a worker has tried again since",
  },
  {
    name: "obeys a STOP that was found after the START which followed it",
    breaks: (storage) => ({
      ...storage,
      recordInbound(record) {
        if (record.consent === null) return storage.recordInbound(record);
        const { state, source } = record.consent;
        return storage.recordInbound({ ...record, consent: { state, source } });
      },
    }),
    noticedBy: "does not let a STOP that was found late undo the START that followed it",
  },
  {
    name: "does not say when to look after an expired worker's work",
    breaks: (storage) => ({
      ...storage,
      async due(query) {
        const work = await storage.due(query);
        return work.messages.length === 0 && !work.turns ? { ...work, nextInMs: null } : work;
      },
    }),
    noticedBy: "counts the end of a lease and of a handing-over among what becomes due",
  },
  {
    name: "skips a conversation between two pages",
    breaks: (storage) => ({
      ...storage,
      async conversations(page) {
        const list = await storage.conversations(page);
        return page.after === undefined ? list : { ...list, conversations: list.conversations.slice(1) };
      },
    }),
    noticedBy: "lists conversations by their newest message, page by page, each once",
  },
];

describe("the storage contract notices an adapter that", () => {
  for (const { name, breaks, noticedBy } of MISTAKES) {
    it(`${name}`, async () => {
      expect(await redCases(memory, breaks)).toContain(noticedBy);
    });
  }
});

/** The ledger of memory with one of its rules replaced. */
async function brokenMemory(): Promise<typeof memory> {
  vi.resetModules();
  return (await import("../../src/storage/memory.ts")).memory;
}

describe("the storage contract notices a ledger that", () => {
  afterEach(() => {
    vi.doUnmock("../../src/storage/ledger/rules/order.ts");
    vi.doUnmock("../../src/storage/ledger/rules/consent.ts");
    vi.doUnmock("../../src/storage/ledger/rules/counters.ts");
    vi.doUnmock("../../src/storage/ledger/rules/rate-limit.ts");
    vi.resetModules();
  });

  it("does not cancel the later parts of a text that failed", async () => {
    vi.doMock("../../src/storage/ledger/rules/order.ts", async (importOriginal) => ({
      ...(await importOriginal<object>()),
      cancelLaterParts: () => [],
    }));
    expect(await redCases(await brokenMemory())).toContain("cancels the later parts when a part is given up");
  });

  it("stops nothing when a person opts out", async () => {
    vi.doMock("../../src/storage/ledger/rules/consent.ts", async (importOriginal) => ({
      ...(await importOriginal<object>()),
      stopForOptOut: () => [],
    }));
    expect(await redCases(await brokenMemory())).toContain("calls a running turn off with STOP");
  });

  it("lets the parts of a text overtake each other", async () => {
    vi.doMock("../../src/storage/ledger/rules/order.ts", async (importOriginal) => ({
      ...(await importOriginal<object>()),
      waitsForOwnPart: () => false,
    }));
    expect(await redCases(await brokenMemory())).toContain("never overtakes an unknown part of the same text");
  });

  it("charges counters for a text that it then lets wait", async () => {
    vi.doMock("../../src/storage/ledger/rules/counters.ts", async (importOriginal) => {
      const counters = await importOriginal<typeof import("../../src/storage/ledger/rules/counters.ts")>();
      return {
        ...counters,
        judgeCounters(...judged: Parameters<typeof counters.judgeCounters>) {
          const judgement = counters.judgeCounters(...judged);
          if (judgement.outcome !== "free") counters.chargeCounters(...judged);
          return judgement;
        },
      };
    });
    expect(await redCases(await brokenMemory())).toContain("charges all counters or none");
  });

  it("slows no sender down", async () => {
    vi.doMock("../../src/storage/ledger/rules/rate-limit.ts", async (importOriginal) => ({
      ...(await importOriginal<object>()),
      backOff: () => {},
    }));
    expect(await redCases(await brokenMemory())).toContain(
      "backs a sender off when the provider says so, and voids every reservation made before",
    );
  });
});
