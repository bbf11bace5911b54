import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import { sqlDatabase } from "../../src/storage/sql/database.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import { storageContract } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { batchOnly, ShimRefusal } from "./batch-only-shim.ts";
import { corruptFile } from "./corrupt-file.ts";

describe("a database that runs only batches keeps the storage contract", () => {
  const cases = storageContract({
    corruptible: true,
    async create() {
      const clock = manualClock();
      const folder = mkdtempSync(join(tmpdir(), "ownline-batch-"));
      const open = () =>
        ledgerOver(sqlDatabase(batchOnly(join(folder, "ledger.db"), clock), { migrate, migratesAtOpen: true }));
      const handles = [open()];
      return {
        storage: handles[0] ?? open(),
        advance: (ms) => clock.advance(ms),
        second: async () => {
          const handle = open();
          handles.push(handle);
          return handle;
        },
        corrupt: (row) => corruptFile(join(folder, "ledger.db"), row),
        async dispose() {
          for (const handle of handles) await handle.close();
          rmSync(folder, { recursive: true });
        },
      };
    },
  });
  for (const { name, run } of cases) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});

describe("the batch-only shim", () => {
  it("refuses transaction control, too many parameters and statements that are too long", async () => {
    const driver = batchOnly(":memory:", null);
    const run = (sql: string, count = 0) => driver.batch([{ sql, params: Array.from({ length: count }, () => 1) }]);
    await expect(run("begin immediate")).rejects.toThrow(ShimRefusal);
    await expect(run(`select ${Array.from({ length: 101 }, () => "?").join(", ")}`, 101)).rejects.toThrow(ShimRefusal);
    await expect(run(`select '${"x".repeat(100_000)}'`)).rejects.toThrow(ShimRefusal);
    await expect(run("select ?", 1)).resolves.toHaveLength(1);
    await driver.close();
  });
});
