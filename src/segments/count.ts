import { OwnlineError } from "../errors.ts";
import { septetsOf } from "./gsm7.ts";

/** GSM-7 counts in septets of 7 bits, UCS-2 in units of 16 bits. */
export type SegmentEncoding = "GSM-7" | "UCS-2";

/** What one text costs on the air. */
export interface SegmentCount {
  /** GSM-7 where every character is in that alphabet; a single other character makes the whole text UCS-2. */
  readonly encoding: SegmentEncoding;
  /** How many segments the provider sends and bills. 1 for an empty text, as in Twilio's calculator. */
  readonly segments: number;
  /**
   * The length of the text in the units of its encoding: septets in GSM-7 (a character of the extension table is 2),
   * UTF-16 code units in UCS-2 (an emoji is 2 or more). Bits are `units * 7` and `units * 16`.
   */
  readonly units: number;
  /**
   * The length as Twilio's calculator states it: septets in GSM-7, so that `€` is 2; in UCS-2 what a person sees
   * as one character (a flag, a family, a letter with its accents) is 1, and CR LF is 2. Where the runtime has no
   * `Intl.Segmenter`, code points stand in.
   */
  readonly characters: number;
  /** How many units each segment of this text holds: 160 or 70 where it is alone, 153 or 67 where there are several. */
  readonly unitsPerSegment: number;
  /** How many units are still free in the last segment. */
  readonly remainingUnits: number;
  /** The characters that force UCS-2, each once, in order of appearance. Empty in GSM-7. */
  readonly nonGsmCharacters: readonly string[];
}

/** 140 octets, less the 6 of the header that joins the segments of a longer text. */
const LIMITS = {
  "GSM-7": { alone: 160, joined: 153 },
  "UCS-2": { alone: 70, joined: 67 },
} as const;

/** The longest character of a UCS-2 text that is kept whole: no joined segment holds more. */
export const MAX_WHOLE_CHARACTER_UNITS = 67;

/** Fills segments with characters that must not be cut, in order, and says at any time how many were needed. */
export interface Packer {
  add(units: number): void;
  units(): number;
  segments(): number;
  unitsPerSegment(): number;
  remainingUnits(): number;
}

/** A {@link Packer} for one encoding: greedy, since a provider fills a segment before it opens the next. */
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
 * Adds one character of a UCS-2 text to a packer. One that no segment could hold goes in by its code points:
 * a letter under a hundred accents has to be cut somewhere, but never inside a surrogate pair.
 */
export function addToUcs2(into: Packer, character: string): void {
  if (character.length <= MAX_WHOLE_CHARACTER_UNITS) into.add(character.length);
  else for (const codePoint of character) into.add(codePoint.length);
}

let segmenter: Intl.Segmenter | undefined;

/**
 * Node 20 copies the text for each step through it, so it is handed slices: the whole would take its square in time.
 */
const SLICE_UNITS = 256;

/**
 * The characters of a text as a person sees them; CR and LF apart, and code points where there is no `Intl.Segmenter`.
 */
export function charactersOf(text: string): string[] {
  if (!("Segmenter" in Intl)) return [...text];
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const characters: string[] = [];
  let length = SLICE_UNITS;
  for (let from = 0; from < text.length; ) {
    const slice = Array.from(segmenter.segment(text.slice(from, from + length)), ({ segment }) => segment);
    // The last one may go on behind the slice, as may the one before it where a surrogate pair is cut.
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

/** A text packed as GSM-7, or undefined where that alphabet cannot hold it. */
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
 * Counts the segments that a provider makes of a text, and says why.
 *
 * Segments are packed, not divided: an escaped GSM-7 character, a surrogate pair or a character made of several
 * code points moves whole into the next segment, as in Twilio's own calculator. Line breaks count as they are
 * written: LF is one unit, CR LF two. A text of one segment may use 160 septets or 70 UCS-2 units; of several,
 * 153 or 67 each, since a header joins them. Time grows with the length of the text.
 *
 * An empty text counts as one segment of no units, which is what the calculator says; Twilio sends it only with media.
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
