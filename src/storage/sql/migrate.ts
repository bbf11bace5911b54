import { OwnlineError } from "../../errors.ts";
import type { OpenedLedger } from "../storage.ts";
import type { SqlDriver, SqlRow } from "./driver.ts";
import { integer, text } from "./rows.ts";
import { BOOTSTRAP, MIGRATIONS, type Migration, SCHEMA_VERSION } from "./schema.ts";
import { bind, statement } from "./statement.ts";

const HAS_META = statement("select name from sqlite_master where type = 'table' and name = 'ownline_meta'");

const READ_META = statement("select version, min_writer, secret from ownline_meta where id = 1");

/** Fails where the step has run already, and the whole batch with it: of two that race, one wins. */
const TAKE_STEP = statement(
  "insert into ownline_migrations (version, at) values (:version, cast(unixepoch('subsec') * 1000 as integer))",
);

const WRITE_META = statement(`
  insert into ownline_meta (id, version, min_writer, secret) values (1, :version, :minWriter, :secret)
  on conflict (id) do update set version = excluded.version, min_writer = excluded.min_writer`);

interface Meta {
  readonly version: number;
  readonly minWriter: number;
  readonly secret: string;
}

/** See `Storage.migrate`. */
export async function migrate(driver: SqlDriver, steps: readonly Migration[] = MIGRATIONS): Promise<void> {
  let meta = await readMeta(driver);
  const isBehind = (): boolean => (meta?.version ?? 0) < (steps.at(-1)?.version ?? 0);
  if (!isBehind()) return;
  await driver.batch(BOOTSTRAP.map((sql) => bind(statement(sql), {})));
  for (const step of steps) {
    if (step.version <= (meta?.version ?? 0)) continue;
    try {
      await driver.batch([
        bind(TAKE_STEP, { version: step.version }),
        ...step.statements.map((sql) => bind(statement(sql), {})),
        bind(WRITE_META, { version: step.version, minWriter: step.minWriter, secret: newSecret() }),
      ]);
    } catch (error) {
      meta = await readMeta(driver);
      if ((meta?.version ?? 0) < step.version) throw error;
    }
  }
}

/** See `Storage.open`. */
export async function openLedger(driver: SqlDriver): Promise<OpenedLedger> {
  const meta = await readMeta(driver);
  if (meta === null || meta.version < SCHEMA_VERSION) {
    throw new OwnlineError(
      "storage_unmigrated",
      `The ${driver.name} ledger ${meta === null ? "has no schema yet" : "has an older schema"}: ` +
        (driver.migration ?? "call storage.migrate() once before the service starts, as a step of its deployment."),
    );
  }
  if (meta.minWriter > SCHEMA_VERSION) {
    throw new OwnlineError(
      "storage_unmigrated",
      `The ${driver.name} ledger was upgraded to schema ${meta.version}, which ownline can write only from schema ` +
        `${meta.minWriter} on; this copy knows ${SCHEMA_VERSION}: install the newer ownline that upgraded it.`,
    );
  }
  return { secret: meta.secret };
}

async function readMeta(driver: SqlDriver): Promise<Meta | null> {
  const [tables = []] = await driver.read([bind(HAS_META, {})]);
  if (tables.length === 0) return null;
  const [[row] = []] = await driver.read([bind(READ_META, {})]);
  return row === undefined ? null : metaOf(row);
}

function metaOf(row: SqlRow): Meta {
  return { version: integer(row, "version"), minWriter: integer(row, "min_writer"), secret: text(row, "secret") };
}

/** 32 random bytes as 64 hexadecimal digits. */
function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
