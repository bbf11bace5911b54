import { afterAll, describe, expect, it } from "vitest";
import { type StorageHarness, storageContract } from "../../src/testing/contracts/storage.ts";
import { diceOf } from "../../src/testing/simulation/dice.ts";
import { OUTCOMES } from "./agreement.ts";
import { playTogether, sharedLedger } from "./interleaved-story.ts";
import type { InterleavingMemory } from "./interleaving-memory.ts";

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
        dispose: async () => expect(memory.oracle.faults).toEqual([]),
      };
    },
  };

  for (const { name, run } of storageContract(harness)) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }

  afterAll(() => {
    const moved = new Set(ledgers.flatMap(({ counts }) => [...counts.moved.keys()]));
    expect([...moved]).toEqual(expect.arrayContaining(["conversation", "address"]));
  });
});

describe("what several processes decide at once", () => {
  const reached = new Set<string>();
  const moved = new Set<string>();
  let groups = 0;
  let calls = 0;
  /** A STOP beside a message in the person's other conversation; a group of which one call had its answer already. */
  const telling = [23, 7];
  const seeds = [...telling, ...Array.from({ length: 60 }, (_, index) => index + 101)];

  it.each(seeds)("is what they would decide one after the other (%i)", async (seed) => {
    const { oracle, counts, ...told } = await playTogether(seed);
    for (const outcome of told.reached) reached.add(outcome);
    for (const guard of counts.moved.keys()) moved.add(guard);
    groups += counts.groups;
    calls += told.calls;
    expect(oracle.faults).toEqual([]);
    expect(told.unlike).toEqual([]);
    expect(oracle.replays).toBeGreaterThan(counts.commits);
    expect(oracle.excused).toBeLessThan(counts.commits / 20);
  });

  it("met every outcome, every guard, and groups", () => {
    expect([...reached]).toEqual(expect.arrayContaining(OUTCOMES.filter((outcome) => outcome !== "rivals")));
    const often = ["conversation", "address", "consent", "filed", "rateLimit", "worker", "call"];
    expect([...moved]).toEqual(expect.arrayContaining(often));
    expect(groups).toBeGreaterThan(calls / 10);
  });
});
