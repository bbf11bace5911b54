import { consoleLogger, type Logger } from "../../src/logger.ts";
import type { StorageClock } from "../../src/storage/clock.ts";
import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import type { PostgresPool } from "../../src/storage/postgres/ledger.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { postgresDatabase } from "./postgres-judge/database.ts";

/** Options of {@link postgresJudge}. */
export interface PostgresJudgeOptions {
  /** @default "public" */
  readonly schema?: string;
  /** @default the console */
  readonly logger?: Logger;
  /** @default the database's clock */
  readonly clock?: StorageClock;
}

/** The ledger in PostgreSQL, decided by `ledger/rules`. Not published: `postgres()` becomes it. */
export function postgresJudge(pool: PostgresPool, options: PostgresJudgeOptions = {}): Storage {
  const { schema = "public", logger = consoleLogger, clock = null } = options;
  return ledgerOver(postgresDatabase({ pool, schema, logger, clock }));
}
