import type { MongoDocument, MongoWrite } from "./client.ts";
import { text } from "./fields.ts";
import type { Ledger } from "./judgement/ledger.ts";
import { conversationDocument, outboundDocument, textDocument, turnDocument } from "./rows.ts";
import type { Table } from "./schema.ts";
import { sessionOf } from "./store.ts";
import type { WorkingSet } from "./working-set.ts";

interface Seen {
  readonly table: Table;
  readonly doc: MongoDocument;
  /** By which a change is seen. */
  readonly json: string;
}

/** The documents of everything that is loaded, by table and id. */
export type Picture = ReadonlyMap<string, Seen>;

/** Takes a picture of what the documents would be now. */
export function pictureOf(set: WorkingSet): Picture {
  const picture = new Map<string, Seen>();
  for (const [table, doc] of documentsOf(set)) {
    picture.set(`${table} ${text(doc, "_id")}`, { table, doc, json: JSON.stringify(doc) });
  }
  return picture;
}

function* documentsOf(set: WorkingSet): Generator<readonly [Table, MongoDocument]> {
  const { ledger } = set;
  // Turns first: their conversation counts those that are new.
  for (const turn of ledger.turns.values()) yield ["turns", turnDocument(turn, set.numberOf(turn))];
  for (const row of ledger.conversations.values()) yield ["conversations", conversationDocument(row, set.placeOf(row))];
  for (const row of ledger.messages.values()) {
    yield ["messages", row.direction === "inbound" ? textDocument(row, set.linksOf(row)) : outboundDocument(row)];
  }
  for (const doc of keyDocuments(ledger)) yield ["keys", { ...doc, by: set.callId }];
  for (const [key, { state, source, changedAt }] of ledger.consents) {
    yield ["consents", { _id: key, state, source, changedAt }];
  }
  for (const [key, { endsAt, charged }] of ledger.counters) yield ["counters", { _id: key, endsAt, charged }];
  for (const [key, { freeAt, usedUntil, epoch }] of ledger.paces)
    yield ["paces", { _id: key, freeAt, usedUntil, epoch }];
  for (const [sender, sweep] of ledger.sweeps) yield ["sweeps", { _id: sender, ...sweep }];
}

function* keyDocuments(ledger: Ledger): Generator<MongoDocument> {
  for (const [key, row] of ledger.inboundByKey) {
    if (row === "erased") continue;
    yield { _id: textKey(key), conversationId: row.conversation.shown.id, messageId: row.message.id };
  }
  for (const [key, group] of ledger.groupByKey) {
    const [first] = group === "erased" ? [] : group;
    if (first === undefined) continue;
    yield { _id: sendKey(key), conversationId: first.conversation.shown.id, groupId: first.message.groupId };
  }
  for (const [id, attempt] of ledger.attemptByCarrierId) {
    if (attempt === "erased") continue;
    const { message } = attempt.message;
    const { conversationId } = message;
    yield { _id: carrierKey(id), conversationId, outboundId: message.id, attempt: attempt.attempt };
  }
}

/** Under which a text's key is kept for ever. */
export function textKey(key: string): string {
  return `text:${key}`;
}

/** Under which the key of a `send()` is kept for ever. */
export function sendKey(key: string): string {
  return `send:${key}`;
}

/** Under which a carrier's id is kept for ever. */
export function carrierKey(id: string): string {
  return `carrier:${id}`;
}

/** Under which it is known that an address has a conversation. */
export function addressKey(line: string, participant: string): string {
  return `address:${JSON.stringify([line, participant])}`;
}

/** Writes what has changed since a picture was taken. Returns whether anything had. */
export async function writeChanges(set: WorkingSet, before: Picture): Promise<boolean> {
  const operations = new Map<Table, MongoWrite[]>();
  for (const [place, { table, doc, json }] of pictureOf(set)) {
    const known = before.get(place);
    if (known?.json === json) continue;
    operations.set(table, [...(operations.get(table) ?? []), operationOf(table, doc, known?.doc)]);
  }
  for (const [table, list] of operations) {
    await set.store.tables[table].bulkWrite(list, sessionOf(set.session));
  }
  return operations.size > 0;
}

/**
 * What is new is inserted: where somebody else was faster, that fails, and the transaction runs again. What is known is
 * changed and not replaced, so that fields of a later version, and the counts of locks, stay in it.
 */
function operationOf(table: Table, doc: MongoDocument, known: MongoDocument | undefined): MongoWrite {
  // The lock of a consent has inserted it.
  if (known === undefined && table !== "consents") return { insertOne: { document: doc } };
  const { _id, ...fields } = doc;
  const gone: Record<string, ""> = {};
  for (const name of Object.keys(known ?? {})) if (!(name in doc)) gone[name] = "";
  const update = { $set: fields, ...(Object.keys(gone).length > 0 ? { $unset: gone } : {}) };
  return { updateOne: { filter: { _id }, update } };
}
