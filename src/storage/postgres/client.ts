import type { Logger } from "../../logger.ts";
import type { StorageClock } from "../clock.ts";
import { keepable } from "../sql/statement.ts";
import { isConflict, postgresError, sqlState } from "./errors.ts";

/** What is called of a `pg.Pool` (https://node-postgres.com/apis/pool#poolquery). */
export interface PostgresPool {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  /** Reports an idle connection that broke (https://node-postgres.com/apis/pool#error). */
  on?(event: "error", listener: (error: Error) => void): unknown;
}

/** The ledger's way to its database. Each call is one statement: one round trip, one transaction. */
export interface PostgresClient {
  /** Calls a function of the schema with the text of a JSON, and returns the JSON that it answers. */
  call(name: "load" | "apply" | "erase" | "purge", parameter: string): Promise<unknown>;
  /** Runs a select whose one row has one column, `answer`, with the text of its JSON. */
  read(sql: string, values: readonly unknown[]): Promise<unknown>;
  /** The test's clock, or `null` for the database's: what `ownline_1_now` takes. */
  now(): number | null;
  /** Runs a statement that answers nothing. */
  run(sql: string): Promise<void>;
}

export interface ClientOptions {
  readonly pool: PostgresPool;
  readonly schema: string;
  readonly clock: StorageClock | null;
}

const LISTENED = new WeakSet<PostgresPool>();

/**
 * Logs idle connections that break. The server may end one at any time, and an `error` event that nothing listens to
 * would end the process; the pool itself opens another connection.
 */
export function listenToErrors(pool: PostgresPool, logger: Logger): void {
  if (LISTENED.has(pool)) return;
  LISTENED.add(pool);
  pool.on?.("error", (error) => {
    logger.warn(
      `ownline: an idle connection to PostgreSQL ended (${sqlState(error) ?? "no word from the server"}). The pool opens ` +
        "another when a call needs one.",
    );
  });
}

/** A deadlock or a failed serialization undid everything: the same call may come again at once. */
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

/** The text of the JSON, with any types that the pool is set to parse. */
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
    throw new TypeError("The pool's query() returned something else than the text asked for.");
  const parsed: unknown = JSON.parse(answer);
  return parsed;
}

/** Stands for the schema's name in a text for {@link inSchema}. */
export const SCHEMA_NAME = "{schema}";

/**
 * A text of the ledger's SQL with the schema before every table and function. They are qualified one by one, since a
 * pooled connection keeps no `search_path`. An index lives in its table's schema, and is not qualified.
 */
function inSchema(sql: string, schema: string): string {
  // The name comes last: one that begins with ownline_ itself is no table.
  return sql.replaceAll(/(?<!index )\bownline_/g, `"${schema}".ownline_`).replaceAll(SCHEMA_NAME, schema);
}
