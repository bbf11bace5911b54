import { env } from "cloudflare:workers";
import { d1 } from "ownline/storage/d1";
import { migrations } from "ownline/storage/d1-migrations";
import { storageContract } from "ownline/testing";
import { describe, expect, it } from "vitest";
import { corruptSql } from "../../storage/corrupt-sql.ts";
import { ask, clear, onClock } from "./database.ts";

describe("D1 keeps the storage contract, on its own clock", () => {
  const cases = storageContract({
    // The clock runs while a case does.
    toleranceMs: 2_000,
    corruptible: true,
    async create() {
      await clear(env.LEDGER);
      let aheadMs = 0;
      const open = () =>
        d1(
          onClock(env.LEDGER, () => aheadMs),
          { migrations },
        );
      return {
        storage: open(),
        second: async () => open(),
        async advance(ms) {
          aheadMs += ms;
        },
        corrupt: (row) => corruptSql((sql, values) => ask(env.LEDGER, sql, values), row),
        dispose: () => clear(env.LEDGER),
      };
    },
  });
  for (const { name, run } of cases) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});
