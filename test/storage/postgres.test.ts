import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storageContract } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { type PostgresLedgers, postgresLedgers } from "./postgres-ledgers.ts";

let ledgers: PostgresLedgers;

beforeAll(async () => {
  ledgers = await postgresLedgers();
});

afterAll(() => ledgers.dispose());

describe("postgres keeps the storage contract", () => {
  const cases = storageContract({
    corruptible: true,
    async create() {
      const clock = manualClock();
      return {
        storage: ledgers.open({ clock }),
        advance: (ms) => clock.advance(ms),
        // Each call alone, so that lone calls and groups keep the contract.
        second: async () => ledgers.open({ clock, groupCommit: false }, other),
        corrupt: (row) => ledgers.corrupt(row),
        dispose: () => ledgers.empty(),
      };
    },
  });
  let other: ReturnType<PostgresLedgers["connect"]>;
  beforeAll(() => {
    other = ledgers.connect();
  });

  for (const one of cases) {
    it(`${one.name}`, async () => {
      await expect(one.run()).resolves.toBeUndefined();
    });
  }
});
