import { OwnlineError } from "../errors.ts";
import { refuseUnknownOptions } from "../unknown-fields.ts";
import { ledgerOver } from "./ledger/ledger.ts";
import { type D1DatabaseLike, d1Driver } from "./sql/d1-driver.ts";
import { sqlDatabase } from "./sql/database.ts";
import type { Storage } from "./storage.ts";

export type { D1DatabaseLike, D1ResultLike, D1StatementLike } from "./sql/d1-driver.ts";
export type { SqlValue } from "./sql/driver.ts";

/** Brings a database up to date: `migrations` of `ownline/storage/d1-migrations`. */
export interface D1Migrations {
  /** Creates and upgrades the schema. A second call changes nothing. */
  apply(database: D1DatabaseLike): Promise<void>;
}

/** Options of {@link d1}. */
export interface D1Options {
  /**
   * The migrations that `storage.migrate()` applies. Not needed if you use `wrangler d1 migrations apply`.
   * @default none
   */
  readonly migrations?: D1Migrations;
  /**
   * Whether `open()` calls `storage.migrate()`. This costs each service one or two more queries. Without it, migrations
   * are a step of the deployment.
   * @default false
   */
  readonly migrate?: boolean;
}

/**
 * The ledger in Cloudflare D1, for Workers. Each call uses two batches: the first one reads, and the second one checks
 * that the rows have not changed, and writes. D1 runs each batch as one transaction. Times come from the database's own
 * clock, because many isolates write to one ledger. The names of all tables begin with `ownline_`.
 *
 * The schema comes from `wrangler d1 migrations apply`, with `"migrations_dir": "node_modules/ownline/migrations/d1"`
 * beside the binding in `wrangler.jsonc`, or from `storage.migrate()`, which needs the option `migrations`. You may use
 * both, in any order. The first one creates the ledger's secret.
 *
 * D1 takes [50 queries for each event of a Worker on the free plan, 1,000 on the paid
 * one](https://developers.cloudflare.com/d1/platform/limits/). The batches that ownline sends, and the statements in
 * them, counted in workerd:
 *
 * | Event | Batches | Statements |
 * | --- | --- | --- |
 * | a webhook with a message, or a status callback | 4 | 12 to 16 |
 * | `processDue()` with nothing to do | 7 | 25 |
 * | `processDue()` that answers one message | 16 to 18 | about 80 |
 * | each further turn, and each further message that it sends | about 8 | about 40 |
 * | each heartbeat, four for each `worker.leaseMs` of work | 2 | 14 |
 *
 * A batch is one request to D1. Cloudflare's page applies the limits "for individual queries" to each statement of a
 * batch. It does not say whether the number of queries counts batches or statements. So set `worker.passLimit`, the
 * number of turns and messages that one `processDue()` begins: 20 stays below 1,000 in both cases. On the free plan, a
 * limit of 2 answers one message for each event if batches are counted, and does not suffice if statements are. A
 * longer `worker.leaseMs` saves heartbeats. Work that a limit interrupts is not lost: the next event continues it.
 *
 * Pass the binding itself, not a session, because the ledger reads rows that it has just written.
 *
 * @throws OwnlineError at once: `invalid_options` if there is no database (for example because the binding is missing),
 * if `migrate` is set without `migrations`, and for an unknown option.
 *
 * @example
 * ```ts
 * import { ownline } from "ownline";
 * import { type D1DatabaseLike, d1 } from "ownline/storage/d1";
 * import { twilio } from "ownline/transport/twilio";
 *
 * interface Env {
 *   readonly DB: D1DatabaseLike; // D1Database of the Workers types
 *   readonly TWILIO_ACCOUNT_SID: string;
 *   readonly TWILIO_AUTH_TOKEN: string;
 * }
 *
 * function connect(env: Env) {
 *   return ownline({
 *     senders: ["+15703251809"],
 *     storage: d1(env.DB),
 *     transport: twilio({
 *       accountSid: env.TWILIO_ACCOUNT_SID,
 *       authToken: env.TWILIO_AUTH_TOKEN,
 *       webhookUrl: "https://example.com/api/webhooks/sms",
 *     }),
 *     ai: () => "We open at nine.",
 *   });
 * }
 *
 * export default {
 *   fetch: (request: Request, env: Env) => connect(env).fetch(request),
 * };
 * ```
 */
export function d1(database: D1DatabaseLike, options: D1Options = {}): Storage {
  refuseUnknownOptions("d1()", options, { migrations: true, migrate: true });
  refuseMistakes(database, options);
  const { migrations, migrate = false } = options;
  const rows = sqlDatabase(d1Driver(database), {
    migratesAtOpen: migrate,
    async migrate() {
      if (migrations === undefined) throw withoutMigrations("storage.migrate()");
      await migrations.apply(database);
    },
  });
  return ledgerOver(rows);
}

/** Refuses a missing database: a binding that `wrangler.jsonc` does not name is `undefined`. */
function refuseMistakes(database: unknown, { migrate, migrations }: D1Options): void {
  const isDatabase = typeof database === "object" && database !== null && "prepare" in database && "batch" in database;
  if (!isDatabase) {
    throw new OwnlineError(
      "invalid_options",
      "d1() needs a D1 database, for example d1(env.DB): add the binding to d1_databases in wrangler.jsonc, and pass " +
        "it by the name that it has there.",
    );
  }
  if (migrate === true && migrations === undefined) throw withoutMigrations("The option migrate of d1()");
}

function withoutMigrations(what: string): OwnlineError {
  return new OwnlineError(
    "invalid_options",
    `${what} needs the migrations: pass them, d1(env.DB, { migrations }), from "ownline/storage/d1-migrations"; or leave ` +
      "them to `wrangler d1 migrations apply`.",
  );
}
