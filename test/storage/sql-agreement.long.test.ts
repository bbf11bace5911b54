import { describe, expect, it } from "vitest";
import { memory } from "../../src/storage/memory.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { agreement, OUTCOMES } from "./agreement.ts";

describe("SQLite and the reference in memory", () => {
  const reached = new Set<string>();
  /**
   * Where an expired worker's text was once left in `sending`, and where an auto-reply once passed the send admission.
   */
  const known = [9130, 9433];
  const seeds = [...Array.from({ length: 40 }, (_, seed) => seed + 1), ...known];

  it.each(seeds)("answer alike to the same made-up story (%i)", async (seed) => {
    const clock = manualClock();
    const storage = sqlite(":memory:", { clock });
    await storage.open();
    const pair = { reference: memory({ clock }), storage, advance: (ms: number) => clock.advance(ms) };
    const shown = await agreement(pair, seed, 250);
    await storage.close();
    for (const outcome of shown.reached) reached.add(outcome);
    expect(shown.differences).toEqual([]);
  });

  it("met every outcome in these stories", () => {
    expect([...reached]).toEqual(expect.arrayContaining([...OUTCOMES]));
  });
});
