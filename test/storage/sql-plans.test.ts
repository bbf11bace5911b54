import { DatabaseSync } from "node:sqlite";
import { beforeAll, describe, expect, it } from "vitest";
import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import { sqlDatabase } from "../../src/storage/sql/database.ts";
import type { SqlDriver, SqlStatement } from "../../src/storage/sql/driver.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import { storageContract } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { batchOnly } from "./batch-only-shim.ts";

const database = new DatabaseSync(":memory:");
const statements = new Set<string>();

function note(batch: readonly SqlStatement[]): void {
  for (const { sql } of batch) statements.add(sql);
}

/** Notes down every statement that passes. */
function recorded(driver: SqlDriver): SqlDriver {
  return {
    ...driver,
    batch(batch) {
      note(batch);
      return driver.batch(batch);
    },
    read(batch) {
      note(batch);
      return driver.read(batch);
    },
  };
}

/** What SQLite would do for a statement, a line for each step. */
function planOf(sql: string): string[] {
  return database
    .prepare(`explain query plan ${sql}`)
    .all()
    .map((row) => String(row.detail));
}

const CHANGES = /^(select|insert|update|delete) /;

/** Steps that read all of a table or of an index. Lists in a parameter or a marker, and subqueries, are small. */
function scansOf(sql: string): string[] {
  const plan = planOf(sql);
  const parts = plan.flatMap((step) => /^(?:CO-ROUTINE|MATERIALIZE) (.+)$/.exec(step)?.[1] ?? []);
  return plan.filter((step) => {
    const [, name] = /^SCAN (\(.*?\)|\S+)/.exec(step) ?? [];
    return name !== undefined && !parts.includes(name) && !/VIRTUAL TABLE|CONSTANT ROW|sqlite_master/.test(step);
  });
}

/** What is sorted beside an index: what a message or a marker has few of. */
const SORTS_FEW = /json_each|order by case b\.status/;

beforeAll(async () => {
  const cases = storageContract({
    async create() {
      const clock = manualClock();
      const storage = ledgerOver(
        sqlDatabase(recorded(batchOnly(":memory:", clock)), { migrate, migratesAtOpen: true }),
      );
      return { storage, advance: (ms) => clock.advance(ms), dispose: () => storage.close() };
    },
  });
  for (const { run } of cases) await run();
  for (const sql of statements) if (/^(create|drop) /.test(sql)) database.exec(sql);
  // The whole contract runs in this hook.
}, 120_000);

describe("the statements of the SQL ledger", () => {
  it("never scan a table, however many rows it has", () => {
    const ledger = [...statements].filter((sql) => CHANGES.test(sql) && sql.includes("ownline_"));
    expect(ledger.length).toBeGreaterThan(60);
    expect(ledger.flatMap((sql) => scansOf(sql).map((step) => `${step} in: ${sql}`))).toEqual([]);
  });

  it("sort by an index, except for the few entries of a list or of one message", () => {
    const sorting = [...statements].filter((sql) => CHANGES.test(sql) && planOf(sql).join().includes("TEMP B-TREE"));
    expect(sorting.filter((sql) => !SORTS_FEW.test(sql))).toEqual([]);
    expect(sorting.filter((sql) => sql.startsWith("select "))).toEqual([]);
  });

  it("would be caught scanning", () => {
    expect(scansOf("select m.* from ownline_messages m where m.content = ?")).toEqual(["SCAN m"]);
    expect(scansOf("update ownline_turns set runs = 0 where outcome is not null")).toEqual(["SCAN ownline_turns"]);
    expect(scansOf("select * from (select 1 as at) n, json_each(?)")).toEqual([]);
  });
});
