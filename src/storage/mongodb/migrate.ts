import { OwnlineError } from "../../errors.ts";
import type { OpenedLedger } from "../storage.ts";
import type { MongoDocument } from "./client.ts";
import { serverErrorOf, unsupported } from "./errors.ts";
import { NUMBER, number, orNull, text } from "./fields.ts";
import { COLLECTIONS, type CollectionName, INDEXES, MIN_WRITER, SCHEMA_VERSION } from "./schema.ts";
import { find, nameOf, type Store } from "./store.ts";

const META_ID = "ledger";
const NAMESPACE_EXISTS = 48;
/** MongoDB 5.0. https://github.com/mongodb/specifications/blob/master/source/wireversion-featurelist/wireversion-featurelist.md */
const OLDEST_WIRE_VERSION = 13;

/** See `Storage.migrate`. Every command may be repeated, and run by several processes at the same time. */
export async function migrate(store: Store): Promise<void> {
  await refuseStandalone(store);
  const meta = await readMeta(store);
  if (meta !== null && meta.version >= SCHEMA_VERSION) return;
  // One after the other, so that a service on the same server still has connections and disk capacity.
  for (const name of COLLECTIONS) {
    await createCollection(store, name);
    await createIndexes(store, name);
  }
  // Written last, so that a process that reads the version can rely on the indexes. The secret of the first process
  // stays.
  const update = {
    $setOnInsert: { secret: newSecret() },
    $max: { version: SCHEMA_VERSION, minWriter: MIN_WRITER },
  };
  await store.collection("meta").updateOne({ _id: META_ID }, update, { upsert: true });
}

/** Creates the collection here, so that no transaction has to create it. */
async function createCollection(store: Store, name: CollectionName): Promise<void> {
  try {
    await store.db.createCollection(nameOf(name));
  } catch (error) {
    if (serverErrorOf(error)?.code !== NAMESPACE_EXISTS) throw error;
  }
}

async function createIndexes(store: Store, name: CollectionName): Promise<void> {
  const indexes = INDEXES[name] ?? [];
  if (indexes.length > 0) await store.collection(name).createIndexes([...indexes]);
}

/** See `Storage.open`. */
export async function openLedger(store: Store): Promise<OpenedLedger> {
  await refuseStandalone(store);
  const meta = await readMeta(store);
  if (meta === null || meta.version < SCHEMA_VERSION) {
    throw new OwnlineError(
      "storage_unmigrated",
      `The mongodb ledger ${meta === null ? "has no collections yet" : "has an older schema"}: ` +
        "call storage.migrate() once before the service starts, as a step of its deployment.",
    );
  }
  if (meta.minWriter > SCHEMA_VERSION) {
    throw new OwnlineError(
      "storage_unmigrated",
      `The mongodb ledger was upgraded to schema ${meta.version}. Only an ownline that knows schema ` +
        `${meta.minWriter} or later can write to it, and this one knows ${SCHEMA_VERSION}: install the newer ownline that upgraded it.`,
    );
  }
  return { secret: meta.secret };
}

interface Meta {
  readonly version: number;
  readonly minWriter: number;
  readonly secret: string;
}

async function readMeta(store: Store): Promise<Meta | null> {
  const [doc] = await find(store, "meta", { _id: META_ID }, { limit: 1 });
  return doc === undefined
    ? null
    : { version: number(doc, "version"), minWriter: number(doc, "minWriter"), secret: text(doc, "secret") };
}

/** Refuses a standalone server. Only members of a replica set and routers of a sharded cluster have transactions. */
async function refuseStandalone(store: Store): Promise<void> {
  const hello: MongoDocument = await store.db.command({ hello: 1 });
  const hasTransactions = typeof hello.setName === "string" || hello.msg === "isdbgrid";
  if (!hasTransactions || (orNull(NUMBER).read(hello, "maxWireVersion") ?? 0) < OLDEST_WIRE_VERSION)
    throw unsupported();
}

/** 32 random bytes as 64 hexadecimal digits. */
function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
