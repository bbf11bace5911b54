import type { Media, MessageError } from "../../model/message.ts";
import { ForeignValue, isLedgerNumber } from "../ledger/corrupt.ts";
import { isWord, type Words } from "../ledger/words.ts";
import { keepable } from "../sql/statement.ts";
import type { MongoDocument } from "./client.ts";

/*
 * How a field of a row is stored in a document. A field that is `null` is absent from the document, so that partial
 * indexes contain only documents with a value.
 */

/** Reads and writes one kind of field. */
export interface Field<Value> {
  /** @throws ForeignValue for a value that ownline never writes */
  read(doc: MongoDocument, name: string): Value;
  /** `null` for a field that is absent from the document. */
  write(value: Value): unknown;
}

/** An id, a key or an address. */
export const TEXT: Field<string> = { read: text, write: keepable };

export const NUMBER: Field<number> = { read: number, write: (value) => value };

export const BOOLEAN: Field<boolean> = { read: boolean, write: (value) => value };

/** A text of a person, the AI or the provider. It may contain any character. */
export const FREE_TEXT: Field<string> = { read: storedText, write: stored };

export const TEXTS: Field<readonly string[]> = {
  read: (doc, name) => list(doc, name).map((entry) => text({ entry }, "entry")),
  write: (texts) => texts.map(keepable),
};

export const MEDIA: Field<readonly Media[]> = {
  read: (doc, name) =>
    list(doc, name).map((entry) => {
      const one = entriesOf(entry, name);
      return { url: storedText(one, "url"), contentType: storedText(one, "contentType") };
    }),
  write: (media) => media.map(({ url, contentType }) => ({ url: stored(url), contentType: stored(contentType) })),
};

export const ERROR: Field<MessageError> = {
  read(doc, name) {
    const error = entriesOf(doc[name], name);
    return { code: orNull(NUMBER).read(error, "code"), reason: storedText(error, "reason") };
  },
  write: ({ code, reason }) => ({ code, reason: stored(reason) }),
};

/** A word of a closed set. */
export function word<Word extends string>(words: Words<Word>): Field<Word> {
  return {
    read(doc, name) {
      const value = doc[name];
      if (!isWord(words, value)) throw foreign(name);
      return value;
    },
    write: (value) => value,
  };
}

/** A field that may be `null`. */
export function orNull<Value>(field: Field<Value>): Field<Value | null> {
  return {
    read: (doc, name) => (doc[name] === null || doc[name] === undefined ? null : field.read(doc, name)),
    write: (value) => (value === null ? null : field.write(value)),
  };
}

export function text(doc: MongoDocument, name: string): string {
  const value = doc[name];
  if (typeof value !== "string") throw foreign(name);
  return value;
}

export function idIn(doc: MongoDocument): string {
  return text(doc, "_id");
}

export function number(doc: MongoDocument, name: string): number {
  const value = doc[name];
  if (!isLedgerNumber(value)) throw foreign(name);
  return value;
}

/** A moment by the server's clock, as Unix milliseconds. */
export function moment(doc: MongoDocument, name: string): number {
  const value = doc[name];
  if (!(value instanceof Date)) throw foreign(name);
  return value.getTime();
}

function boolean(doc: MongoDocument, name: string): boolean {
  const value = doc[name];
  if (typeof value !== "boolean") throw foreign(name);
  return value;
}

function list(doc: MongoDocument, name: string): readonly unknown[] {
  const value = doc[name];
  if (!Array.isArray(value)) throw foreign(name);
  return value;
}

function entriesOf(value: unknown, name: string): MongoDocument {
  if (typeof value !== "object" || value === null) throw foreign(name);
  return Object.fromEntries(Object.entries(value));
}

function foreign(name: string): ForeignValue {
  return new ForeignValue(name);
}

const HALF_A_PAIR = /\p{Surrogate}/u;

/**
 * A text in a form that BSON can store. BSON is UTF-8, which cannot represent half a surrogate pair: the driver would
 * replace it silently. So such a text is stored as JSON, which escapes it.
 */
function stored(value: string): string | { readonly json: string } {
  return HALF_A_PAIR.test(value) ? { json: JSON.stringify(value) } : value;
}

function storedText(doc: MongoDocument, name: string): string {
  const value = doc[name];
  if (typeof value === "string") return value;
  const parsed = parsedIn(text(entriesOf(value, name), "json"), name);
  if (typeof parsed !== "string") throw foreign(name);
  return parsed;
}

function parsedIn(json: string, name: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The parser's error message quotes the stored text, so it is not passed on.
    throw foreign(name);
  }
}
