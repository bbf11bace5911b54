import { OwnlineError } from "../errors.ts";
import { septetsOf } from "./gsm7.ts";

/** GSM-7 counts in septets of 7 bits, UCS-2 in units of 16 bits. */
export type SegmentEncoding = "GSM-7" | "UCS-2";

/** The segments of one text. */
export interface SegmentCount {
  /** GSM-7 where every character is in that alphabet. One other character makes the whole text UCS-2. */
  readonly encoding: SegmentEncoding;
  /** How many segments the provider sends and bills. 1 for an empty text, as in Twilio's calculator. */
  readonly segments: number;
  /**
   * The length of the text in the units of its encoding: septets in GSM-7 (a character of the extension table is 2),
   * UTF-16 code units in UCS-2 (an emoji is 2 or more). Bits are `units * 7` and `units * 16`.
   */
  readonly units: number;
  /**
   * The length as Twilio's calculator gives it. In GSM-7 it counts septets, so `€` is 2. In UCS-2 it counts what a
   * person sees as one character (a flag, a family, a letter with its accents) as 1, and CR LF as 2. Where the runtime
   * has no `Intl.Segmenter`, it counts code points.
   */
  readonly characters: number;
  /** How many units fit into each segment of this text: 160 or 70 for one segment, 153 or 67 for several. */
  readonly unitsPerSegment: number;
  /** How many units are still free in the last segment. */
  readonly remainingUnits: number;
  /** The characters that force UCS-2, each once, in order of appearance. Empty in GSM-7. */
  readonly nonGsmCharacters: readonly string[];
}

/** 140 octets. In a longer text, each segment loses 6 octets to the header that joins the segments. */
const LIMITS = {
  "GSM-7": { alone: 160, joined: 153 },
  "UCS-2": { alone: 70, joined: 67 },
} as const;

/** The longest character of a UCS-2 text that is never cut: a longer one fits into no joined segment. */
export const MAX_WHOLE_CHARACTER_UNITS = 67;

/** Fills segments with characters that must not be cut, in order, and returns at any time how many are needed. */
export interface Packer {
  add(units: number): void;
  units(): number;
  segments(): number;
  unitsPerSegment(): number;
  remainingUnits(): number;
}

/**
 * Makes a {@link Packer} for one encoding. It is greedy, because a provider fills a segment before it begins the next
 * one.
 */
export function packer(encoding: SegmentEncoding): Packer {
  const { alone, joined } = LIMITS[encoding];
  let total = 0;
  let full = 0;
  let used = 0;
  const segments = (): number => (total <= alone ? 1 : full + 1);
  const unitsPerSegment = (): number => (total <= alone ? alone : joined);
  return {
    add(units) {
      total += units;
      if (used + units > joined) {
        full += 1;
        used = 0;
      }
      used += units;
    },
    units: () => total,
    segments,
    unitsPerSegment,
    remainingUnits: () => unitsPerSegment() - (total <= alone ? total : used),
  };
}

/**
 * Adds one character of a UCS-2 text to a packer. A character that fits into no segment, such as a letter with a
 * hundred accents, is added as single code points. So it may be cut, but never inside a surrogate pair.
 */
export function addToUcs2(into: Packer, character: string): void {
  if (character.length <= MAX_WHOLE_CHARACTER_UNITS) into.add(character.length);
  else for (const codePoint of character) into.add(codePoint.length);
}

let segmenter: Intl.Segmenter | undefined;

/**
 * Node 20 copies the text for each step of the segmenter. So the segmenter gets slices: with the whole text, the time
 * would grow with the square of the length.
 */
const SLICE_UNITS = 256;

/**
 * The characters of a text as a person sees them. CR and LF are two characters. Without `Intl.Segmenter`, the result
 * has code points.
 */
export function charactersOf(text: string): string[] {
  if (!("Segmenter" in Intl)) return [...text];
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const characters: string[] = [];
  let length = SLICE_UNITS;
  for (let from = 0; from < text.length; ) {
    const slice = Array.from(segmenter.segment(text.slice(from, from + length)), ({ segment }) => segment);
    // The last character may continue after the slice. So may the one before it, where the slice cuts a surrogate pair.
    const whole = from + length < text.length ? slice.slice(0, -2) : slice;
    for (const character of whole) {
      from += character.length;
      if (character === "\r\n") characters.push("\r", "\n");
      else characters.push(character);
    }
    length = whole.length > 0 ? SLICE_UNITS : length * 2;
  }
  return characters;
}

/** A text packed as GSM-7; undefined where a character is not in that alphabet. */
function packGsm7(text: string): Packer | undefined {
  const gsm7 = packer("GSM-7");
  for (const character of text) {
    const septets = septetsOf(character);
    if (septets === 0) return undefined;
    gsm7.add(septets);
  }
  return gsm7;
}

/**
 * Counts the segments that a provider makes of a text, and returns the details of the count.
 *
 * A character is never divided between two segments. An escaped GSM-7 character, a surrogate pair or a character of
 * several code points moves completely into the next segment, as in Twilio's own calculator. Line breaks count as they
 * are written: LF is one unit, CR LF is two. A text of one segment may have 160 septets or 70 UCS-2 units. Each of
 * several segments may have 153 or 67, because a header joins them. The time is linear in the length of the text.
 *
 * An empty text counts as one segment of 0 units, as in the calculator. Twilio sends an empty text only with media.
 *
 * @throws {OwnlineError} `invalid_message` where the text is not a string.
 * @see https://www.twilio.com/docs/glossary/what-sms-character-limit
 *
 * @example
 * ```ts
 * import { countSegments } from "ownline/segments";
 *
 * countSegments("See you at 7"); // { encoding: "GSM-7", segments: 1, units: 12, remainingUnits: 148, … }
 * countSegments("See you at 7 🎉").nonGsmCharacters; // ["🎉"]
 * ```
 */
export function countSegments(text: string): SegmentCount {
  if (typeof text !== "string") {
    throw new OwnlineError("invalid_message", "countSegments takes the text as a string: pass a string.");
  }
  const gsm7 = packGsm7(text);
  if (gsm7) return summary("GSM-7", gsm7, gsm7.units(), []);
  const ucs2 = packer("UCS-2");
  const foreign = new Set<string>();
  const characters = charactersOf(text);
  for (const character of characters) {
    addToUcs2(ucs2, character);
    if (septetsOf(character) === 0) foreign.add(character);
  }
  return summary("UCS-2", ucs2, characters.length, [...foreign]);
}

function summary(
  encoding: SegmentEncoding,
  packed: Packer,
  characters: number,
  nonGsmCharacters: readonly string[],
): SegmentCount {
  return {
    encoding,
    segments: packed.segments(),
    units: packed.units(),
    characters,
    unitsPerSegment: packed.unitsPerSegment(),
    remainingUnits: packed.remainingUnits(),
    nonGsmCharacters,
  };
}
