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

/** What SQLite would do for a statement, a line for each step. */
function planOf(sql: string): string[] {
  return database
    .prepare(`explain query plan ${sql}`)
    .all()
    .map((row) => String(row.detail));
}

const CHANGES = /^(select|insert|update|delete) /;

/** Steps that read all of a table or of an index. Lists in a parameter, and the results of subqueries, are small. */
function scansOf(sql: string): string[] {
  const plan = planOf(sql);
  const parts = plan.flatMap((step) => /^(?:CO-ROUTINE|MATERIALIZE) (.+)$/.exec(step)?.[1] ?? []);
  return plan.filter((step) => {
    const [, name] = /^SCAN (\(.*?\)|\S+)/.exec(step) ?? [];
    return name !== undefined && !parts.includes(name) && !/VIRTUAL TABLE|CONSTANT ROW|sqlite_master/.test(step);
  });
}

function sorts(sql: string): boolean {
  return planOf(sql).some((step) => step.includes("TEMP B-TREE"));
}

beforeAll(async () => {
  const cases = storageContract({
    async create() {
      const clock = manualClock();
      const driver: SqlDriver = batchOnly(":memory:", clock, note);
      const storage = ledgerOver(sqlDatabase(driver, { migrate, migratesAtOpen: true }));
      return { storage, advance: (ms) => clock.advance(ms), dispose: () => storage.close() };
    },
  });
  for (const { run } of cases) await run();
  for (const sql of statements) if (/^(create|drop) /.test(sql)) database.exec(sql);
  // The whole contract runs in this hook.
}, 300_000);

describe("the statements of the SQL ledger", () => {
  it("never scan a table, however many rows it has", () => {
    const ledger = [...statements].filter((sql) => CHANGES.test(sql) && sql.includes("ownline_"));
    expect(ledger.length).toBeGreaterThan(100);
    expect(ledger.flatMap((sql) => scansOf(sql).map((step) => `${step} in: ${sql}`))).toEqual([]);
  });

  it("sort by an index, or not at all", () => {
    expect([...statements].filter((sql) => CHANGES.test(sql) && sorts(sql))).toEqual([]);
  });

  it("are of every kind: loads, guards, writes, reads, deletions", () => {
    const all = [...statements].join("\n");
    for (const part of [
      "select coalesce(?, cast(unixepoch",
      "insert into ownline_guards",
      "insert into ownline_messages (",
      "update ownline_messages as t set",
      "insert into ownline_counters",
      "insert into ownline_workers",
      "insert into ownline_answers",
      "delete from ownline_answers where call in",
      "(c.updated_at, c.id) < (?, ?)",
      "delete from ownline_turns as t",
      "join ownline_events e on e.outbound_id = r.id",
    ]) {
      expect(all).toContain(part);
    }
  });

  it("would be caught scanning and sorting", () => {
    expect(scansOf("select m.* from ownline_messages m where m.body = ?")).toEqual(["SCAN m"]);
    expect(scansOf("update ownline_turns set runs = 0 where outcome is not null")).toEqual(["SCAN ownline_turns"]);
    expect(scansOf("select * from (select 1 as at) n, json_each(?)")).toEqual([]);
    expect(sorts("select m.id from ownline_messages m where m.conversation_id = ? order by m.body")).toBe(true);
  });
});
