import { finalChannelOf } from "./harmony.ts";

/** The tags that models put around their reasoning, in all spellings; group 1 is the slash of a closing tag. */
const NAME = "(?:\\w{1,20}:)?(?:antthinking|thinking|thoughts?|think|reasoning|reflection|scratchpad)";
const TAG = new RegExp(
  [
    `(?:<|&lt;)\\s{0,3}(/?)\\s{0,3}${NAME}(?:\\s[^<>]{0,200})?/?(?:>|&gt;)`,
    "\\[(/?)THINK\\]",
    "◁(/?)think▷",
    "<\\|(?:begin_of_thought|START_THINKING)\\|>",
    "<\\|channel>thought\\b",
    "<\\|(end_of_thought|END_THINKING)\\|>",
    "<(channel)\\|>",
  ].join("|"),
  "gi",
);
/** Code, in which a tag is only mentioned: a fence, or a span on one line without spaces at its ends. */
const CODE = /```[\s\S]*?```|(`{1,2})(?![`\s])[^`\n]+(?<!\s)\1/g;
const FINAL_NAME = "(?:final(?:[_-]?(?:answer|response|reply))?|answer|response|reply|output)";
const FINAL_OPEN = new RegExp(
  `<\\s{0,3}${FINAL_NAME}(?:\\s[^<>]{0,200})?>|<\\|(?:begin_of_solution|START_RESPONSE)\\|>`,
  "gi",
);
const FINAL_CLOSE = new RegExp(`<\\s{0,3}/\\s{0,3}${FINAL_NAME}\\s*>|<\\|(?:end_of_solution|END_RESPONSE)\\|>`, "gi");
const LONGEST_MENTION = 60;

/**
 * The error's message for an answer that is only reasoning. It contains "empty", like the messages for other empty
 * answers.
 */
export const ONLY_REASONING =
  "The model returned reasoning and an empty answer. Let it write more tokens, or ask it for less reasoning.";

interface Tag {
  readonly start: number;
  readonly end: number;
  readonly closes: boolean;
}

/**
 * The part of a model's text that is meant for a person: the text without the reasoning. Empty where nothing else is
 * left.
 *
 * - `<think>`, `<thinking>`, `<thought>` and similar tags, in any case, with attributes, nested, several of them
 * - a closing tag without an opening tag: all text before it is reasoning
 * - an opening tag without a closing tag: all text after it is reasoning, up to a `<final>` or `<answer>` tag
 * - OpenAI's Harmony channels (https://github.com/openai/harmony): only the final channel is kept
 *
 * Where it is not certain, it treats a text as reasoning. A tag in code, in quotes or inside a sentence ("use <think>
 * tags in your prompt") is only mentioned, and stays.
 */
export function withoutReasoning(text: string): string {
  const spoken = finalChannelOf(text);
  const codes = [...spoken.matchAll(CODE)].map((match) => ({ start: match.index, end: match.index + match[0].length }));
  const tags = tagsOf(spoken);
  let kept = "";
  let from = 0;
  let passed = 0;
  let found = spoken !== text;
  for (let at = 0; at < tags.length; at += 1) {
    const tag = tags[at];
    if (tag === undefined || tag.start < from) continue;
    // Tags and pieces of code are in order, so only the last piece that begins before a tag can contain the tag.
    while ((codes[passed]?.start ?? Infinity) < tag.start) passed += 1;
    const code = codes[passed - 1];
    if (code !== undefined && code.start >= from && tag.end < code.end) continue;
    const mentions = mentionsFrom(spoken, tags, at);
    if (mentions > 0) {
      at += mentions - 1;
      continue;
    }
    found = true;
    // Where a closing tag has no opening tag, all text before it is reasoning.
    if (tag.closes) {
      kept = "";
      from = tag.end;
      continue;
    }
    kept += spoken.slice(from, tag.start);
    const end = endOfBlock(spoken, tags, at);
    if (end !== null) {
      from = end;
      continue;
    }
    const final = [...spoken.slice(tag.end).matchAll(FINAL_OPEN)].at(-1);
    if (final !== undefined) kept = "";
    from = final === undefined ? spoken.length : tag.end + final.index;
  }
  const rest = kept + spoken.slice(from);
  return unwrapped(rest, found).trim();
}

function tagsOf(text: string): readonly Tag[] {
  return [...text.matchAll(TAG)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    closes: match.slice(1).some((group) => group !== undefined && group !== ""),
  }));
}

/** Where the block that `tags[at]` opens ends: at the tag that closes it, else at the last closing tag. */
function endOfBlock(text: string, tags: readonly Tag[], at: number): number | null {
  let depth = 0;
  let last: number | null = null;
  for (let next = at; next < tags.length; next += 1) {
    const tag = tags[next];
    if (tag === undefined || (depth > 0 && isQuoted(text, tag))) continue;
    depth += tag.closes ? -1 : 1;
    if (tag.closes) last = tag.end;
    if (depth === 0) return tag.end;
  }
  return last;
}

/** How many tags from here on are only mentioned: 0, one, or an opening tag and its closing tag. */
function mentionsFrom(text: string, tags: readonly Tag[], at: number): number {
  const tag = tags[at];
  if (tag === undefined) return 0;
  if (isQuoted(text, tag)) return 1;
  const next = tags[at + 1];
  if (tag.closes || next === undefined) return isInSentence(text, tag) ? 1 : 0;
  const between = text.slice(tag.end, next.start);
  if (next.closes) {
    if (isQuoted(text, { ...tag, end: next.end })) return 2;
    // The tags are also mentioned in "<think> and </think> mark it", at the start of a line too.
    if (/^ (?:and|or|und|oder|et|ou|y|o|e|to) $/i.test(between)) return 2;
    if (!isInSentence(text, tag)) return 0;
    if (!/[\p{L}\p{N}]/u.test(between)) return 2;
    return isInSentence(text, next) && between.length <= LONGEST_MENTION && !/[\p{Lu}.!?\n]/u.test(between) ? 2 : 0;
  }
  return isInSentence(text, tag) ? 1 : 0;
}

function isQuoted(text: string, { start, end }: Pick<Tag, "start" | "end">): boolean {
  const around = `${text.charAt(start - 1)}${text.charAt(end)}`;
  return ['""', "''", "``", "“”", "„“", "‘’", "«»", "()"].includes(around);
}

/**
 * Whether the tag is after a word and a space, and before a space and a small letter, a punctuation mark or the end.
 */
function isInSentence(text: string, { start, end }: Tag): boolean {
  const before = text.slice(Math.max(0, start - 2), start);
  const after = text.slice(end, end + 3);
  return /[\p{L}\p{N},:;)] $/u.test(before) && /^(?:$|[.,;:!?)]|-\p{Ll}|<|\s?$| [\p{Ll}\p{Lo}\p{N}"'`(<])/u.test(after);
}

/** The text inside `<final>` tags, where the tags contain the whole text or its end. */
function unwrapped(text: string, found: boolean): string {
  const opening = [...text.matchAll(FINAL_OPEN)];
  const closing = [...text.matchAll(FINAL_CLOSE)].at(-1);
  const ends = closing !== undefined && text.slice(closing.index + closing[0].length).trim() === "";
  const whole = opening.find(({ index }) => text.slice(0, index).trim() === "");
  if (whole !== undefined && (found || ends)) {
    return text.slice(whole.index + whole[0].length).replace(FINAL_CLOSE, "");
  }
  const last = opening.at(-1);
  if (ends && last !== undefined && /^<\s*final/i.test(last[0])) {
    return text.slice(last.index + last[0].length, closing.index);
  }
  return ends && found ? text.slice(0, closing.index) : text;
}
