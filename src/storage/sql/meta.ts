import { OwnlineError } from "../../errors.ts";
import type { OpenedLedger } from "../storage.ts";
import type { SqlDriver, SqlRow } from "./driver.ts";
import { integer, text } from "./fields.ts";
import { bind, prepare } from "./statement.ts";

/** The version of the schema that this code writes. */
export const SCHEMA_VERSION: number = 1;

const HAS_META = prepare("select name from sqlite_master where type = 'table' and name = 'ownline_meta'");

const READ_META = prepare("select version, min_writer, secret from ownline_meta where id = 1");

/** The database's row about its schema. */
export interface Meta {
  readonly version: number;
  readonly minWriter: number;
  readonly secret: string;
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
      `The ${driver.name} ledger was upgraded to schema ${meta.version}. Only an ownline that knows schema ` +
        `${meta.minWriter} or later can write to it, and this one knows ${SCHEMA_VERSION}: install the newer ownline that upgraded it.`,
    );
  }
  return { secret: meta.secret };
}

/** `null` if there is no schema yet. */
export async function readMeta(driver: SqlDriver): Promise<Meta | null> {
  const [tables = []] = await driver.read([bind(HAS_META, {})]);
  if (tables.length === 0) return null;
  const [[row] = []] = await driver.read([bind(READ_META, {})]);
  return row === undefined ? null : metaOf(row);
}

function metaOf(row: SqlRow): Meta {
  return { version: integer(row, "version"), minWriter: integer(row, "min_writer"), secret: text(row, "secret") };
}
