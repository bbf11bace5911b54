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
  /** Creates and upgrades the schema. Repeated, it does nothing. */
  apply(database: D1DatabaseLike): Promise<void>;
}

/** Options of {@link d1}. */
export interface D1Options {
  /** For `storage.migrate()`. Not needed where `wrangler d1 migrations apply` does the same. @default none */
  readonly migrations?: D1Migrations;
  /**
   * Whether `open()` calls `storage.migrate()` by itself, which costs each service one or two more queries. Without it,
   * migrations are a step of the deployment.
   * @default false
   */
  readonly migrate?: boolean;
}

/**
 * The ledger in Cloudflare D1, for Workers. Each call is decided by two batches: one reads, the other one checks that
 * what was read still stands, and writes. D1 runs each batch as one transaction. Times come from the database's own
 * clock, since many isolates write to one ledger. All tables begin with `ownline_`.
 *
 * The schema comes from `wrangler d1 migrations apply`, with `"migrations_dir": "node_modules/ownline/migrations/d1"`
 * beside the binding in `wrangler.jsonc`, or from `storage.migrate()`, which needs the option `migrations`. Both may be
 * used, in any order; the ledger's secret is made once, by the first of them.
 *
 * D1 takes [50 queries for each event of a Worker on the free plan, 1,000 on the paid
 * one](https://developers.cloudflare.com/d1/platform/limits/). What ownline sends, counted in workerd, in batches and in
 * the statements that they hold:
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
 * batch, and does not say whether that includes this one. So set `worker.passLimit`, how many turns and messages one
 * `processDue()` begins: 20 stays below 1,000 either way; with 2, the free plan answers one message for each event where
 * batches are counted, and too little where statements are. A longer `worker.leaseMs` saves heartbeats. What a limit
 * ends is not lost: the next event goes on with it.
 *
 * Pass the binding itself, not a session: the ledger reads what it has just written.
 *
 * @throws OwnlineError at once: `invalid_options` when there is no database, as when the binding is missing, when
 * `migrate` is set without `migrations`, and for an option that is not known.
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

/** A binding that `wrangler.jsonc` does not name is `undefined`. */
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
