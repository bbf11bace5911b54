import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { storageContract } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { noPgBouncer, type Pooler, startPgBouncer } from "../databases/pgbouncer.ts";
import { type PostgresLedgers, postgresLedgers } from "./postgres-ledgers.ts";

const note = noPgBouncer === null ? "" : ` (skipped: ${noPgBouncer})`;

describe.skipIf(noPgBouncer !== null)(`postgres behind PgBouncer in transaction mode${note}`, () => {
  let pooler: Pooler;
  let ledgers: PostgresLedgers;

  beforeAll(async () => {
    pooler = await startPgBouncer(inject("postgresUrl"));
    ledgers = await postgresLedgers(pooler.url);
  });

  afterAll(async () => {
    await ledgers.dispose();
    await pooler.stop();
  });

  it("gives a connection to no client for longer than a transaction", async () => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => ledgers.pool.connect()));
    const backends = await Promise.all(
      clients.map(async (client) => (await client.query("select pg_backend_pid() as pid, pg_sleep(0.05)")).rows[0].pid),
    );
    for (const client of clients) client.release();
    expect(new Set(backends).size).toBeLessThanOrEqual(3);
  });

  const cases = storageContract({
    async create() {
      const clock = manualClock();
      return {
        storage: ledgers.open({ clock }),
        advance: (ms) => clock.advance(ms),
        second: async () => ledgers.open({ clock, groupCommit: false }),
        dispose: () => ledgers.empty(),
      };
    },
  });

  for (const one of cases) {
    it(`${one.name}`, async () => {
      await expect(one.run()).resolves.toBeUndefined();
    });
  }
});
