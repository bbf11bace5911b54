import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memory } from "../../src/storage/memory.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { agreement } from "./agreement.ts";
import { type PostgresLedgers, postgresLedgers } from "./postgres-ledgers.ts";

describe("PostgreSQL and the reference in memory", () => {
  let ledgers: PostgresLedgers;

  beforeAll(async () => {
    ledgers = await postgresLedgers();
  });

  afterAll(() => ledgers.dispose());

  // Few stories: each asks a real server for everything, again and again. SQLite's test has many.
  it.each([3, 9130])("answer alike to the same made-up story (%i)", { timeout: 120_000 }, async (seed) => {
    const clock = manualClock();
    const storage = ledgers.open({ clock });
    const pair = { reference: memory({ clock }), storage, advance: (ms: number) => clock.advance(ms) };
    const { differences } = await agreement(pair, seed, 120);
    await ledgers.empty();
    expect(differences).toEqual([]);
  });
});
