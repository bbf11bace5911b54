import type { MongoDocument } from "./client.ts";

/** A field that holds a text. */
export function text(doc: MongoDocument, field: string): string {
  const value = doc[field];
  if (typeof value !== "string") throw foreign(field);
  return value;
}

export function textOrNull(doc: MongoDocument, field: string): string | null {
  return isNothing(doc[field]) ? null : text(doc, field);
}

export function number(doc: MongoDocument, field: string): number {
  const value = doc[field];
  if (typeof value !== "number") throw foreign(field);
  return value;
}

export function numberOrNull(doc: MongoDocument, field: string): number | null {
  return isNothing(doc[field]) ? null : number(doc, field);
}

/** A moment by the server's clock, as Unix milliseconds. */
export function moment(doc: MongoDocument, field: string): number {
  const value = doc[field];
  if (!(value instanceof Date)) throw foreign(field);
  return value.getTime();
}

export function isTrue(doc: MongoDocument, field: string): boolean {
  return doc[field] === true;
}

/** A field that holds a word of a closed set. */
export function oneOf<T extends string>(doc: MongoDocument, field: string, words: readonly T[]): T {
  const word = words.find((each) => each === doc[field]);
  if (word === undefined) throw foreign(field);
  return word;
}

/** A field that holds a list of texts; empty where there is none. */
export function texts(doc: MongoDocument, field: string): readonly string[] {
  return list(doc, field).map((entry) => {
    if (typeof entry !== "string") throw foreign(field);
    return entry;
  });
}

/** A field that holds a list of documents; empty where there is none. */
export function documents(doc: MongoDocument, field: string): readonly MongoDocument[] {
  return list(doc, field).map((entry) => entriesOf(entry, field));
}

/** A field that holds a document. */
export function documentOrNull(doc: MongoDocument, field: string): MongoDocument | null {
  return isNothing(doc[field]) ? null : entriesOf(doc[field], field);
}

function list(doc: MongoDocument, field: string): readonly unknown[] {
  const value = doc[field];
  if (isNothing(value)) return [];
  if (!Array.isArray(value)) throw foreign(field);
  return value;
}

function entriesOf(value: unknown, field: string): MongoDocument {
  if (typeof value !== "object" || value === null) throw foreign(field);
  return Object.fromEntries(Object.entries(value));
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined;
}

function foreign(field: string): TypeError {
  return new TypeError(`The ledger's field ${field} holds what ownline never writes: the database was changed.`);
}

const HALF_A_PAIR = /\p{Surrogate}/u;

/**
 * A text as BSON can hold it. BSON is UTF-8, where half a surrogate pair has no place: the driver would replace it
 * silently, so such a text is kept as JSON, which escapes it.
 */
export function kept(value: string): string | { readonly json: string } {
  return HALF_A_PAIR.test(value) ? { json: JSON.stringify(value) } : value;
}

/** What {@link kept} kept. */
export function keptText(doc: MongoDocument, field: string): string {
  const value = doc[field];
  if (typeof value === "string") return value;
  const parsed: unknown = JSON.parse(text(entriesOf(value, field), "json"));
  if (typeof parsed !== "string") throw foreign(field);
  return parsed;
}

/** Fields that are only there while they have a value, so that partial indexes hold nothing else. */
export function present(fields: Readonly<Record<string, string | number | true | null>>): MongoDocument {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
