import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { memory } from "../../src/storage/memory.ts";
import { mongodb } from "../../src/storage/mongodb.ts";
import { storageContract } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { mongodbForTests, skipNote } from "../databases/mongodb.ts";
import { agreement } from "./agreement.ts";

const url = inject("mongodbUrl");

/** Hundreds of commits in one case, each of which the server confirms. */
const TIMEOUT_MS = 120_000;

describe.skipIf(url === "")(`mongodb keeps the storage contract${skipNote(url)}`, () => {
  const database = mongodbForTests(url);
  beforeAll(() => database.start(), TIMEOUT_MS);
  afterAll(() => database.stop());

  for (const { name, run } of storageContract(database.harness)) {
    it(`${name}`, { timeout: TIMEOUT_MS }, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }

  it.each([2, 5])(
    "answers like the reference to the same made-up story (%i)",
    { timeout: TIMEOUT_MS },
    async (seed) => {
      const clock = manualClock();
      const storage = mongodb(database.db(), { clock });
      const pair = { reference: memory({ clock }), storage, advance: (ms: number) => clock.advance(ms) };
      const shown = await agreement(pair, seed, 100);
      await database.empty();
      expect(shown.differences).toEqual([]);
    },
  );
});
