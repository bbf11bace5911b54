import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LEDGER_ONLY } from "../../src/testing/contracts/storage/calls.ts";
import { storageContract } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { type PostgresLedgers, postgresLedgers } from "./postgres-ledgers.ts";

let ledgers: PostgresLedgers;

beforeAll(async () => {
  ledgers = await postgresLedgers();
});

afterAll(() => ledgers.dispose());

function noteOf(name: string): string {
  return LEDGER_ONLY.includes(name) ? " (skipped: this storage still decides by rules of its own)" : "";
}

describe("postgres keeps the storage contract", () => {
  const cases = storageContract({
    async create() {
      const clock = manualClock();
      return {
        storage: ledgers.open({ clock }),
        advance: (ms) => clock.advance(ms),
        // Without group commit, so that both ways of recording a text keep the contract.
        second: async () => ledgers.open({ clock, groupCommit: false }, other),
        dispose: () => ledgers.empty(),
      };
    },
  });
  let other: ReturnType<PostgresLedgers["connect"]>;
  beforeAll(() => {
    other = ledgers.connect();
  });

  for (const one of cases) {
    it.skipIf(LEDGER_ONLY.includes(one.name))(`${one.name}${noteOf(one.name)}`, async () => {
      await expect(one.run()).resolves.toBeUndefined();
    });
  }
});
