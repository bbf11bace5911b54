import { OwnlineError } from "../errors.ts";
import { inlineToPlainText } from "./plain-text-inline.ts";

interface Line {
  readonly text: string;
  /** The line break as it was written, empty after the last line. */
  readonly end: string;
}

interface Fence {
  readonly mark: string;
  readonly length: number;
}

const LINE = /([^\r\n]*)(\r\n|\n|\r|$)/gy;
const FENCE = /^ {0,3}(`{3,}|~{3,})([^\r\n]*)$/;
const HEADING = /^ {0,3}#{1,6}[ \t]+(?=\S)/;
const RULE = /^ {0,3}(?:-(?:[ \t]*-){2,}|\*[ \t]*\*[ \t]*\*|_[ \t]*_[ \t]*_)[ \t]*$/;
const UNDERLINE = /^ {0,3}={3,}[ \t]*$/;
const BULLET = /^([ \t]*)\*(?=[ \t]+\S)/;
const QUOTE = /^ {0,3}>(?=[ \t>]|$)[ \t]?/;
/** `> 5 guests` is a comparison, not a quotation. */
const COMPARISON = /^ {0,3}>[ \t]*[\d=€$£¥.,+-]/;
const DELIMITER_CELL = /^:?-+:?$/;

/**
 * Turns Markdown into plain text that reads well on a phone, and changes nothing else.
 *
 * - Marks are removed, words stay: headings, bold, italic, strikethrough, inline code, code fences, block quotes,
 *   escapes. The language name after an opening fence is removed too. A fence that never ends reaches to the end of the
 *   text.
 * - `[text](url)` and `![text](url)` become `text (url)`, or only the URL where the text is the same or empty. Bare
 *   URLs and `<https://…>` keep every character.
 * - `* item` becomes `- item`; `- item`, `1. item` and their indentation stay. Table rows become `a | b`. Horizontal
 *   rules are removed. `<br>` becomes a line break; other HTML and entities stay.
 * - These are not marks: `snake_case`, `__init__`, `9*5`, `2 * 3 * 4`, `*100#`, `C#`, `#tag`, `~5`, `> 5`,
 *   `****1234`. Emphasis must begin and end in one line; a mark without its partner stays.
 *
 * A text without Markdown is returned unchanged, with its line breaks and trailing spaces. A text that has only marks
 * (`***`, an empty code fence) is returned unchanged too, not empty. Text in code or after an escape may look like
 * Markdown in the result, so convert a text only once. The time is linear in the length of the text, for hostile input
 * too.
 *
 * @throws {OwnlineError} `invalid_message` where the text is not a string.
 *
 * @example
 * ```ts
 * import { toPlainText } from "ownline/segments";
 *
 * toPlainText("## Hours\n* **Mon**: 9-17\n* [Map](https://example.com/map)");
 * // "Hours\n- Mon: 9-17\n- Map (https://example.com/map)"
 * ```
 */
export function toPlainText(markdown: string): string {
  if (typeof markdown !== "string") {
    throw new OwnlineError("invalid_message", "toPlainText takes the text as a string: pass a string.");
  }
  const plain = convertBlocks(linesOf(markdown));
  return plain.trim() === "" ? markdown : plain;
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (const match of text.matchAll(LINE)) {
    lines.push({ text: match[1] ?? "", end: match[2] ?? "" });
    if (match[2] === "") break;
  }
  return lines;
}

function convertBlocks(lines: readonly Line[]): string {
  const out: Line[] = [];
  let fence: Fence | undefined;
  let inQuote = false;
  let inTable = false;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (!line) continue;
    const quote = withoutQuote(line.text, inQuote);
    inQuote = quote.quoted;
    const text = quote.text;

    if (fence) {
      if (closes(text, fence)) fence = undefined;
      else out.push({ text, end: line.end });
      continue;
    }
    fence = openingFence(text);
    if (fence) continue;

    const isBelowText = (out.at(-1)?.text.trim() ?? "") !== "";
    if (RULE.test(text) || (isBelowText && UNDERLINE.test(text))) {
      if (!isBelowText && lines[i + 1]?.text.trim() === "") i += 1;
      if (i >= lines.length - 1) while (out.at(-1)?.text.trim() === "") out.pop();
      continue;
    }
    if (inTable) inTable = text.includes("|");
    else if (startsTable(text, lines[i + 1]?.text)) {
      inTable = true;
      out.push({ text: tableRow(text), end: line.end });
      i += 1;
      continue;
    }
    out.push({ text: inTable ? tableRow(text) : convertLine(text), end: line.end });
  }
  return joined(out, lines.at(-1)?.end ?? "");
}

/** Joins the lines. Where the last line was a mark and was removed, the line break before it is removed too. */
function joined(out: readonly Line[], lastEnd: string): string {
  return out.map(({ text, end }, i) => (i === out.length - 1 ? text + lastEnd : text + end)).join("");
}

function withoutQuote(line: string, inQuote: boolean): { text: string; quoted: boolean } {
  if (!QUOTE.test(line) || (!inQuote && COMPARISON.test(line))) return { text: line, quoted: false };
  let at = 0;
  // The marks are skipped by index. If each mark were cut off separately, the time would grow with the square of their
  // number.
  while (line[at] === " ") at += 1;
  while (line[at] === ">") {
    at += 1;
    if ((line[at] === " " || line[at] === "\t") && line[at + 1] === ">") at += 1;
  }
  if (line[at] === " " || line[at] === "\t") at += 1;
  return { text: line.slice(at), quoted: true };
}

function openingFence(line: string): Fence | undefined {
  const match = FENCE.exec(line);
  const mark = match?.[1];
  if (!mark || (mark.startsWith("`") && match[2]?.includes("`"))) return undefined;
  return { mark: mark.charAt(0), length: mark.length };
}

function closes(line: string, fence: Fence): boolean {
  const text = line.trim();
  return text.length >= fence.length && text === fence.mark.repeat(text.length);
}

function convertLine(line: string): string {
  const heading = HEADING.exec(line)?.[0];
  if (heading !== undefined) return inlineToPlainText(withoutClosingHashes(line.slice(heading.length)));
  return inlineToPlainText(line.replace(BULLET, "$1-"));
}

/** `## Title ##` closes its heading; `# Learn C#` does not. */
function withoutClosingHashes(heading: string): string {
  const text = heading.trimEnd();
  let end = text.length;
  while (text[end - 1] === "#") end -= 1;
  return end < text.length && /[ \t]/.test(text[end - 1] ?? "") ? text.slice(0, end).trimEnd() : text;
}

function startsTable(line: string, next: string | undefined): boolean {
  if (next === undefined || !line.includes("|") || !next.includes("|") || !next.includes("-")) return false;
  const delimiters = cellsOf(next);
  return delimiters.every((cell) => DELIMITER_CELL.test(cell)) && delimiters.length === cellsOf(line).length;
}

/** The cells of a row, trimmed; an escaped pipe belongs to its cell. */
function cellsOf(line: string): string[] {
  const row = line.trim();
  const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
  if (row.startsWith("|")) cells.shift();
  if (cells.length > 1 && cells.at(-1) === "") cells.pop();
  return cells;
}

function tableRow(line: string): string {
  return cellsOf(line).map(inlineToPlainText).join(" | ");
}
