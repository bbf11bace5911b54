import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { storageContract } from "../../src/testing/contracts/storage.ts";
import { mongodbForTests } from "../databases/mongodb.ts";

const url = inject("mongodbUrl");
const note = url === "" ? " (skipped: OWNLINE_TEST_MONGODB_URL names no server; start one and set it)" : "";

describe.skipIf(url === "")(`mongodb keeps the storage contract${note}`, () => {
  const database = mongodbForTests(url);
  beforeAll(() => database.start(), 60_000);
  afterAll(() => database.stop());

  for (const { name, run } of storageContract(database.harness)) {
    // Hundreds of commits, each of which the server confirms.
    it(`${name}`, { timeout: 60_000 }, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});
