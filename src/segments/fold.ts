import { OwnlineError } from "../errors.ts";
import { foldSmartly } from "./smart-encoding.ts";
import { foldTypography } from "./typography.ts";

export interface FoldOptions {
  /**
   * - `"lossless"`: replaces only typography, and only where the whole text then becomes GSM-7.
   * - `"smart"`: replaces what Twilio's Smart Encoding would replace, letter shapes and combining marks included,
   *   also where the result is not GSM-7. Use it to predict the segments of a Messaging Service that has Smart Encoding
   *   switched on.
   *
   * @default "lossless"
   */
  readonly mode?: "lossless" | "smart" | undefined;
}

/**
 * Replaces typographic characters by GSM-7 characters that read the same, so that a text needs fewer segments.
 *
 * It folds curly quotes, primes, backticks, dashes, bullets, ellipses, unusual spaces, invisible characters and
 * fullwidth punctuation. It composes a letter that was typed as base plus accent (`e` + U+0301 → `é`). Letters, digits
 * and fractions never change: `á` stays `á`, `½` stays `½`. Where the folded text would not be GSM-7 either (an emoji,
 * an `á`), it returns the text unchanged, because folding would lose typography and save nothing.
 *
 * It is idempotent. A folded text can be longer: an ellipsis becomes three dots.
 *
 * @throws {OwnlineError} `invalid_message` where the text is not a string, `invalid_options` for an unknown mode.
 * @see https://www.twilio.com/docs/messaging/services#smart-encoding
 *
 * @example
 * ```ts
 * import { foldToGsm7 } from "ownline/segments";
 *
 * foldToGsm7("“It’s 5–7 pm…”"); // "It's 5-7 pm..." in straight quotes: one unit per character
 * foldToGsm7("“Olá”"); // unchanged: á keeps the message UCS-2 anyway
 * ```
 */
export function foldToGsm7(text: string, options: FoldOptions = {}): string {
  if (typeof text !== "string") {
    throw new OwnlineError("invalid_message", "foldToGsm7 takes the text as a string: pass a string.");
  }
  if (typeof options !== "object" || options === null) {
    throw new OwnlineError("invalid_options", 'foldToGsm7 takes its options as an object, such as { mode: "smart" }.');
  }
  const { mode = "lossless" } = options;
  if (mode === "smart") return foldSmartly(text);
  if (mode !== "lossless") {
    throw new OwnlineError("invalid_options", 'foldToGsm7: set mode to "lossless" or "smart", or leave it out.');
  }
  return foldTypography(text);
}
