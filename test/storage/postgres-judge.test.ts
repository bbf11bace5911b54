import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { storageContract } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { postgresJudge } from "../spikes/postgres-judge.ts";
import { quiet } from "./postgres-ledgers.ts";

const TABLES = [
  "conversations",
  "messages",
  "attempts",
  "events",
  "turns",
  "keys",
  "consents",
  "counters",
  "rate_limits",
  "workers",
  "sweeps",
  "answers",
];

describe("postgres, decided by the ledger's rules, keeps the storage contract", () => {
  const schema = `t${process.pid}_judge`;
  const pools = [0, 1].map(() => new pg.Pool({ connectionString: inject("postgresUrl"), max: 4 }));
  const [pool, other] = pools;
  if (pool === undefined || other === undefined) throw new Error("There are two pools.");

  beforeAll(() => postgresJudge(pool, { schema, logger: quiet }).migrate());

  afterAll(async () => {
    await pool.query(`drop schema "${schema}" cascade`);
    await Promise.all(pools.map((each) => each.end()));
  });

  const cases = storageContract({
    async create() {
      const clock = manualClock();
      const open = (over: pg.Pool) => postgresJudge(over, { schema, logger: quiet, clock });
      return {
        storage: open(pool),
        advance: (ms) => clock.advance(ms),
        second: async () => open(other),
        async dispose() {
          await pool.query(TABLES.map((table) => `delete from "${schema}".ownline_${table};`).join("\n"));
        },
      };
    },
  });

  for (const one of cases) {
    it(`${one.name}`, async () => {
      await expect(one.run()).resolves.toBeUndefined();
    });
  }
});
