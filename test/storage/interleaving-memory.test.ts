import { describe, expect, it } from "vitest";
import { type StorageHarness, storageContract } from "../../src/testing/contracts/storage.ts";
import { diceOf } from "../../src/testing/simulation/dice.ts";
import { simulate } from "../../src/testing/simulation.ts";
import { OUTCOMES } from "./agreement.ts";
import { RACES, runRace } from "./interleaved-races.ts";
import { playTogether, sharedLedger } from "./interleaved-story.ts";
import type { InterleavingMemory } from "./interleaving-memory.ts";
import { type SimulatedInterleaving, simulatedInterleaving } from "./simulated-interleaving.ts";

describe("the interleaving memory keeps the storage contract", () => {
  const ledgers: InterleavingMemory[] = [];
  const harness: StorageHarness = {
    async create() {
      const { clock, memory, open } = sharedLedger(diceOf(ledgers.length));
      ledgers.push(memory);
      return {
        storage: open(),
        second: async () => open(),
        advance: (ms) => clock.advance(ms),
        async dispose() {
          for (const { kind, calls } of memory.oracle.faults) throw new Error(`${kind}: ${calls.join(", ")}`);
        },
      };
    },
  };

  for (const { name, run } of storageContract(harness)) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }

  it("met moved guards in these cases", () => {
    const moved = new Set(ledgers.flatMap(({ counts }) => [...counts.moved.keys()]));
    expect([...moved]).toEqual(expect.arrayContaining(["conversation", "address"]));
  });
});

describe("the simulation on the interleaving memory", { timeout: 120_000 }, () => {
  it("finds no broken promise, and the oracle agrees with every decision", async () => {
    const broken: string[] = [];
    let moved = 0;
    // Where a message that no longer stood first kept waiting for one whose fate had been settled.
    const known = [1336, 1458];
    for (const seed of [...known, ...Array.from({ length: 20 }, (_, index) => index + 1)]) {
      const { run, ledger } = await simulated(seed);
      broken.push(...run.violations.map(({ rule, detail }) => `seed ${seed}: ${rule}: ${detail}`), ...ledger.faults());
      moved += ledger.counts.moved.size;
    }
    expect(broken).toEqual([]);
    expect(moved).toBeGreaterThan(0);
  });

  it("goes the same way for the same seed, although calls sleep in the ledger", async () => {
    const [one, again, other] = [await simulated(4), await simulated(4), await simulated(5)];
    expect(again.run.hash()).toBe(one.run.hash());
    expect(other.run.hash()).not.toBe(one.run.hash());
  });
});

async function simulated(seed: number) {
  const ledgers: SimulatedInterleaving[] = [];
  const run = await simulate({
    seed,
    storage(clock) {
      const ledger = simulatedInterleaving(clock);
      ledgers.push(ledger);
      return ledger.storage;
    },
  });
  const [ledger] = ledgers;
  if (ledger === undefined) throw new TypeError("The simulation made no ledger.");
  return { run, ledger };
}

describe("two calls that read what the other one writes come out as one after the other", () => {
  const seeds = Array.from({ length: 12 }, (_, index) => index + 1);

  it.each(RACES)("$name", async (race) => {
    let moved = 0;
    for (const seed of seeds) {
      const ran = await runRace(race, seed, { inOneProcess: false });
      expect(ran.faults).toEqual([]);
      moved += ran.moved;
    }
    expect(moved).toBeGreaterThan(0);
  });

  it.each(RACES)("$name, in one process", async (race) => {
    for (const seed of seeds) {
      expect((await runRace(race, seed, { inOneProcess: true })).faults).toEqual([]);
    }
  });
});

describe("what several processes decide at once", () => {
  const reached = new Set<string>();
  const moved = new Set<string>();
  let groups = 0;
  let calls = 0;
  /** A STOP beside a message in the person's other conversation; a group of which one call had its answer already. */
  const known = [23, 7];
  const seeds = [...known, ...Array.from({ length: 60 }, (_, index) => index + 101)];

  it.each(seeds)("is what they would decide one after the other (%i)", async (seed) => {
    const { oracle, counts, ...shown } = await playTogether(seed);
    for (const outcome of shown.reached) reached.add(outcome);
    for (const guard of counts.moved.keys()) moved.add(guard);
    groups += counts.groups;
    calls += shown.calls;
    expect(oracle.faults).toEqual([]);
    expect(shown.unlike).toEqual([]);
    expect(oracle.replays).toBeGreaterThan(counts.commits);
    expect(oracle.excused).toBeLessThan(counts.commits / 20);
  });

  it("met every outcome, the usual conflicts, and groups", () => {
    expect([...reached]).toEqual(expect.arrayContaining(OUTCOMES.filter((outcome) => outcome !== "competingAttempts")));
    const often = ["conversation", "address", "consent", "call"];
    expect([...moved]).toEqual(expect.arrayContaining(often));
    expect(groups).toBeGreaterThan(calls / 10);
  });
});
