import { isOwnlineError } from "./errors.ts";

/**
 * Describes a thrown value for a line of the debug log. Never throws, although some values cannot be converted to a
 * string.
 */
export function describeThrown(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? (thrown.stack ?? thrown) : thrown);
  } catch {
    return "something was thrown that cannot be shown";
  }
}

/**
 * The kind of a thrown value, for an error's message: the name of a class, without phone numbers and texts. Never
 * throws.
 */
export function kindOfThrown(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return "it threw something that is not an Error";
    return /^[A-Za-z]\w{0,60}$/.test(thrown.name) ? thrown.name : "Error";
  } catch {
    return "Error";
  }
}

/**
 * The reason of an error, for a line above `debug`. The messages of an `OwnlineError` contain no phone numbers and no
 * texts.
 */
export function reasonOf(error: unknown): string {
  return isOwnlineError(error) ? `${error.code}: ${error.message}` : kindOfThrown(error);
}
