import { OwnlineError } from "../errors.ts";
import { addToUcs2, charactersOf, countSegments, MAX_WHOLE_CHARACTER_UNITS, packer } from "./count.ts";
import { septetsOf } from "./gsm7.ts";

export interface SplitOptions {
  /**
   * The longest part, in UTF-16 code units (`string.length`); an integer of at least 2, so that an emoji fits.
   * Twilio refuses a body beyond 1,600 (https://www.twilio.com/docs/api/errors/21617).
   *
   * @default 1600
   */
  readonly maxLength?: number | undefined;
  /** The most segments a part may take, each part in its own encoding; an integer of at least 1. @default no limit */
  readonly maxSegments?: number | undefined;
}

interface Limits {
  readonly maxLength: number;
  readonly maxSegments: number | undefined;
}

/**
 * The smallest unit that is not cut: a character as a person sees it, or a code point of a character that is too big
 * for any part.
 */
interface Piece {
  readonly text: string;
  readonly start: number;
  readonly septets: number;
  readonly isSpace: boolean;
}

/** Whitespace that keeps its neighbours together, so the text is not cut there. */
const NO_BREAK = new Set(["\u00a0", "\u2007", "\u202f", "\ufeff"]);
const SENTENCE_END = new Set([".", "!", "?", "…", "。", "！", "？"]);
/** These characters end a sentence without a space after them. */
const UNSPACED_END = new Set(["。", "！", "？"]);
const CLOSERS = new Set(['"', "'", ")", "]", "»", "”", "’", "」", "』", "）"]);
const MAX_CLOSERS = 4;

/** The kinds of places to cut, from the best to the worst. */
const PARAGRAPH = 3;
const SENTENCE = 2;
const WORD = 1;
const NOWHERE = 0;

/**
 * Splits a text into parts that each fit into one message. It cuts at the end of a paragraph or sentence where the part
 * is then at least half full, else between words, else between characters.
 *
 * - A text that fits is returned unchanged. An empty text, or a text of only whitespace, gives no parts.
 * - A longer text loses only whitespace: next to a cut and at both ends. Every other character is in exactly one
 *   part, in order. No part is empty, and no part begins or ends with whitespace (a space with an accent is a
 *   character, not whitespace).
 * - Every part is within both limits. Each part is counted separately: a part without an emoji is GSM-7, also where
 *   another part has one.
 * - It never cuts inside a surrogate pair. It does not cut inside a character of several code points (a flag, a
 *   family, a letter with its accents), unless the character is too big for any part. Then it cuts between code points.
 *
 * The time is linear in the length of the text.
 *
 * @throws {OwnlineError} `invalid_message` where the text is not a string, `invalid_options` where a limit is not an
 * integer or too small.
 *
 * @example
 * ```ts
 * import { splitText } from "ownline/segments";
 *
 * splitText("We open at nine. Come early!", { maxLength: 20 }); // ["We open at nine.", "Come early!"]
 * ```
 */
export function splitText(text: string, options: SplitOptions = {}): string[] {
  if (typeof text !== "string") {
    throw new OwnlineError("invalid_message", "splitText takes the text as a string: pass a string.");
  }
  const limits = parseLimits(options);
  if (text.trim() === "") return [];
  if (fits(text, limits)) return [text];

  const pieces = piecesOf(text, limits);
  const end = beforeSpaces(pieces, 0, pieces.length);
  const parts: string[] = [];
  let from = afterSpaces(pieces, 0, end);
  while (from < end) {
    let to = furthest(pieces, from, end, limits);
    if (to < end) to = bestCut(pieces, from, to);
    let part = partOf(text, pieces, from, to);
    // The code points of a character that was cut may combine differently in a separate part, and may then need more
    // room.
    while (to > from + 1 && !fits(part, limits)) {
      to = from + Math.floor((to - from) / 2);
      part = partOf(text, pieces, from, to);
    }
    parts.push(part);
    from = afterSpaces(pieces, to, end);
  }
  return parts;
}

function parseLimits(options: SplitOptions): Limits {
  if (typeof options !== "object" || options === null) {
    throw new OwnlineError("invalid_options", "splitText takes its options as an object, such as { maxLength: 320 }.");
  }
  const { maxLength = 1600, maxSegments } = options;
  if (!Number.isInteger(maxLength) || maxLength < 2) {
    throw new OwnlineError("invalid_options", "splitText: set maxLength to an integer of at least 2, or leave it out.");
  }
  if (maxSegments !== undefined && (!Number.isInteger(maxSegments) || maxSegments < 1)) {
    throw new OwnlineError(
      "invalid_options",
      "splitText: set maxSegments to an integer of at least 1, or leave it out.",
    );
  }
  return { maxLength, maxSegments };
}

function fits(text: string, { maxLength, maxSegments }: Limits): boolean {
  return text.length <= maxLength && (maxSegments === undefined || countSegments(text).segments <= maxSegments);
}

function piecesOf(text: string, limits: Limits): Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  const add = (piece: string): void => {
    pieces.push({ text: piece, start, septets: septetsOf(piece), isSpace: piece.trim() === "" });
    start += piece.length;
  };
  const surelyFits = Math.min(limits.maxLength, MAX_WHOLE_CHARACTER_UNITS);
  for (const character of charactersOf(text)) {
    if (character.length <= surelyFits || fits(character, limits)) add(character);
    else for (const codePoint of character) add(codePoint);
  }
  return pieces;
}

/** The index after the longest run of pieces that fits into one part. */
function furthest(pieces: readonly Piece[], from: number, end: number, { maxLength, maxSegments }: Limits): number {
  const first = pieces[from]?.start ?? 0;
  const gsm7 = packer("GSM-7");
  const ucs2 = packer("UCS-2");
  let isGsm7 = true;
  for (let i = from; i < end; i++) {
    const piece = pieces[i];
    if (!piece || piece.start + piece.text.length - first > maxLength) return i;
    if (maxSegments === undefined) continue;
    isGsm7 &&= piece.septets > 0;
    gsm7.add(piece.septets);
    addToUcs2(ucs2, piece.text);
    if ((isGsm7 ? gsm7 : ucs2).segments() > maxSegments) return i;
  }
  return end;
}

/**
 * The best place to cut at or before `to`: the last place of the best kind. Only a cut between words may leave the part
 * less than half full.
 */
function bestCut(pieces: readonly Piece[], from: number, to: number): number {
  const half = from + (to - from) / 2;
  let best = to;
  let bestKind = NOWHERE;
  for (let i = to; i > from && (i >= half || bestKind === NOWHERE); i--) {
    const kind = cutKind(pieces, i);
    if (kind > bestKind) {
      best = i;
      bestKind = kind;
    }
  }
  return best;
}

function cutKind(pieces: readonly Piece[], at: number): number {
  const before = pieces[at - 1];
  const after = pieces[at];
  if (!before || !after || before.isSpace) return NOWHERE;
  if (!after.isSpace) return UNSPACED_END.has(before.text) ? SENTENCE : NOWHERE;
  let lineBreaks = 0;
  let canBreak = false;
  for (let i = at; pieces[i]?.isSpace && lineBreaks < 2; i++) {
    const space = pieces[i]?.text ?? "";
    if (space === "\n") lineBreaks += 1;
    canBreak ||= !NO_BREAK.has(space);
  }
  if (!canBreak) return NOWHERE;
  if (lineBreaks === 2) return PARAGRAPH;
  return lineBreaks === 1 || endsSentence(pieces, at - 1) ? SENTENCE : WORD;
}

function endsSentence(pieces: readonly Piece[], last: number): boolean {
  let i = last;
  while (last - i < MAX_CLOSERS && CLOSERS.has(pieces[i]?.text ?? "")) i -= 1;
  return SENTENCE_END.has(pieces[i]?.text ?? "");
}

function partOf(text: string, pieces: readonly Piece[], from: number, to: number): string {
  const last = pieces[beforeSpaces(pieces, from, to) - 1];
  return last ? text.slice(pieces[from]?.start, last.start + last.text.length) : "";
}

function afterSpaces(pieces: readonly Piece[], from: number, end: number): number {
  let i = from;
  while (i < end && pieces[i]?.isSpace) i += 1;
  return i;
}

function beforeSpaces(pieces: readonly Piece[], from: number, to: number): number {
  let i = to;
  while (i > from && pieces[i - 1]?.isSpace) i -= 1;
  return i;
}
