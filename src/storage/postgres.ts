import { OwnlineError } from "../errors.ts";
import { consoleLogger, type Logger } from "../logger.ts";
import { refuseUnknownOptions } from "../unknown-fields.ts";
import type { StorageClock } from "./clock.ts";
import { canShareCommit, recordInbound, recordInbounds } from "./postgres/arrivals.ts";
import { due } from "./postgres/due.ts";
import { erase, purge } from "./postgres/erasure.ts";
import { recordSend, recordStatus } from "./postgres/facts.ts";
import { claimSend } from "./postgres/gate.ts";
import { type GroupCommit, groupCommit } from "./postgres/group-commit.ts";
import { ledgerOver, type PostgresLedger, type PostgresPool } from "./postgres/ledger.ts";
import { migrate, openLedger } from "./postgres/migrate.ts";
import { recordOutbound } from "./postgres/outbound.ts";
import { setPaused } from "./postgres/pause.ts";
import { changes, consent, conversation, conversations, counters, messages } from "./postgres/queries.ts";
import { requeueTurn, resolve, rivals, suspect } from "./postgres/repairs.ts";
import { story } from "./postgres/story.ts";
import { claimSweep, commitSweep, unrecorded } from "./postgres/sweeps.ts";
import { claimTurn, commitTurn, releaseTurn } from "./postgres/turns.ts";
import { heartbeat } from "./postgres/workers.ts";
import type { InboundRecord, RecordedInbound, Storage } from "./storage.ts";

export type { StorageClock } from "./clock.ts";
export type { GroupCommit } from "./postgres/group-commit.ts";
export type { PostgresPool } from "./postgres/ledger.ts";

/** Options of {@link postgres}. */
export interface PostgresOptions {
  /**
   * The schema that holds the ledger's tables and functions; `migrate()` makes it where it is missing. Small letters,
   * digits and underscores.
   * @default "public"
   */
  readonly schema?: string;
  /**
   * How texts that arrive at the same time share a commit, and with it one wait for the disk. `false` for a commit each.
   * @default { maxBatch: 100, maxDelayMs: 0 }
   */
  readonly groupCommit?: GroupCommit | false;
  /**
   * Where `open()` warns of a server whose settings can lose what was acknowledged.
   * @default the console
   */
  readonly logger?: Logger;
  /**
   * For tests: another clock than the database's.
   * @default the database's clock, so that the clocks of many machines do not matter
   */
  readonly clock?: StorageClock;
}

const MAX_BATCH = 100;

/** PostgreSQL cuts longer names off. */
const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;

/**
 * The ledger in PostgreSQL 13 or later: the way to many processes on one database. You pass a Pool of `pg` and keep it;
 * it stays open when the storage is closed. All tables and functions begin with `ownline_`.
 *
 * Every operation is one statement: one round trip and one commit, judged under the locks that it takes. So a pooler in
 * transaction mode (PgBouncer, Supavisor) may stand between, and nothing is prepared by name. Times come from the
 * database's clock.
 *
 * The schema comes from `migrate()`, as a step of the deployment. It may run from several processes at once, and old
 * and new code serve together while it does.
 *
 * @throws OwnlineError at once: `invalid_options` when there is no pool, for a name that no schema can have, and for an
 * option that is not known.
 *
 * @example
 * ```ts
 * import { postgres } from "ownline/storage/postgres";
 * import pg from "pg";
 *
 * const storage = postgres(new pg.Pool({ connectionString: "postgres://localhost/service" }));
 * await storage.migrate();
 * ```
 */
export function postgres(pool: PostgresPool, options: PostgresOptions = {}): Storage {
  refuseUnknownOptions("postgres()", options, { schema: true, groupCommit: true, logger: true, clock: true });
  refuseMistakes(pool, options);
  const { schema = "public", logger = consoleLogger, clock = null } = options;
  const ledger = ledgerOver({ pool, schema, clock });
  return {
    name: "postgres",
    migrate: () => migrate(ledger),
    open: () => openLedger(ledger, logger),
    close: async () => {},

    recordInbound: acknowledge(ledger, options.groupCommit ?? {}),
    recordOutbound: (outbound) => recordOutbound(ledger, outbound),

    claimTurn: (claim) => claimTurn(ledger, claim),
    commitTurn: (commit) => commitTurn(ledger, commit),
    releaseTurn: (release) => releaseTurn(ledger, release),
    heartbeat: (beat) => heartbeat(ledger, beat),

    due: (limit) => due(ledger, limit),
    claimSend: (claim) => claimSend(ledger, claim),
    recordSend: (sent) => recordSend(ledger, sent),
    recordStatus: (report) => recordStatus(ledger, report),
    rivals: (query) => rivals(ledger, query),
    resolve: (resolution) => resolve(ledger, resolution),
    requeueTurn: (requeue) => requeueTurn(ledger, requeue),
    suspect: (suspicion) => suspect(ledger, suspicion),

    setPaused: (change) => setPaused(ledger, change),
    counters: (keys) => counters(ledger, keys),
    consent: (consentKey) => consent(ledger, consentKey),
    conversation: (id) => conversation(ledger, id),
    conversations: (page) => conversations(ledger, page),
    messages: (page) => messages(ledger, page),
    changes: (page) => changes(ledger, page),
    story: (messageId) => story(ledger, messageId),

    erase: (order) => erase(ledger, order),
    purge: (order) => purge(ledger, order),

    claimSweep: (claim) => claimSweep(ledger, claim),
    unrecorded: (keys) => unrecorded(ledger, keys),
    commitSweep: (commit) => commitSweep(ledger, commit),
  };
}

function acknowledge(
  ledger: PostgresLedger,
  grouping: GroupCommit | false,
): (inbound: InboundRecord) => Promise<RecordedInbound> {
  const one = (inbound: InboundRecord) => recordInbound(ledger, inbound);
  if (grouping === false) return one;
  const grouped = groupCommit({
    maxBatch: grouping.maxBatch ?? MAX_BATCH,
    maxDelayMs: grouping.maxDelayMs ?? 0,
    one,
    all: (inbounds: readonly InboundRecord[]) => recordInbounds(ledger, inbounds),
  });
  return (inbound) => (canShareCommit(inbound) ? grouped(inbound) : one(inbound));
}

/** Plain JavaScript gets here with anything, `undefined` first of all. */
function refuseMistakes(pool: unknown, { schema = "public", groupCommit: grouping = {} }: PostgresOptions): void {
  const refuse = (message: string) => new OwnlineError("invalid_options", message);
  if (typeof pool !== "object" || pool === null || !("query" in pool) || typeof pool.query !== "function") {
    throw refuse("postgres() needs a Pool of pg, for example postgres(new pg.Pool({ connectionString })).");
  }
  if (!SCHEMA.test(schema)) {
    throw refuse(
      "postgres(): schema must be a name of small letters, digits and underscores that does not begin with a digit, " +
        "at most 63 characters long.",
    );
  }
  if (grouping === false) return;
  refuseUnknownOptions("postgres()", grouping, { maxBatch: true, maxDelayMs: true }, "options.groupCommit");
  const { maxBatch = MAX_BATCH, maxDelayMs = 0 } = grouping;
  if (!Number.isSafeInteger(maxBatch) || maxBatch < 1) {
    throw refuse("postgres(): groupCommit.maxBatch must be a whole number, 1 or more; or groupCommit false.");
  }
  if (!Number.isSafeInteger(maxDelayMs) || maxDelayMs < 0) {
    throw refuse("postgres(): groupCommit.maxDelayMs must be a whole number of milliseconds, 0 or more.");
  }
}
