import pg from "pg";
import { inject } from "vitest";
import type { Logger } from "../../src/logger.ts";
import { type PostgresOptions, postgres } from "../../src/storage/postgres.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { CorruptedRow, RowName } from "../../src/testing/contracts/storage.ts";
import { corruptSql, type RunSql } from "./corrupt-sql.ts";

/** The server of the tests runs without fsync on purpose; tests about warnings pass a logger of their own. */
export const quiet: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const TABLES = [
  "conversations",
  "messages",
  "attempts",
  "events",
  "turns",
  "keys",
  "consents",
  "counters",
  "rate_limits",
  "workers",
  "sweeps",
  "answers",
];

export interface PostgresLedgers {
  readonly pool: pg.Pool;
  readonly schema: string;
  /** A handle on the ledger. */
  open(options?: PostgresOptions, pool?: pg.Pool): Storage;
  /** Another pool of connections. */
  connect(): pg.Pool;
  /** Until a call of a function of this ledger waits for a lock. */
  untilItWaits(name: string): Promise<void>;
  /** Breaks a row. */
  corrupt(row: RowName): Promise<CorruptedRow>;
  /** Removes what is in the ledger, and keeps its schema. */
  empty(): Promise<void>;
  dispose(): Promise<void>;
}

let count = 0;

/** A ledger in a schema of its own, which is migrated once and emptied between the cases. */
export async function postgresLedgers(url: string = inject("postgresUrl")): Promise<PostgresLedgers> {
  count += 1;
  const schema = `t${process.pid}_${count}_${Math.random().toString(36).slice(2, 8)}`;
  const pools: pg.Pool[] = [];
  const connect = (): pg.Pool => {
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    pool.on("error", () => {});
    pools.push(pool);
    return pool;
  };
  const pool = connect();
  const open = (options: PostgresOptions = {}, over = pool) => postgres(over, { schema, logger: quiet, ...options });
  await open().migrate();
  return {
    pool,
    schema,
    open,
    connect,
    async untilItWaits(name) {
      for (;;) {
        const { rows } = await pool.query(
          "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like $1",
          [`%"${schema}".ownline_1_${name}(%`],
        );
        if (rows.length > 0) return;
      }
    },
    corrupt(row) {
      const run: RunSql = async (sql, values) => {
        let place = 0;
        const numbered = sql.replaceAll("?", () => {
          place += 1;
          return `$${place}`;
        });
        return (await pool.query(numbered, [...values])).rows;
      };
      return corruptSql(run, row, `"${schema}".ownline_`);
    },
    async empty() {
      await pool.query(TABLES.map((table) => `delete from "${schema}".ownline_${table};`).join("\n"));
    },
    async dispose() {
      await pool.query(`drop schema "${schema}" cascade`);
      await Promise.all(pools.map((each) => each.end()));
    },
  };
}
