import { DatabaseSync } from "node:sqlite";
import type { StorageClock } from "../../src/storage/clock.ts";
import type { SqlDriver, SqlRow, SqlStatement } from "../../src/storage/sql/driver.ts";
import { optimistic } from "../../src/storage/sql/optimistic.ts";

const MAX_PARAMS = 100;
const MAX_STATEMENT_BYTES = 100_000;

/** What a database without interactive transactions refuses. */
export class ShimRefusal extends Error {}

/**
 * An SQLite that behaves like Cloudflare's D1: it takes whole batches only, each of them one transaction, with its
 * limits (https://developers.cloudflare.com/d1/platform/limits/). `onBatch` sees every batch.
 */
export function batchOnly(
  path: string,
  clock: StorageClock | null,
  onBatch: (statements: readonly SqlStatement[]) => void = () => {},
): SqlDriver {
  const database = new DatabaseSync(path);
  database.exec("pragma busy_timeout = 5000; pragma journal_mode = wal;");

  function run(statements: readonly SqlStatement[]): SqlRow[][] {
    onBatch(statements);
    for (const statement of statements) refuse(statement);
    database.exec("begin immediate");
    try {
      const results = statements.map(({ sql, params }) => {
        const statement = database.prepare(sql);
        statement.setReadBigInts(true);
        return statement.all(...params).map(withNumbers);
      });
      database.exec("commit");
      return results;
    } catch (error) {
      database.exec("rollback");
      throw error;
    }
  }

  const batch = async (statements: readonly SqlStatement[]): Promise<SqlRow[][]> => run(statements);
  const now = (): number | null => clock?.now() ?? null;

  return {
    name: "batch-only",
    maxPlans: 1,
    isSerial: false,
    batch,
    read: batch,
    transact: optimistic({ name: "batch-only", batch, now, isMoved }),
    now,
    close: async () => database.close(),
  };
}

function isMoved(error: unknown): boolean {
  return error instanceof Error && error.message.includes("ownline_guard_moved");
}

function refuse({ sql, params }: SqlStatement): void {
  if (/^\s*(begin|commit|end|rollback|savepoint|release|pragma|attach)\b/i.test(sql)) {
    throw new ShimRefusal(`No transaction control and no pragma: ${sql}`);
  }
  if (params.length > MAX_PARAMS) throw new ShimRefusal(`${params.length} parameters: ${sql}`);
  const bytes = new TextEncoder().encode(sql).length;
  if (bytes > MAX_STATEMENT_BYTES) throw new ShimRefusal(`${bytes} bytes: ${sql.slice(0, 200)}`);
}

/** D1 hands over integers as numbers, also those that a number does not hold. */
function withNumbers(row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const entries = Object.entries(row).map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value]);
  return Object.fromEntries(entries);
}
