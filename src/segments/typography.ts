import { isGsm7 } from "./gsm7.ts";

/** Each character in `from` is replaced by `to`. */
export type Folds = ReadonlyArray<readonly [to: string, from: string]>;

/**
 * Typography whose GSM-7 form reads the same. It has no letters and no fractions, and of the signs of arithmetic only
 * the minus.
 */
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

const LOSSLESS_FOLDS = /* @__PURE__ */ lookup(LOSSLESS);

/** The lossless fold of `foldToGsm7`: replaces only typography, and only where the whole text then becomes GSM-7. */
export function foldTypography(text: string): string {
  if (isGsm7(text)) return text;
  const folded = replaceEach(text.normalize("NFC"), LOSSLESS_FOLDS);
  return isGsm7(folded) ? folded : text;
}

export function lookup(folds: Folds): ReadonlyMap<string, string> {
  return new Map(folds.flatMap(([to, from]) => [...from].map((character): [string, string] => [character, to])));
}

export function replaceEach(text: string, folds: ReadonlyMap<string, string>): string {
  let folded = "";
  for (const character of text) folded += folds.get(character) ?? character;
  return folded;
}
