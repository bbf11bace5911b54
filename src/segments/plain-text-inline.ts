/** A run of `*`, `_` or `~~` that waits for its partner. */
interface Mark {
  /** The index of the run in the output. The entry is emptied when a partner is found. */
  readonly place: number;
  readonly length: number;
}

interface Link {
  /** Where the text between the brackets ends. */
  readonly close: number;
  /** Where the whole link ends. */
  readonly end: number;
  /** The address in the plain text; empty where the link's text is the address. */
  readonly suffix: string;
}

const ESCAPABLE = /* @__PURE__ */ new Set("\\`*_{}[]()#+-.!~|<>");
/** A URL also ends at brackets. Otherwise a URL that is a link's text would include the rest of the link. */
const URL_START = /(?:https?:\/\/|ftp:\/\/|www\.)[^\s<>"`|[\]]+/iy;
const AUTOLINK = /<(?:((?:https?|ftp|tel):[^\s<>[\]]+)|(?:mailto:)?([^\s<>@:[\]]+@[^\s<>@[\]]+))>/iy;
const BREAK = /<br\s*\/?>/iy;
const URL_TAIL = /* @__PURE__ */ new Set("*_~.,;:!?'");
const DESTINATION = /^(?:<([^<>]*)>|(\S+))(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?$/;
const ADDRESS = /^(?:[a-z][a-z0-9+.-]*:\S|www\.|[/#]|\S+\.\S)/i;
/** Longer than any message body that a provider takes, so no sent message can contain such a link. */
const MAX_DESTINATION = 2000;

const SPACE = /^\s?$/;
/**
 * Letters of cased scripts, digits and `_`. A `*` or `_` between two of these is not emphasis. Han and kana may be next
 * to a mark.
 */
const WORD = /^[\p{Lu}\p{Ll}\p{Lt}\p{Lm}\p{M}\p{N}_]$/u;
const OPENING = /* @__PURE__ */ new Set("([{<«“‘¿¡");
const CLOSING = /* @__PURE__ */ new Set(")]}>»”.,;:!?…");
/** Whether the mark is part of an emoticon or a quoted key: `"*"`, `^_^`, `>_<`. */
const isFramed = (previous: string, next: string): boolean =>
  (previous === next && !WORD.test(previous) && !SPACE.test(previous)) || previous + next === "><";
const ONLY_MARKS = /^[*_~]+$/;
/** After `_`, these characters continue a path, an address or an identifier. */
const JOINS_IDENTIFIER = /* @__PURE__ */ new Set("/\\@=&$#.");
const DUNDER = /^[a-z][a-z0-9_]*$/;

/**
 * Turns the inline Markdown of one line into plain text. It needs one pass: brackets, code spans and emphasis are
 * matched with stacks and indexes, without a second search. So the time is linear for hostile input too.
 */
export function inlineToPlainText(line: string): string {
  if (!/[\\`*_~[<]/.test(line)) return line;
  const codeEnds = codeSpans(line);
  const links = linksOf(line, codeEnds);
  const linkCloses = new Map<number, Link>();
  const out: string[] = [];
  const open = new Map<string, Mark[]>();
  let i = 0;
  while (i < line.length) {
    const character = line.charAt(i);
    const codeEnd = codeEnds.get(i);
    const link = links.get(i) ?? (character === "!" ? links.get(i + 1) : undefined);
    const closed = linkCloses.get(i);
    if (closed) {
      out.push(closed.suffix);
      i = closed.end;
    } else if (isEscape(line, i)) {
      out.push(line.charAt(i + 1));
      i += 2;
    } else if (codeEnd !== undefined) {
      out.push(codeText(line, i, codeEnd));
      i = codeEnd;
    } else if (character === "`") {
      const end = runEnd(line, i);
      out.push(line.slice(i, end));
      i = end;
    } else if (link) {
      linkCloses.set(link.close, link);
      i += character === "!" ? 2 : 1;
    } else if (character === "<") {
      const angle = angleAt(line, i);
      out.push(angle.text);
      i = angle.end;
    } else if (character === "*" || character === "_" || character === "~") {
      const end = runEnd(line, i);
      placeMark(line, i, end, out, open);
      i = end;
    } else {
      const end = urlEnd(line, i);
      out.push(line.slice(i, end));
      i = end;
    }
  }
  return out.join("");
}

function runEnd(line: string, start: number): number {
  let end = start + 1;
  while (line[end] === line[start]) end += 1;
  return end;
}

/** Whether a backslash escapes punctuation. It does not in `¯\_(ツ)_/¯`, and not in a path such as `C:\.git`. */
function isEscape(line: string, at: number): boolean {
  if (line[at] !== "\\" || line[at - 1] === "¯") return false;
  const next = line[at + 1] ?? "";
  return ESCAPABLE.has(next) && (next !== "." || /\d/.test(line[at - 1] ?? ""));
}

/** The code spans of a line: the index where each begins, and the index after its closing backticks. */
function codeSpans(line: string): Map<number, number> {
  const spans = new Map<number, number>();
  if (!line.includes("`")) return spans;
  const runs = [...line.matchAll(/`+/g)].map((match) => ({ at: match.index, length: match[0].length }));
  const nextOfLength = new Map<number, number>();
  const partners: (number | undefined)[] = [];
  for (let i = runs.length - 1; i >= 0; i--) {
    const length = runs[i]?.length ?? 0;
    partners[i] = nextOfLength.get(length);
    nextOfLength.set(length, i);
  }
  for (let i = 0; i < runs.length; i++) {
    const run = runs[i];
    const partner = partners[i];
    const closing = partner === undefined ? undefined : runs[partner];
    if (!run || !closing || partner === undefined || isEscape(line, run.at - 1) || isApostrophe(line, run)) continue;
    spans.set(run.at, closing.at + closing.length);
    i = partner;
  }
  return spans;
}

/** Whether the backtick is an apostrophe, as in ``it`s``. */
function isApostrophe(line: string, run: { at: number; length: number }): boolean {
  return run.length === 1 && WORD.test(before(line, run.at)) && WORD.test(after(line, run.at + 1));
}

function codeText(line: string, start: number, end: number): string {
  const marks = runEnd(line, start) - start;
  const code = line.slice(start + marks, end - marks);
  const isPadded = code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "";
  return isPadded ? code.slice(1, -1) : code;
}

/** The links and images of a line by the position of their `[`. */
function linksOf(line: string, codeEnds: ReadonlyMap<number, number>): Map<number, Link> {
  const links = new Map<number, Link>();
  if (!line.includes("](")) return links;
  const partners = bracketPartners(line, codeEnds);
  for (const [start, close] of partners) {
    if (line[start] !== "[" || line[close + 1] !== "(") continue;
    const end = partners.get(close + 1);
    if (end === undefined || end - close > MAX_DESTINATION) continue;
    const match = DESTINATION.exec(line.slice(close + 2, end).trim());
    const address = match?.[1] ?? match?.[2] ?? "";
    if (!ADDRESS.test(address)) continue;
    const shown = address.replace(/^(?:mailto|tel):/i, "");
    const text = line.slice(start + 1, close);
    const isSame = text.length <= address.length && bare(text) === bare(shown);
    links.set(start, { close: isSame ? start + 1 : close, end: end + 1, suffix: suffixFor(text, shown, isSame) });
  }
  return links;
}

function suffixFor(text: string, shown: string, isSame: boolean): string {
  if (isSame || text === "") return shown;
  return ` (${shown})`;
}

function bare(address: string): string {
  return address.replace(/^https?:\/\//i, "").replace(/\/$/, "");
}

/** For each `[` the `]` that closes it, and for each `(` its `)`. Code spans and escapes are left out. */
function bracketPartners(line: string, codeEnds: ReadonlyMap<number, number>): Map<number, number> {
  const partners = new Map<number, number>();
  const squares: number[] = [];
  const rounds: number[] = [];
  for (let i = 0; i < line.length; i++) {
    const codeEnd = codeEnds.get(i);
    if (codeEnd !== undefined) i = codeEnd - 1;
    else if (isEscape(line, i)) i += 1;
    else if (line[i] === "[") squares.push(i);
    else if (line[i] === "(") rounds.push(i);
    else if (line[i] === "]" || line[i] === ")") {
      const opened = (line[i] === "]" ? squares : rounds).pop();
      if (opened !== undefined) partners.set(opened, i);
    }
  }
  return partners;
}

function angleAt(line: string, at: number): { text: string; end: number } {
  BREAK.lastIndex = at;
  if (BREAK.test(line)) return { text: "\n", end: BREAK.lastIndex };
  AUTOLINK.lastIndex = at;
  const match = AUTOLINK.exec(line);
  if (match) return { text: match[1] ?? match[2] ?? "", end: AUTOLINK.lastIndex };
  return { text: "<", end: at + 1 };
}

/** The end of the URL that starts here, without punctuation at its end. Where no URL starts here, the next index. */
function urlEnd(line: string, at: number): number {
  if (!/[hfw]/i.test(line.charAt(at))) return at + 1;
  URL_START.lastIndex = at;
  const url = URL_START.exec(line)?.[0];
  if (!url) return at + 1;
  let end = url.length;
  let unopened = 0;
  for (const character of url) unopened += character === ")" ? 1 : character === "(" ? -1 : 0;
  while (end > 1) {
    const last = url.charAt(end - 1);
    if (last === ")" && unopened > 0) unopened -= 1;
    else if (!URL_TAIL.has(last)) break;
    end -= 1;
  }
  return at + end;
}

/** The whole character before an index; empty at the start. */
function before(line: string, at: number): string {
  const character = line.charAt(at - 1);
  return /[\udc00-\udfff]/.test(character) ? line.slice(Math.max(0, at - 2), at) : character;
}

/** The whole character at an index; empty at the end. */
function after(line: string, at: number): string {
  return String.fromCodePoint(...(at < line.length ? [line.codePointAt(at) ?? 0] : []));
}

/** Writes a run of marks to the output. Where the run closes an open run, removes both from the output. */
function placeMark(line: string, start: number, end: number, out: string[], open: Map<string, Mark[]>): void {
  const character = line.charAt(start);
  const length = end - start;
  const place = out.push(line.slice(start, end)) - 1;
  if (character === "~" ? length !== 2 : length > 3) return;
  const previous = before(line, start);
  const next = after(line, end);
  if (isFramed(previous, next)) return;
  const waiting = (size: number): Mark[] => {
    const key = character.repeat(size);
    const marks = open.get(key) ?? [];
    open.set(key, marks);
    return marks;
  };
  if (canClose(character, previous, next)) {
    const partners = partnersOf(length, waiting);
    const first = partners[0];
    if (first && (isDunder(character, length, out, first.place, place) || isFace(out, first.place, place))) return;
    if (first) {
      out[place] = "";
      for (const partner of partners) {
        const rest = partner.length - length;
        out[partner.place] = rest > 0 ? character.repeat(rest) : "";
        if (rest > 0) waiting(rest).push({ place: partner.place, length: rest });
      }
      return;
    }
  }
  if (canOpen(character, previous, next)) waiting(length).push({ place, length });
}

/** The marks that a closing run ends: one of the same length, a bold and an italic one, or part of a longer one. */
function partnersOf(length: number, waiting: (size: number) => Mark[]): Mark[] {
  const same = waiting(length).pop();
  if (same) return [same];
  if (length === 3) {
    const single = waiting(1).at(-1);
    const double = waiting(2).at(-1);
    if (!single || !double) return [];
    waiting(1).pop();
    waiting(2).pop();
    return [single, double];
  }
  const longer = waiting(3).pop();
  return longer ? [longer] : [];
}

/** `__init__` is a name, `__Init of it__` is bold. */
function isDunder(character: string, length: number, out: readonly string[], from: number, to: number): boolean {
  if (character !== "_" || length !== 2) return false;
  // A name is short, and each of its letters is a separate entry. So a longer range is not a name, and is not joined.
  return to - from < 100 && DUNDER.test(out.slice(from + 1, to).join(""));
}

/** `*_*` emphasises nothing. */
function isFace(out: readonly string[], from: number, to: number): boolean {
  return to - from === 2 && ONLY_MARKS.test(out[from + 1] ?? "");
}

function canOpen(character: string, previous: string, next: string): boolean {
  if (SPACE.test(next) || WORD.test(previous) || CLOSING.has(next)) return false;
  return character !== "_" || !JOINS_IDENTIFIER.has(previous);
}

function canClose(character: string, previous: string, next: string): boolean {
  if (SPACE.test(previous) || WORD.test(next) || OPENING.has(previous) || next === "#") return false;
  return character !== "_" || !JOINS_IDENTIFIER.has(next) || next === ".";
}
