import { OwnlineError } from "../errors.ts";
import { foldSmartly } from "./smart-encoding.ts";
import { foldTypography } from "./typography.ts";

export interface FoldOptions {
  /**
   * - `"lossless"`: only typography, and only where the whole text becomes GSM-7 by it.
   * - `"smart"`: what Twilio's Smart Encoding would make of the text, letter shapes and combining marks
   *   included, whether or not the result is GSM-7. For predicting the segments of a Messaging Service that
   *   has it switched on.
   *
   * @default "lossless"
   */
  readonly mode?: "lossless" | "smart" | undefined;
}

/**
 * Replaces typographic characters by the GSM-7 characters that read the same, so that a text takes fewer segments.
 *
 * Curly quotes, primes, backticks, dashes, bullets, ellipses, unusual spaces, invisible characters and fullwidth
 * punctuation are folded, and a letter typed as base plus accent is composed (`e` + U+0301 → `é`). Letters, digits
 * and fractions never change: `á` stays `á`, `½` stays `½`. All or nothing: where even the folded text would not be
 * GSM-7 (an emoji, an `á`), the text is returned untouched, since folding would lose its typography and save nothing.
 *
 * Folding twice changes nothing more. A folded text can be longer: an ellipsis becomes three dots.
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
