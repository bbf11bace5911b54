import { describe, expect, it } from "vitest";
import { memory } from "../../src/storage/memory.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type FaultTable, type SimulationOptions, simulate } from "../../src/testing/testing.ts";

const seedsOf = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);

/** Plays seeds one after the other, and returns what was broken, and how often each fault hit. */
async function play(first: number, count: number, options: Omit<SimulationOptions, "seed"> = {}) {
  const broken: string[] = [];
  const faults = new Map<string, number>();
  for (const seed of seedsOf(first, count)) {
    const report = await simulate({ seed, ...options });
    for (const { rule, detail } of report.violations) broken.push(`seed ${seed}: ${rule}: ${detail}`);
    addTo(faults, report.faults);
  }
  return { broken, faults };
}

function addTo(sums: Map<string, number>, table: FaultTable): void {
  for (const [call, row] of Object.entries(table)) {
    for (const [fault, count] of Object.entries(row)) {
      sums.set(`${call}: ${fault}`, (sums.get(`${call}: ${fault}`) ?? 0) + count);
    }
  }
}

/** A ledger with one method changed. */
function spoilt(storage: Storage, change: Partial<Storage>): Storage {
  return { ...storage, ...change };
}

describe("the simulation", { timeout: 300_000 }, () => {
  it("finds no broken promise, and lets every fault hit the calls that matter", async () => {
    const { broken: violations, faults } = await play(1, 200);
    expect(violations).toEqual([]);
    const calls = ["storage.claimTurns", "storage.due", "storage.heartbeat", "storage.recordInbound"];
    const kinds = ["error before", "error after", "slow", "crash before", "crash after", "twice", "cut off", "frozen"];
    const never = calls.flatMap((call) => kinds.map((kind) => `${call}: ${kind}`)).filter((cell) => !faults.has(cell));
    expect(never).toEqual([]);
    const others = [
      "storage.commitTurn: error after",
      "storage.claimSend: error after",
      "provider.send: 429",
      "provider.send: error after",
      "provider.send: crash after",
      "provider.callback: lost",
      "provider.callback: twice",
      "ai.reply: hangs",
      "ai.reply: deaf",
      "webhook.text: both at once",
      "webhook.text: lost for good",
      "operator.erase: calls",
      "operator.recover: calls",
      "operator.resolve: calls",
      "operator.requeue: calls",
      "process: clock jumped",
      "process: all killed for long",
    ];
    expect(others.filter((cell) => !faults.has(cell))).toEqual([]);
  });

  it("plays a seed alike each time", async () => {
    for (const seed of seedsOf(1, 50)) {
      const [one, other] = [await simulate({ seed }), await simulate({ seed })];
      expect(other.hash()).toBe(one.hash());
    }
  });

  it("plays runs that are begun together one after the other", async () => {
    const alone = await simulate({ seed: 7 });
    const [one, other] = await Promise.all([simulate({ seed: 7 }), simulate({ seed: 8 })]);
    expect(one.hash()).toBe(alone.hash());
    expect(other.hash()).not.toBe(alone.hash());
  });

  it("gives the platform's crypto back", async () => {
    const { crypto } = globalThis;
    await simulate({ seed: 1 });
    expect(globalThis.crypto).toBe(crypto);
  });

  it("plays SQLite too", async () => {
    const { broken: violations } = await play(1, 10, { storage: (clock) => sqlite(":memory:", { clock }) });
    expect(violations).toEqual([]);
  });

  it("takes a service's own AI and times", async () => {
    const report = await simulate({ seed: 3, options: { ai: () => "Yes.", burst: { quietMs: 500, maxWaitMs: 2000 } } });
    expect(report.violations).toEqual([]);
    expect(report.taken).toBeGreaterThan(0);
  });

  it.each<[string, string, (storage: Storage) => Partial<Storage>]>([
    [
      "says of new texts that it knows them",
      "200 after the commit",
      (storage) => ({
        async recordInbound(record) {
          const recorded = await storage.recordInbound(record);
          return record.key.endsWith("3") ? { ...recorded, outcome: "repeated" } : recorded;
        },
      }),
    ],
    [
      "sends to people who texted STOP",
      "consent",
      (storage) => ({
        recordInbound: (record) => storage.recordInbound({ ...record, consent: null }),
      }),
    ],
    [
      "forgets what the provider answered",
      "once",
      (storage) => ({
        recordSend: (record) =>
          storage.recordSend({
            ...record,
            result: { kind: "refused", next: "retry", retryInMs: 100, error: { code: null, reason: "lost" } },
          }),
      }),
    ],
  ])("sees a ledger that %s", async (_, rule, change) => {
    const { broken: violations } = await play(1, 40, {
      storage: (clock) => {
        const storage = memory({ clock });
        return spoilt(storage, change(storage));
      },
    });
    expect(violations.some((violation) => violation.includes(`: ${rule}: `))).toBe(true);
  });

  describe("with one person who texts so much that the limits are met", () => {
    const much = { conversations: 1, texts: 60 } as const;

    it("counts answers as the loop guard does, and finds no broken promise", async () => {
      let silenced = 0;
      for (const seed of seedsOf(1, 8)) {
        const report = await simulate({ seed, ...much });
        expect(report.violations).toEqual([]);
        silenced += report.lines().filter((line) => line.includes("12 answers to one person")).length;
      }
      expect(silenced).toBeGreaterThan(0);
    });

    it.each<[string, string, (storage: Storage) => Partial<Storage>]>([
      [
        "counts no answer",
        "loop: ",
        (storage) => ({
          counters: async () => [],
          claimSend: (claim) => storage.claimSend({ ...claim, conditions: { ...claim.conditions, counters: [] } }),
        }),
      ],
      [
        "says that a limit is full which is not",
        "no silence: turn ",
        () => ({ counters: async (keys) => keys.map((key) => ({ key, count: 150, endsInMs: 1000 })) }),
      ],
      [
        "counts each part of an answer twice",
        "no silence: ",
        (storage) => ({
          claimSend: (claim) => {
            const counters = claim.conditions.counters.map((rule) => ({ ...rule, charge: rule.charge * 2 }));
            return storage.claimSend({ ...claim, conditions: { ...claim.conditions, counters } });
          },
        }),
      ],
    ])("sees a ledger that %s", async (_, accusation, change) => {
      const { broken } = await play(1, 24, {
        ...much,
        storage: (clock) => {
          const storage = memory({ clock });
          return spoilt(storage, change(storage));
        },
      });
      expect(broken.filter((violation) => violation.includes(`: ${accusation}`))).not.toEqual([]);
    });
  });
});
