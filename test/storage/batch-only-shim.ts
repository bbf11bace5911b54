import { DatabaseSync } from "node:sqlite";
import type { StorageClock } from "../../src/storage/clock.ts";
import type { SqlDriver, SqlRow, SqlStatement } from "../../src/storage/sql/driver.ts";
import { procedureBook } from "../../src/storage/sql/procedure.ts";
import { procedures } from "../../src/storage/sql/procedures/procedures.ts";

const MAX_PARAMS = 100;
const MAX_STATEMENT_BYTES = 100_000;

/** What a database without interactive transactions refuses. */
export class ShimRefusal extends Error {}

/**
 * An SQLite that behaves like Cloudflare's D1: it takes whole batches only, each of them one transaction, with its
 * limits (https://developers.cloudflare.com/d1/platform/limits/).
 */
export function batchOnly(path: string, clock: StorageClock | null): SqlDriver {
  const database = new DatabaseSync(path);
  const book = procedureBook((name) => procedures[name]);
  database.exec("pragma busy_timeout = 5000; pragma journal_mode = wal;");

  function run(statements: readonly SqlStatement[]): SqlRow[][] {
    for (const statement of statements) refuse(statement);
    database.exec("begin immediate");
    try {
      const results = statements.map(({ sql, params }) => database.prepare(sql).all(...params));
      database.exec("commit");
      return results;
    } catch (error) {
      database.exec("rollback");
      throw error;
    }
  }

  return {
    name: "batch-only",
    procedures: () => book,
    batch: async (statements) => run(statements),
    read: async (statements) => run(statements),
    now: () => clock?.now() ?? null,
    close: async () => database.close(),
  };
}

function refuse({ sql, params }: SqlStatement): void {
  if (/^\s*(begin|commit|end|rollback|savepoint|release|pragma|attach)\b/i.test(sql)) {
    throw new ShimRefusal(`No transaction control and no pragma: ${sql}`);
  }
  if (params.length > MAX_PARAMS) throw new ShimRefusal(`${params.length} parameters: ${sql}`);
  const bytes = new TextEncoder().encode(sql).length;
  if (bytes > MAX_STATEMENT_BYTES) throw new ShimRefusal(`${bytes} bytes: ${sql.slice(0, 200)}`);
}
