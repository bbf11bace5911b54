import type { Guard, Rows } from "../database.ts";
import type { KeyKind } from "../ledger/rows.ts";
import { OLDEST_DECISION_MS } from "../ledger/rules/limits.ts";
import { keepable } from "../sql/statement.ts";
import type { MongoSession, MongoWrite } from "./client.ts";
import { keyId } from "./documents.ts";
import { find, findIn, readClock, type Store, sessionOf } from "./store.ts";
import { demand } from "./transaction.ts";

/*
 * Guards in MongoDB. A transaction reads the state from before it began, so a read in it guards nothing. If two
 * transactions write one document, one of them fails. So a guarded document that does not change is written too.
 */

/** The write of a guarded document that does not change. The ledger never reads this field. */
export const TOUCH = { $inc: { guarded: 1 } } as const;

type GuardOn<On extends Guard["on"]> = Extract<Guard, { readonly on: On }>;

/** The guards of one kind. */
export function guardsOn<On extends Guard["on"]>(guards: readonly Guard[], on: On): readonly GuardOn<On>[] {
  return guards.filter((guard): guard is GuardOn<On> => guard.on === on);
}

/**
 * Refuses a decision that is too old. It reads the database's clock by a separate command, because DocumentDB does not
 * support the server's clock in the filter of a write. If little time has passed by this process's clock, it skips this
 * command, one of seven.
 */
export async function demandFresh(store: Store, session: MongoSession, { now, age }: Aged): Promise<void> {
  if (store.clock === null && age() < OLDEST_DECISION_MS / 5) return;
  demand((await readClock(store, session)) - now <= OLDEST_DECISION_MS, "the clock");
}

/** The clock's time of a decision, and how long ago it was read, by this process's own clock. */
export interface Aged {
  readonly now: number;
  age(): number;
}

/** Runs the writes and counts: each update must match its document, or insert the absent one. */
export async function writeAll(
  store: Store,
  name: Parameters<Store["collection"]>[0],
  writes: readonly MongoWrite[],
  session: MongoSession,
): Promise<void> {
  if (writes.length === 0) return;
  const { matchedCount, upsertedCount } = await store.collection(name).bulkWrite(writes, sessionOf(session));
  demand(matchedCount + upsertedCount === writes.filter((write) => "updateOne" in write).length, name);
}

/**
 * Checks how many conversations are filed under a consent. A call that files a conversation also writes the consent's
 * document. This transaction has written that document before it counts, so the two calls conflict.
 */
export async function demandFiled(
  store: Store,
  session: MongoSession,
  guards: readonly GuardOn<"filed">[],
): Promise<void> {
  for (const { key, version } of guards) {
    const projection = { projection: { _id: 1 } };
    const filed = await find(store, "conversations", { consentKey: keepable(key) }, projection, session);
    demand(filed.length === version, "the conversations of a consent");
  }
}

/**
 * Checks that absent keys are still absent. Keys that the decision inserts need no check, because their ids are unique.
 */
export async function demandAbsent(
  store: Store,
  session: MongoSession,
  guards: readonly GuardOn<"key">[],
  { keys = [] }: Rows,
): Promise<void> {
  const inserted = new Set(keys.map(({ kind, key }) => keyId(kind, key)));
  const absent = guards.flatMap(({ key, version }) => (version === null ? [idOfKey(key)] : []));
  const asked = absent.filter((id) => !inserted.has(id));
  const found = await findIn(store, "keys", "_id", asked, { projection: { _id: 1 }, session });
  demand(found.length === 0, "a key");
}

function idOfKey(json: string): string {
  const [kind, key]: readonly [KeyKind, string] = JSON.parse(json);
  return keyId(kind, key);
}

/** Checks that the workers that were judged expired have sent no heartbeat since. */
export async function touchWorkers(
  store: Store,
  session: MongoSession,
  guards: readonly GuardOn<"worker">[],
): Promise<void> {
  const writes = guards.map(({ key, version }): MongoWrite => {
    return { updateOne: { filter: { _id: keepable(key), aliveUntil: version }, update: TOUCH } };
  });
  await writeAll(store, "workers", writes, session);
}
