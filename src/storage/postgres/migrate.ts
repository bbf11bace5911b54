import { OwnlineError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { integer, record, text } from "../sql/fields.ts";
import type { OpenedLedger } from "../storage.ts";
import { type PostgresClient, SCHEMA_NAME } from "./client.ts";
import { isMissing } from "./errors.ts";
import { type PostgresStep, SCHEMA_VERSION, STEPS } from "./schema.ts";

/**
 * PostgreSQL 13 is the oldest version that has `gen_random_uuid()` without an extension. The ledger's secret is made
 * with it.
 */
const OLDEST_SERVER = 130_000;

const READ_META = `
  select jsonb_build_object('version', m.version, 'min_writer', m.min_writer, 'secret', m.secret)::text as answer
  from ownline_meta m where m.id = 1`;

const READ_SERVER = `
  select json_build_object(
    'version', current_setting('server_version_num')::integer,
    'encoding', current_setting('server_encoding'),
    'recovers', pg_is_in_recovery(),
    'read_only', current_setting('transaction_read_only'),
    'synchronous_commit', current_setting('synchronous_commit'),
    'fsync', current_setting('fsync'))::text as answer`;

/** The tables that exist before the first step. `ownline_meta` holds the ledger's secret. */
const BOOTSTRAP: readonly string[] = [
  `create table if not exists ownline_migrations (
    version integer primary key,
    at timestamptz not null default now()
  )`,
  `create table if not exists ownline_meta (
    id integer primary key check (id = 1),
    version integer not null,
    min_writer integer not null,
    secret text not null check (length(secret) >= 32)
  )`,
];

/**
 * All steps as one statement, so that they are one transaction behind any pooler. If several processes run it at once,
 * one runs the steps; the others wait for its lock, and then have nothing to do. The server makes the secret, so no log
 * of statements shows it.
 */
function migrationText(steps: readonly PostgresStep[]): string {
  const run = (sql: string): string => `execute $step$${sql}$step$;`;
  return `do $ownline$
declare
  present integer;
begin
  perform pg_advisory_xact_lock(hashtextextended('ownline migration ${SCHEMA_NAME}', 0));
  if not exists (select 1 from pg_namespace n where n.nspname = '${SCHEMA_NAME}') then
    create schema "${SCHEMA_NAME}";
  end if;
  ${BOOTSTRAP.map(run).join("\n  ")}
  select coalesce(max(m.version), 0) into present from ownline_meta m;
  ${steps.map((step) => stepText(step, run)).join("\n  ")}
end
$ownline$`;
}

function stepText({ version, minWriter, statements }: PostgresStep, run: (sql: string) => string): string {
  return `if present < ${version} then
    ${statements.map(run).join("\n    ")}
    insert into ownline_migrations (version) values (${version});
    insert into ownline_meta (id, version, min_writer, secret)
      values (1, ${version}, ${minWriter}, replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''))
      on conflict (id) do update set version = excluded.version, min_writer = excluded.min_writer;
  end if;`;
}

interface Meta {
  readonly version: number;
  readonly minWriter: number;
  readonly secret: string;
}

async function readMeta(client: PostgresClient): Promise<Meta | null> {
  try {
    const meta = record(await client.read(READ_META, []), "ownline_meta");
    return { version: integer(meta, "version"), minWriter: integer(meta, "min_writer"), secret: text(meta, "secret") };
  } catch (error) {
    // `null` only for a missing table. An unreachable server is an error.
    if (error instanceof Error && isMissing(error.cause)) return null;
    throw error;
  }
}

/** See `Storage.migrate`. */
export async function migrate(client: PostgresClient, steps: readonly PostgresStep[] = STEPS): Promise<void> {
  const meta = await readMeta(client);
  if (meta !== null && meta.version >= (steps.at(-1)?.version ?? 0)) return;
  refuseServer(await readServer(client));
  await client.run(migrationText(steps));
}

/** See `Storage.open`. */
export async function openLedger(client: PostgresClient, logger: Logger): Promise<OpenedLedger> {
  const server = await readServer(client);
  refuseServer(server);
  const meta = await readMeta(client);
  if (meta === null || meta.version < SCHEMA_VERSION) {
    throw new OwnlineError(
      "storage_unmigrated",
      `The PostgreSQL ledger ${meta === null ? "has no schema yet" : "has an older schema"}: call storage.migrate() once ` +
        "before the service starts, as a step of its deployment.",
    );
  }
  if (meta.minWriter > SCHEMA_VERSION) {
    throw new OwnlineError(
      "storage_unmigrated",
      `The PostgreSQL ledger was upgraded to schema ${meta.version}. Only an ownline that knows schema ` +
        `${meta.minWriter} or later can write to it, and this one knows ${SCHEMA_VERSION}: install the newer ownline that upgraded it.`,
    );
  }
  warnOfLoss(server, logger);
  return { secret: meta.secret };
}

type Server = Readonly<Record<string, unknown>>;

async function readServer(client: PostgresClient): Promise<Server> {
  return record(await client.read(READ_SERVER, []), "server");
}

function refuseServer(server: Server): void {
  const refuse = (message: string) => new OwnlineError("storage_unsupported", message);
  if (integer(server, "version") < OLDEST_SERVER) {
    throw refuse("The PostgreSQL server is older than version 13, which the ledger needs: upgrade the server.");
  }
  if (server.encoding !== "UTF8") {
    throw refuse(
      "The PostgreSQL database is not encoded in UTF8, so it cannot store every text: create a database in UTF8.",
    );
  }
  if (server.recovers === true) {
    throw refuse("The PostgreSQL server is a read-only standby: connect the pool to the primary.");
  }
  if (server.read_only === "on") {
    throw refuse(
      "The PostgreSQL connection is read-only (transaction_read_only is on): set default_transaction_read_only to off " +
        "for the database and the user, or connect the pool to the primary.",
    );
  }
}

/** Warns of settings with which an acknowledged text may not be on the disk. */
function warnOfLoss(server: Server, logger: Logger): void {
  if (server.synchronous_commit === "off") {
    logger.warn(
      "ownline: synchronous_commit is off in PostgreSQL, so a text that was acknowledged can be lost when the server " +
        "crashes. Set it to on for the ledger's database or user.",
    );
  }
  if (server.fsync === "off") {
    logger.warn(
      "ownline: fsync is off in PostgreSQL, so everything can be lost when its machine fails. Set it to on, except " +
        "for tests.",
    );
  }
}
