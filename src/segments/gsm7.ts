import { OwnlineError } from "../errors.ts";

const BASIC =
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
  "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION = "\f^{}\\[~]|€";

const SEPTETS: ReadonlyMap<string, number> = new Map([
  ...[...BASIC].map((character): [string, number] => [character, 1]),
  ...[...EXTENSION].map((character): [string, number] => [character, 2]),
]);

/**
 * How many septets a character takes in GSM-7: 1, 2 for the escaped ones of the extension table
 * (`^ { } \ [ ] ~ | €` and form feed), 0 where GSM-7 has no such character.
 *
 * The escape code itself (U+001B), tab, no-break space, backtick and `á í ó ú ç` are not in the alphabet.
 *
 * @see https://www.3gpp.org/dynareport/23038.htm sections 6.2.1 and 6.2.1.1
 * @see https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding
 */
export function septetsOf(character: string): number {
  return SEPTETS.get(character) ?? 0;
}

/** Whether every character of a text is in the GSM-7 alphabet or its extension. Empty text is. */
function isGsm7(text: string): boolean {
  for (const character of text) if (!SEPTETS.has(character)) return false;
  return true;
}

type Folds = ReadonlyArray<readonly [to: string, from: string]>;

/** Typography whose GSM-7 form reads the same. No letter, no fraction, no sign of arithmetic but the minus. */
const LOSSLESS: Folds = [
  ['"', "\u00ab\u00bb\u201c\u201d\u201e\u201f\u2033\u275d\u275e\u301d\u301e\uff02"],
  ["'", "\u0060\u00b4\u2018\u2019\u201a\u201b\u2032\u2039\u203a\u275b\u275c\uff07\uff40"],
  ["-", "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d"],
  ["-", "\u2022\u2023\u25aa\u25cf\u25e6"],
  [" ", "\u0009\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"],
  ["", "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"],
  ["\n", "\u2028\u2029"],
  ["...", "\u2026"],
  ["..", "\u2025"],
  ["!!", "\u203c"],
  ["??", "\u2047"],
  ["?!", "\u2048"],
  ["!?", "\u2049"],
  ["/", "\u2044\u2215\uff0f"],
  ["!", "\ufe57\uff01"],
  ["#", "\ufe5f\uff03"],
  ["$", "\ufe69\uff04"],
  ["%", "\ufe6a\uff05"],
  ["&", "\ufe60\uff06"],
  ["(", "\ufe59\uff08"],
  [")", "\ufe5a\uff09"],
  ["*", "\ufe61\uff0a"],
  ["+", "\ufe62\uff0b"],
  [",", "\u3001\ufe50\uff0c\uff64"],
  [".", "\u3002\ufe52\uff0e\uff61"],
  [":", "\ufe55\uff1a"],
  [";", "\ufe54\uff1b"],
  ["<", "\ufe64\uff1c"],
  ["=", "\ufe66\uff1d"],
  [">", "\ufe65\uff1e"],
  ["?", "\ufe56\uff1f"],
  ["@", "\ufe6b\uff20"],
  ["[", "\uff3b"],
  ["\\", "\ufe68\uff3c"],
  ["]", "\uff3d"],
  ["^", "\uff3e"],
  ["_", "\uff3f"],
  ["{", "\ufe5b\uff5b"],
  ["|", "\uff5c"],
  ["}", "\ufe5c\uff5d"],
  ["~", "\uff5e"],
];

/** Twilio's replacements as they stand, its double spaces and folded combining marks included. */
const SMART: Folds = [
  ['"', "\u00ab\u00bb\u201c\u201d\u02ba\u02ee\u201f\u201e\u275d\u275e\u301d\u301e\uff02"],
  [
    "'",
    "\u2018\u2019\u02bb\u02c8\u02bc\u02bd\u02b9\u201b\uff07\u00b4\u02ca\u0060\u02cb\u275b\u275c\u0313\u0314\ufe10\ufe11",
  ],
  ["/", "\u00f7\u29f8\u0337\u0338\u2044\u2215\uff0f"],
  ["1/4", "\u00bc"],
  ["1/2", "\u00bd"],
  ["3/4", "\u00be"],
  ["\\", "\u29f9\u29f5\u20e5\ufe68\uff3c"],
  ["_", "\u0332\uff3f\u2017"],
  ["|", "\u20d2\u20d3\u2223\uff5c\u23b8\u23b9\u23d0\u239c\u239f"],
  ["-", "\u23bc\u23bd\u2015\ufe63\uff0d\u2010\u2043\u2014\u2013\u2022"],
  ["@", "\ufe6b\uff20"],
  ["$", "\ufe69\uff04"],
  ["!", "\u01c3\ufe15\ufe57\uff01"],
  ["#", "\ufe5f\uff03"],
  ["%", "\ufe6a\uff05"],
  ["&", "\ufe60\uff06"],
  [",", "\u201a\u0326\ufe50\ufe51\uff0c\uff64\u3001"],
  ["(", "\u2768\u276a\ufe59\uff08\u27ee\u2985"],
  [")", "\u2769\u276b\ufe5a\uff09\u27ef\u2986"],
  [
    "*",
    "\u204e\u2217\u229b\u2722\u2723\u2724\u2725\u2731\u2732\u2733\u273a\u273b\u273c\u273d\u2743\u2749\u274a\u274b\u29c6\ufe61\uff0a",
  ],
  ["+", "\u02d6\ufe62\uff0b"],
  [".", "\u3002\ufe52\uff0e\uff61"],
  ["0", "\uff10"],
  ["1", "\uff11"],
  ["2", "\uff12"],
  ["3", "\uff13"],
  ["4", "\uff14"],
  ["5", "\uff15"],
  ["6", "\uff16"],
  ["7", "\uff17"],
  ["8", "\uff18"],
  ["9", "\uff19"],
  [":", "\u02d0\u02f8\u2982\ua789\ufe13\uff1a"],
  [";", "\u204f\ufe14\ufe54\uff1b"],
  ["<", "\ufe64\uff1c\u2039"],
  ["=", "\u0347\ua78a\ufe66\uff1d"],
  [">", "\ufe65\uff1e\u203a"],
  ["?", "\ufe16\ufe56\uff1f"],
  ["A", "\uff21\u1d00"],
  ["B", "\uff22\u0299"],
  ["C", "\uff23\u1d04"],
  ["D", "\uff24\u1d05"],
  ["E", "\uff25\u1d07"],
  ["F", "\uff26\ua730"],
  ["G", "\uff27\u0262"],
  ["H", "\uff28\u029c"],
  ["I", "\uff29\u026a"],
  ["J", "\uff2a\u1d0a"],
  ["K", "\uff2b\u1d0b"],
  ["L", "\uff2c\u029f"],
  ["M", "\uff2d\u1d0d"],
  ["N", "\uff2e\u0274"],
  ["O", "\uff2f\u1d0f"],
  ["P", "\uff30\u1d18"],
  ["Q", "\uff31"],
  ["R", "\uff32\u0280"],
  ["S", "\uff33\ua731"],
  ["T", "\uff34\u1d1b"],
  ["U", "\uff35\u1d1c"],
  ["V", "\uff36\u1d20"],
  ["W", "\uff37\u1d21"],
  ["X", "\uff38"],
  ["Y", "\uff39\u028f"],
  ["Z", "\uff3a\u1d22"],
  ["^", "\u02c6\u0302\uff3e\u1dcd"],
  ["{", "\u2774\ufe5b\uff5b"],
  ["}", "\u2775\ufe5c\uff5d"],
  ["[", "\uff3b"],
  ["]", "\uff3d"],
  ["~", "\u02dc\u02f7\u0303\u0330\u0334\u223c\uff5e"],
  [
    "  ",
    "\u00a0\u2000\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u008d\u009f\u0080\u0090\u009b",
  ],
  ["", "\u0010\u0000\u0003\u0004\u0017\u0019\u0011\u0012\u0013\u0014\u2060\u200b\u200c\ufeff"],
  ["       ", "\u0009"],
  ["!!", "\u203c"],
  [" ", "\u2028\u2029\u2001"],
  ["...", "\u2026"],
];

function lookup(folds: Folds): ReadonlyMap<string, string> {
  return new Map(folds.flatMap(([to, from]) => [...from].map((character): [string, string] => [character, to])));
}

const LOSSLESS_FOLDS = lookup(LOSSLESS);
const SMART_FOLDS = lookup(SMART);

function replaceEach(text: string, folds: ReadonlyMap<string, string>): string {
  let folded = "";
  for (const character of text) folded += folds.get(character) ?? character;
  return folded;
}

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
 * @throws {OwnlineError} `invalid_message` where the text is no string, `invalid_options` for an unknown mode.
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
  if (mode === "smart") return replaceEach(text, SMART_FOLDS);
  if (mode !== "lossless") {
    throw new OwnlineError("invalid_options", 'foldToGsm7: set mode to "lossless" or "smart", or leave it out.');
  }
  if (isGsm7(text)) return text;
  const folded = replaceEach(text.normalize("NFC"), LOSSLESS_FOLDS);
  return isGsm7(folded) ? folded : text;
}
