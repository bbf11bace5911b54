import type { Guard, Rows } from "../database.ts";
import type { KeyKind } from "../ledger/rows.ts";
import { keepable } from "../sql/statement.ts";
import type { MongoSession, MongoWrite } from "./client.ts";
import { keyId } from "./documents.ts";
import { find, findIn, readClock, type Store, sessionOf } from "./store.ts";
import { demand } from "./transaction.ts";

/*
 * Guards as MongoDB keeps them. A transaction reads what was committed before it began, and of two that write one
 * document one fails: so a read guards nothing, and what is guarded but not changed is written too.
 */

/** A decision that is older is made anew: its clock is not the database's any more. */
const OLDEST_MS = 5_000;

/** Says that a document was guarded. No one reads it. */
export const TOUCH = { $inc: { guarded: 1 } } as const;

type GuardOn<On extends Guard["on"]> = Extract<Guard, { readonly on: On }>;

/** The guards on one kind of thing. */
export function guardsOn<On extends Guard["on"]>(guards: readonly Guard[], on: On): readonly GuardOn<On>[] {
  return guards.filter((guard): guard is GuardOn<On> => guard.on === on);
}

/**
 * A decision is not older than its clock may be. The database is asked in a command of its own, since DocumentDB does
 * not take the server's clock into the filter of a write; and only where this process saw time pass, which saves one of
 * seven commands.
 */
export async function demandFresh(store: Store, session: MongoSession, { now, age }: Aged): Promise<void> {
  if (store.clock === null && age() < OLDEST_MS / 5) return;
  demand((await readClock(store, session)) - now <= OLDEST_MS, "the clock");
}

/** A decision's clock, and how long ago it was read, by this process's own clock. */
export interface Aged {
  readonly now: number;
  age(): number;
}

/** Writes and counts: each write must find its document, or make the one that was absent. */
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
 * How many conversations are filed under a consent. A call that files one names the consent, so it writes the consent's
 * document, which this transaction has written before it counts.
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

/** Keys that were absent and stay so: those that the decision inserts are guarded by their ids. */
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

/** Workers that are judged expired, and still are. */
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
