import type { UnreadableEntry } from "../transport.ts";

/** An entry of a list as Twilio sent it. None of its fields has been checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** The entries of a page by age. An entry without a readable date is in `undated`. */
export interface ByAge {
  readonly recent: readonly Fields[];
  readonly undated: readonly Fields[];
  /** Whether the page contains only old entries, so that older pages need not be read. */
  readonly isPast: boolean;
}

/** The value of an entry, or why the entry cannot be read. */
export type ReadEntry<Value> =
  | { readonly kind: "read"; readonly value: Value }
  | { readonly kind: "unreadable"; readonly entry: UnreadableEntry };

/** Twilio's ids are two letters and 32 hexadecimal digits. The ids of an emulator may be shorter. */
const ID = /^[A-Za-z]{2}[\w-]{1,62}$/;

/** The fault of a field. {@link readEntry} catches it. */
class Unreadable extends Error {}

/** Splits the entries of a page: those created at `since` (Unix milliseconds) or later, and those without a date. */
export function byAge(page: readonly Fields[], since: number): ByAge {
  const dated = page.filter((entry) => !Number.isNaN(createdAt(entry)));
  const recent = dated.filter((entry) => createdAt(entry) >= since);
  return {
    recent,
    undated: page.filter((entry) => Number.isNaN(createdAt(entry))),
    isPast: recent.length === 0 && dated.length > 0,
  };
}

/**
 * Reads one entry. Where one of the functions below cannot read a field, the result says so. Any other error is
 * rethrown.
 */
export async function readEntry<Value>(
  fields: Fields,
  read: (fields: Fields) => Promise<Value> | Value,
): Promise<ReadEntry<Value>> {
  try {
    return { kind: "read", value: await read(fields) };
  } catch (error) {
    if (error instanceof Unreadable) return { kind: "unreadable", entry: unreadableEntry(fields, error.message) };
    throw error;
  }
}

/** Names an entry that cannot be read. Its id is shown only where it looks like one. */
export function unreadableEntry(fields: Fields, reason: string): UnreadableEntry {
  return { providerMessageId: idIn(fields.sid), reason };
}

/** Throws the fault of a field, which ends the reading of its entry. */
export function isUnreadable(why: string): never {
  throw new Unreadable(why);
}

/** The value, where it has the form of Twilio's ids; else `null`. */
export function idIn(value: unknown): string | null {
  return typeof value === "string" && ID.test(value) ? value : null;
}

/** The entry's own id. */
export function sidOf(fields: Fields): string {
  return idIn(fields.sid) ?? isUnreadable("it has no sid");
}

/** A field that must be there and must not be empty. */
export function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" && value !== "" ? value : isUnreadable(`it has no ${name}`);
}

/** A field that may be missing. */
export function optionalText(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : "";
}

/**
 * The text of a message. Twilio sends `null` where the message has only media, or where its text was deleted at Twilio.
 */
export function bodyOf({ body }: Fields): string {
  if (body === null) return "";
  return typeof body === "string" ? body : isUnreadable("its body is not text");
}

/** The number of media: Twilio writes it as text, for example `"0"`. */
export function mediaCountOf({ num_media }: Fields): number {
  const count = Number(num_media ?? 0);
  return Number.isInteger(count) && count >= 0 ? count : isUnreadable("its num_media is not a number");
}

/** Twilio's code for a message that failed; undefined where it gives none. */
export function errorCodeOf({ error_code }: Fields): number | undefined {
  const code = Number(error_code ?? 0);
  return Number.isInteger(code) && code > 0 ? code : undefined;
}

/** Unix milliseconds. Twilio writes RFC 2822, for example `Thu, 24 Aug 2023 05:01:45 +0000`: whole seconds. */
export function dateOf(fields: Fields): number {
  const date = createdAt(fields);
  return Number.isNaN(date) ? isUnreadable("its date_created is not a date") : date;
}

function createdAt({ date_created }: Fields): number {
  return typeof date_created === "string" ? Date.parse(date_created) : Number.NaN;
}
