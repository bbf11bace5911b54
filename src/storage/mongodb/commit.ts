import type { Changes, Charge, Guard, Loaded } from "../database.ts";
import type { Table, Tables } from "../ledger/rows.ts";
import { latestRight } from "../ledger/rules/clock.ts";
import { isOpenWindow, sumsOf } from "../ledger/rules/counters.ts";
import { keepable } from "../sql/statement.ts";
import type { MongoDocument, MongoSession, MongoWrite } from "./client.ts";
import { changeOf, documentOf, idOf } from "./documents.ts";
import { idIn } from "./fields.ts";
import {
  type Aged,
  demandAbsent,
  demandFiled,
  demandFresh,
  guardsOn,
  TOUCH,
  touchWorkers,
  writeAll,
} from "./guards.ts";
import type { Store } from "./store.ts";
import { writing } from "./transaction.ts";

/**
 * Writes the changes of a decision in one transaction of few commands. Consents and conversations come first, so that
 * two transactions in conflict find this out before they have written much.
 *
 * @throws Moved if a guard no longer holds; then nothing is written
 */
export async function commit(store: Store, loaded: Loaded, changes: Changes, age: Aged["age"]): Promise<void> {
  await keepAlive(store, changes, loaded.now);
  await writing(store, async (session) => {
    const { now } = loaded;
    const { guards } = changes;
    const writeVersioned = (table: Versioned): Promise<void> => {
      return writeAll(store, table, versionedWrites(table, loaded, changes, guards), session);
    };
    await writeVersioned("consents");
    await demandFiled(store, session, guardsOn(guards, "filed"));
    const conversations = conversationWrites(loaded, changes, guards);
    await writeAll(store, "conversations", conversations.updates, session);
    await writeAll(store, "conversations", conversations.inserts, session);
    await demandFresh(store, session, { now, age });
    await writeVersioned("rateLimits");
    await writeVersioned("sweeps");
    await demandAbsent(store, session, guardsOn(guards, "key"), changes.inserted);
    await touchWorkers(store, session, guardsOn(guards, "worker"));
    for (const table of ["messages", "attempts", "events", "turns", "keys"] as const) {
      await writeAll(store, table, ownedWrites(table, loaded, changes), session);
    }
    await storeAnswers(store, session, changes, now);
    await writeAll(store, "counters", chargeWrites(loaded, changes.charges), session);
  });
}

/**
 * Records that workers are alive. This is not part of the transaction, because concurrent commits of one process would
 * conflict on these documents. It comes before the transaction, so that no lease is visible without its worker. A
 * worker's document stays for an hour after its expiry, so the worker of a lease that is committed late is still found.
 * A later time stays, unless a clock that was ahead wrote it.
 */
async function keepAlive(store: Store, { alive }: Changes, now: number): Promise<void> {
  for (const { workerId, scope, until } of alive) {
    const id = keepable(workerId);
    const ahead = { _id: id, writtenAt: { $gt: latestRight(now) } };
    const update = { $max: { aliveUntil: until }, $set: { scope, writtenAt: now } };
    const writes: readonly MongoWrite[] = [
      { updateOne: { filter: ahead, update: { $set: { aliveUntil: until } } } },
      { updateOne: { filter: { _id: id }, update, upsert: true } },
    ];
    await store.collection("workers").bulkWrite(writes);
  }
}

/**
 * Writes for conversations: updates of all guarded ones, changed or not, and inserts of new ones. The unique index on
 * the address guards the inserts.
 */
function conversationWrites(loaded: Loaded, changes: Changes, guards: readonly Guard[]) {
  const before = byId("conversations", loaded.rows.conversations);
  const patches = byId("conversations", changes.updated.conversations);
  const own = guardsOn(guards, "conversation");
  demandGuarded(patches.keys(), own);
  const updates = own.map(({ key, version }): MongoWrite => {
    const patch = patches.get(key);
    const change =
      patch === undefined ? TOUCH : { ...changeOf("conversations", patch, known(before.get(key))), ...RISE };
    return { updateOne: { filter: { _id: key, version }, update: change } };
  });
  return { updates: updates.toSorted(byDocument), inserts: inserts("conversations", changes.inserted.conversations) };
}

/** Checks that each changed row has a guard, because the write of the guard also writes the change. */
function demandGuarded(keys: Iterable<string>, guards: readonly Guard[]): void {
  const guarded = new Set(guards.map(({ key }) => key));
  for (const key of keys)
    if (!guarded.has(key)) throw new TypeError("Written, but not guarded: a bug in the ledger's rules.");
}

/**
 * Sorts writes by document. Transactions that write the same documents write them in the same order, so that they do
 * not wait for each other.
 */
function byDocument(one: MongoWrite, other: MongoWrite): number {
  return nameOf(one) < nameOf(other) ? -1 : 1;
}

function nameOf(write: MongoWrite): string {
  return "updateOne" in write ? idIn(write.updateOne.filter) : idIn(write.insertOne.document);
}

const RISE = { $inc: { version: 1 } } as const;

type Versioned = "consents" | "rateLimits" | "sweeps";

type GuardOnVersioned = Extract<Guard, { readonly on: "consent" | "rateLimit" | "sweep" }>;

const ON: { readonly [T in Versioned]: GuardOnVersioned["on"] } = {
  consents: "consent",
  rateLimits: "rateLimit",
  sweeps: "sweep",
};

/**
 * Writes for rows that calls name by key. If there is no row, the write creates a document without a version. So two
 * transactions that both found no row conflict on this document.
 */
function versionedWrites<T extends Versioned>(
  table: T,
  loaded: Loaded,
  changes: Changes,
  guards: readonly Guard[],
): readonly MongoWrite[] {
  const before = byId<T, Tables[T]>(table, loaded.rows[table]);
  const rows = byId<T, Tables[T]>(table, changes.inserted[table]);
  const patches = byId<T, Partial<Tables[T]>>(table, changes.updated[table]);
  const own = guards.filter((guard): guard is GuardOnVersioned => guard.on === ON[table]);
  demandGuarded([...rows.keys(), ...patches.keys()], own);
  const writes = own.map(({ key, version }): MongoWrite => {
    const id = keepable(key);
    const row = rows.get(key);
    if (version === null) {
      const update = row === undefined ? TOUCH : { $set: { ...withoutId(documentOf(table, row)), version: 1 } };
      return { updateOne: { filter: { _id: id, version: { $exists: false } }, update, upsert: true } };
    }
    const patch = patches.get(key);
    const update = patch === undefined ? TOUCH : { ...changeOf(table, patch, known(before.get(key))), ...RISE };
    return { updateOne: { filter: { _id: id, version }, update } };
  });
  return writes.toSorted(byDocument);
}

/** Removes the `_id`, because the filter of the write sets it. */
function withoutId(document: MongoDocument): MongoDocument {
  return Object.fromEntries(Object.entries(document).filter(([name]) => name !== "_id"));
}

/**
 * Writes for rows that belong to conversations, whose versions guard them, and for keys, which are guarded by their
 * ids.
 */
function ownedWrites<T extends "messages" | "attempts" | "events" | "turns" | "keys">(
  table: T,
  loaded: Loaded,
  { inserted, updated }: Changes,
): readonly MongoWrite[] {
  const before = byId<T, Tables[T]>(table, loaded.rows[table]);
  const patches: readonly Partial<Tables[T]>[] = updated[table] ?? [];
  return [
    ...inserts(table, inserted[table]),
    ...patches.map((patch): MongoWrite => {
      const id = idOf(table, patch);
      return { updateOne: { filter: { _id: id }, update: changeOf(table, patch, known(before.get(id))) } };
    }),
  ];
}

function inserts<T extends Table>(table: T, rows: readonly Tables[T][] = []): readonly MongoWrite[] {
  return rows.map((row) => ({ insertOne: { document: withVersion(table, documentOf(table, row)) } }));
}

function withVersion(table: Table, document: MongoDocument): MongoDocument {
  return table === "conversations" ? { ...document, version: 1 } : document;
}

/** Rows, or changes of rows, by their documents' ids. */
function byId<T extends Table, Row extends Partial<Tables[T]>>(
  table: T,
  rows: readonly Row[] = [],
): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [idOf(table, row), row]));
}

function known<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new TypeError("A change names a row that was not loaded.");
  return row;
}

async function storeAnswers(store: Store, session: MongoSession, { answers }: Changes, now: number): Promise<void> {
  const writes = answers.map(({ call, answer, conversationIds }): MongoWrite => {
    return { insertOne: { document: { _id: keepable(call), at: now, answer, conversationIds } } };
  });
  await writeAll(store, "answers", writes, session);
}

/**
 * Writes for the charges of counters. A charge is added if it fits. So the decision is not made anew if other calls
 * charge the counter meanwhile. The charges come last, because a counter that all processes charge stays locked until
 * the commit.
 */
function chargeWrites({ now, rows }: Loaded, charges: readonly Charge[]): readonly MongoWrite[] {
  const before = new Map((rows.counters ?? []).map((row) => [row.key, row]));
  return Array.from(sumsOf(charges), ([key, { charge, room, windowMs }]): MongoWrite => {
    const id = keepable(key);
    const counter = before.get(key);
    const fields = { charged: charge, endsAt: now + windowMs, writtenAt: now };
    if (counter === undefined) return { insertOne: { document: { _id: id, ...fields } } };
    if (!isOpenWindow(counter, now)) {
      return { updateOne: { filter: { _id: id, endsAt: counter.endsAt }, update: { $set: fields } } };
    }
    const open = { _id: id, endsAt: { $gt: now }, writtenAt: { $lte: latestRight(now) }, charged: { $lte: room } };
    return { updateOne: { filter: open, update: { $inc: { charged: charge } } } };
  }).toSorted(byDocument);
}
