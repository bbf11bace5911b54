import type { Logger } from "../../logger.ts";
import type { StorageClock } from "../clock.ts";
import { keepable } from "../sql/statement.ts";
import { isConflict, postgresError, sqlState } from "./errors.ts";

/** The part of a `pg.Pool` that the ledger uses (https://node-postgres.com/apis/pool#poolquery). */
export interface PostgresPool {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  /** Reports an idle connection that broke (https://node-postgres.com/apis/pool#error). */
  on?(event: "error", listener: (error: Error) => void): unknown;
}

/** How the ledger calls its database. Each call is one statement: one round trip, one transaction. */
export interface PostgresClient {
  /** Calls a function of the schema with JSON text, and returns the parsed JSON of its answer. */
  call(name: "load" | "apply" | "erase" | "purge", parameter: string): Promise<unknown>;
  /** Runs a select that returns one row with one column, `answer`, which holds JSON text. Returns the parsed JSON. */
  read(sql: string, values: readonly unknown[]): Promise<unknown>;
  /** The time of the test's clock, or `null` for the database's clock. `ownline_1_now` takes this value. */
  now(): number | null;
  /** Runs a statement that returns nothing. */
  run(sql: string): Promise<void>;
}

export interface ClientOptions {
  readonly pool: PostgresPool;
  readonly schema: string;
  readonly clock: StorageClock | null;
}

const LISTENED = new WeakSet<PostgresPool>();

/**
 * Logs idle connections that break. The server may end an idle connection at any time, and an `error` event without a
 * listener would end the process. The pool itself opens another connection.
 */
export function listenToErrors(pool: PostgresPool, logger: Logger): void {
  if (LISTENED.has(pool)) return;
  LISTENED.add(pool);
  pool.on?.("error", (error) => {
    logger.warn(
      `ownline: an idle connection to PostgreSQL ended (${sqlState(error) ?? "the server gave no reason"}). The pool opens ` +
        "another when a call needs one.",
    );
  });
}

/**
 * How often a call is tried. After a deadlock or a failed serialization PostgreSQL has undone everything, so the call
 * can be repeated at once.
 */
const TRIES = 5;

export function clientOver({ pool, schema, clock }: ClientOptions): PostgresClient {
  async function ask(sql: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    for (let left = TRIES - 1; ; left -= 1) {
      try {
        return (await pool.query(inSchema(sql, schema), [...values])).rows;
      } catch (error) {
        if (left === 0 || !isConflict(error)) throw postgresError(error);
      }
    }
  }

  return {
    async call(name, parameter) {
      return answerIn(await ask(`select ownline_1_${name}($1::jsonb)::text as answer`, [parameter]));
    },
    async read(sql, values) {
      return answerIn(
        await ask(
          sql,
          values.map((value) => (typeof value === "string" ? keepable(value) : value)),
        ),
      );
    },
    now: () => clock?.now() ?? null,
    async run(sql) {
      await ask(sql, []);
    },
  };
}

/**
 * Parses the JSON text of the one column. As text, it does not depend on the type parsers that are set for the pool.
 */
function answerIn(rows: readonly unknown[]): unknown {
  const [row] = rows;
  if (typeof row !== "object" || row === null || !("answer" in row)) {
    throw new TypeError(
      "The pool's query() returned no row: postgres() needs a Pool of pg, or one that works like it.",
    );
  }
  const { answer } = row;
  if (answer === null) return null;
  if (typeof answer !== "string")
    throw new TypeError(
      "The pool's query() did not return text: postgres() needs a Pool of pg, or one that works like it.",
    );
  const parsed: unknown = JSON.parse(answer);
  return parsed;
}

/** Placeholder for the schema's name in the SQL that {@link inSchema} takes. */
export const SCHEMA_NAME = "{schema}";

/**
 * The ledger's SQL with the schema before every table and function. Each name is qualified, because a pooled connection
 * keeps no `search_path`. The names of indexes are not qualified: an index is in its table's schema.
 */
function inSchema(sql: string, schema: string): string {
  // The schema's name is inserted last, because a name that begins with ownline_ must not be taken for a table.
  return sql.replaceAll(/(?<!index )\bownline_/g, `"${schema}".ownline_`).replaceAll(SCHEMA_NAME, schema);
}
