import { env } from "cloudflare:workers";
import { d1 } from "ownline/storage/d1";
import { migrations } from "ownline/storage/d1-migrations";
import { memory } from "ownline/storage/memory";
import { manualClock } from "ownline/testing";
import { afterEach, describe, expect, it } from "vitest";
import { agreement } from "../../storage/agreement.ts";
import { atTime, clear } from "./database.ts";

describe("D1 and the reference in memory", () => {
  afterEach(() => clear(env.LEDGER));

  // Few stories: each asks the database for everything, again and again. SQLite's test has many, of the same SQL.
  it.each([3, 9130])("answer alike to the same made-up story (%i)", { timeout: 120_000 }, async (seed) => {
    const clock = manualClock();
    const storage = d1(
      atTime(env.LEDGER, () => clock.now()),
      { migrations },
    );
    await storage.migrate();
    const pair = { reference: memory({ clock }), storage, advance: (ms: number) => clock.advance(ms) };
    const shown = await agreement(pair, seed, 120);
    expect(shown.differences).toEqual([]);
    // It was a story of something.
    expect(shown.reached.size).toBeGreaterThan(10);
  });
});
