import type { UnreadableEntry } from "../transport.ts";

/** An entry of a list as it came: nothing about it is certain. */
export type Fields = Readonly<Record<string, unknown>>;

/** An entry by its age. One without a readable date counts as neither recent nor past. */
export interface ByAge {
  readonly recent: readonly Fields[];
  readonly undated: readonly Fields[];
  /** Whether the page holds old entries only, so that older pages need not be read. */
  readonly isPast: boolean;
}

/** What an entry was read as, or why it cannot be read. */
export type ReadEntry<Value> =
  | { readonly kind: "read"; readonly value: Value }
  | { readonly kind: "unreadable"; readonly entry: UnreadableEntry };

/** Twilio's ids are two letters and 32 hexadecimal digits; an emulator's may be shorter. */
const ID = /^[A-Za-z]{2}[\w-]{1,62}$/;

/** What is wrong with a field. Caught by {@link readEntry}. */
class Unreadable extends Error {}

/** Sorts the entries of a page by whether they were created at `since` or later, Unix milliseconds. */
export function byAge(page: readonly Fields[], since: number): ByAge {
  const dated = page.filter((entry) => !Number.isNaN(createdAt(entry)));
  const recent = dated.filter((entry) => createdAt(entry) >= since);
  return {
    recent,
    undated: page.filter((entry) => Number.isNaN(createdAt(entry))),
    isPast: recent.length === 0 && dated.length > 0,
  };
}

/** Reads one entry. What the fields below throw for is reported as the entry's fault; any other error is thrown on. */
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

/** Ends the reading of an entry. */
export function isUnreadable(why: string): never {
  throw new Unreadable(why);
}

/** An id of Twilio's, `null` for anything that cannot be one. */
export function idIn(value: unknown): string | null {
  return typeof value === "string" && ID.test(value) ? value : null;
}

/** The entry's own id. */
export function sidOf(fields: Fields): string {
  return idIn(fields.sid) ?? isUnreadable("it has no sid");
}

/** A field that has to be there, and to hold something. */
export function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" && value !== "" ? value : isUnreadable(`it has no ${name}`);
}

/** A field that may be missing. */
export function optionalText(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : "";
}

/** The text of a message: `null` where it has pictures alone, or was deleted at Twilio. */
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
