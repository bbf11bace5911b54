import { isOwnlineError } from "./errors.ts";

/** What was thrown, for a line of the debug log. Never throws itself: not everything can be made a string. */
export function describeThrown(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? (thrown.stack ?? thrown) : thrown);
  } catch {
    return "something was thrown that cannot be shown";
  }
}

/**
 * What kind of thing was thrown, for an error's message: a class's name, and nothing that might be a number or a text.
 * Never throws itself either.
 */
export function kindOfThrown(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return "it threw something that is not an Error";
    return /^[A-Za-z]\w{0,60}$/.test(thrown.name) ? thrown.name : "Error";
  } catch {
    return "Error";
  }
}

/** What went wrong, for a line above `debug`: our own errors say it in words that hold no number and no text. */
export function reasonOf(error: unknown): string {
  return isOwnlineError(error) ? `${error.code}: ${error.message}` : kindOfThrown(error);
}
