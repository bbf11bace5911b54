import { describe, expect, it } from "vitest";
import { memory } from "../../src/storage/memory.ts";
import { type StorageHarness, storageContract } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";

const harness: StorageHarness = {
  async create() {
    const clock = manualClock();
    return { storage: memory({ clock }), advance: (ms) => clock.advance(ms), dispose: async () => {} };
  },
};

describe("memory keeps the storage contract", () => {
  for (const { name, run } of storageContract(harness)) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});

describe("memory", () => {
  it("has a secret of its own for each ledger", async () => {
    const [one, other] = await Promise.all([memory().open(), memory().open()]);
    expect(one.secret).toMatch(/^[0-9a-f]{64}$/);
    expect(other.secret).not.toBe(one.secret);
  });
});
