import { ASIDES, type Courtesies, GREETINGS, PLEAS, REQUESTS, THANKS } from "./courtesy.ts";
import { LANGUAGES, type LanguageRules, type OptOutLanguage } from "./languages.ts";
import { joined, type PlainWord, plainWords } from "./plain-text.ts";

/** How a refusal was recognised. `word`: upper case, as configured. */
export type Refusal =
  | { readonly by: "word"; readonly word: string; readonly language: OptOutLanguage }
  | { readonly by: "phrase"; readonly language: OptOutLanguage };

export interface StopWord {
  /** Upper case, letters and digits only; may have marks. */
  readonly word: string;
  readonly language: OptOutLanguage;
  /**
   * Whether the word is a refusal with a plea around it too: "please stop" is a refusal, "please cancel" is about a
   * booking. A greeting, a thanks, a repetition or a signature never changes the meaning of a word.
   */
  readonly clear: boolean;
}

export interface ReaderOptions {
  readonly words: readonly StopWord[];
  readonly languages: readonly OptOutLanguage[];
  /** Whole messages that the service adds. */
  readonly phrases: readonly string[];
}

/** Reads a message. Returns the refusal; `null` where the message is not a refusal. */
export type RefusalReader = (body: string) => Refusal | null;

/** A longer message is never a refusal. The length counts without a signature. */
const MAX_WORDS = 40;
const MAX_LENGTH = 600;

const SIGNATURE_MARK = /^[ \t]*(?:-{2,}|[—–]|_{2,})[ \t]*$/;
const DEVICE_SIGNATURE =
  /(?:^|\s)(?:sent (?:from|via|using|with) (?:my|the|an|outlook|yahoo|gmail|mail|proton|aol|samsung|android)\b|get outlook for\b|envoy\S+ (?:de|depuis|avec|à partir de) (?:mon|ma)\b|enviad[oa] (?:desde|de|do|pelo|con|com) (?:mi|meu|el|o)\b|inviato da\b|von meine\w+ \S+ gesendet\b|gesendet (?:von|mit) (?:mein\w*|der|outlook|mail)\b)[^\n]{0,80}\s*$/i;
const SENTENCE_END = /[.!?…;:,\n\r。！？，、]+|\s[-–—]+\s|[-–—]{2,}/;

/**
 * Makes the reader of refusals. A refusal is a message that is one of the words or one of the phrases. A greeting, a
 * thanks, a repetition and a signature around it are ignored. Around a clear word or a phrase, a plea and urgency are
 * ignored too.
 *
 * It works in linear time: texts over 600 characters, or 40 words, do not count as refusals.
 */
export function refusalReader({ words, languages, phrases }: ReaderOptions): RefusalReader {
  const stopWords = wordTable(words);
  const grammars = languages.map((language) => ({ language, ...grammarOf(LANGUAGES[language]) }));
  const own = new Set(phrases.map((phrase) => spaced(plainWords(phrase))));

  /** One sentence, or the whole message. */
  const readSentence = (sentence: readonly PlainWord[], isQuestion: boolean): Sentence | null => {
    const polite = strip(sentence, [THANKS], [GREETINGS]);
    if (polite.length === 0) return { kind: "courtesy", plain: true };
    const repeated = wordsOf(polite, stopWords);
    const [first] = repeated ?? [];
    if (first !== undefined && repeated?.every(({ word }) => word === first.word)) {
      return {
        kind: "refusal",
        refusal: { by: "word", word: first.word, language: first.language },
        clear: first.clear,
      };
    }
    const bare = strip(polite, [THANKS, PLEAS], [GREETINGS]);
    if (bare.length === 0) return { kind: "courtesy", plain: false };
    const several = wordsOf(bare, stopWords);
    const [lead] = several ?? [];
    if (lead !== undefined && several?.every(({ clear }) => clear)) {
      return { kind: "refusal", refusal: { by: "word", word: lead.word, language: lead.language }, clear: true };
    }
    if (ASIDES.all.has(spaced(bare))) return { kind: "courtesy", plain: false };
    const core = strip(bare, [THANKS, PLEAS], [GREETINGS, REQUESTS]);
    const isAsked = isQuestion && core.length === bare.length;
    const phrase = spaced(core);
    if (own.has(phrase) || own.has(spaced(bare))) {
      return { kind: "refusal", refusal: { by: "phrase", language: languages[0] ?? "en" }, clear: true };
    }
    if (isAsked) return null;
    const found = grammars.find(({ verbs, notices }) => verbs.test(phrase) || (!isQuestion && notices.test(phrase)));
    if (found === undefined) return null;
    return { kind: "refusal", refusal: { by: "phrase", language: found.language }, clear: true };
  };

  return (body) => {
    const text = withoutSignature(body);
    if (text.length > MAX_LENGTH) return null;
    const whole = plainWords(text);
    if (whole.length === 0 || whole.length > MAX_WORDS) return null;
    const spelled = matchOf(joined(whole), stopWords);
    if (spelled !== undefined) return { by: "word", word: spelled.word, language: spelled.language };
    // "No more texts?" is a question; "stop texting me?!" is not.
    const isQuestion = /[?¿？؟]/.test(text) && !/[!！¡]/.test(text);
    const pieces = text.split(SENTENCE_END).filter((piece) => piece.trim() !== "");
    const sentences = pieces.length < 2 ? [whole] : pieces.map(plainWords).filter((sentence) => sentence.length > 0);
    const found = sumOf(sentences, (sentence) => readSentence(sentence, isQuestion));
    return found ?? (sentences.length < 2 ? null : sumOf([whole], (sentence) => readSentence(sentence, isQuestion)));
  };
}

type Sentence =
  /** `plain`: a greeting or a thanks alone. */
  | { readonly kind: "courtesy"; readonly plain: boolean }
  | { readonly kind: "refusal"; readonly refusal: Refusal; readonly clear: boolean };

/**
 * The refusal of a message. Every sentence must be a refusal or a courtesy. A word that is not clear allows only
 * greetings and thanks around it.
 */
function sumOf(
  sentences: readonly (readonly PlainWord[])[],
  read: (sentence: readonly PlainWord[]) => Sentence | null,
): Refusal | null {
  let refusal: Refusal | null = null;
  let isClear = true;
  let isPlain = true;
  for (const words of sentences) {
    const sentence = read(words);
    if (sentence === null) return null;
    if (sentence.kind === "courtesy") {
      isPlain &&= sentence.plain;
      continue;
    }
    isClear &&= sentence.clear;
    if (refusal !== null && !isSame(refusal, sentence.refusal) && !isClear) return null;
    refusal ??= sentence.refusal;
  }
  return isClear || isPlain ? refusal : null;
}

function isSame(one: Refusal, other: Refusal): boolean {
  return one.by === "word" && other.by === "word" && one.word === other.word;
}

function withoutSignature(body: string): string {
  // A long signature may follow a word. Its mark is near the beginning, so only the beginning is searched.
  const lines = body.slice(0, 4 * MAX_LENGTH).split(/\r\n|\r|\n/);
  const mark = lines.findIndex((line, index) => index > 0 && SIGNATURE_MARK.test(line));
  const text = mark < 0 ? body : lines.slice(0, mark).join("\n");
  if (text.length > MAX_LENGTH) return text;
  const kept = text.replace(DEVICE_SIGNATURE, "");
  return kept.trim() === "" ? text : kept;
}

/** Removes courtesies from both ends, the longest first. */
function strip(
  words: readonly PlainWord[],
  around: readonly Courtesies[],
  before: readonly Courtesies[],
): readonly PlainWord[] {
  let rest = words;
  for (;;) {
    const lead = leadOf(rest, around) || leadOf(rest, before);
    const tail = lead > 0 ? 0 : tailOf(rest, around);
    if (lead + tail === 0) return rest;
    rest = rest.slice(lead, rest.length - tail);
  }
}

/** How many words at the beginning are one courtesy. */
function leadOf(words: readonly PlainWord[], courtesies: readonly Courtesies[]): number {
  const first = words[0]?.plain ?? "";
  const possible = courtesies.filter((one) => one.first.has(first));
  if (possible.length === 0) return 0;
  return lengthsOf(words).find((length) => isOneOf(words.slice(0, length), possible)) ?? 0;
}

/** How many words at the end are one courtesy. */
function tailOf(words: readonly PlainWord[], courtesies: readonly Courtesies[]): number {
  const last = words.at(-1)?.plain ?? "";
  const possible = courtesies.filter((one) => one.last.has(last));
  if (possible.length === 0) return 0;
  return lengthsOf(words).find((length) => isOneOf(words.slice(-length), possible)) ?? 0;
}

const LONGEST_COURTESY = 6;

function lengthsOf(words: readonly PlainWord[]): readonly number[] {
  const longest = Math.min(LONGEST_COURTESY, words.length);
  return Array.from({ length: longest }, (_, index) => longest - index);
}

function isOneOf(words: readonly PlainWord[], courtesies: readonly Courtesies[]): boolean {
  const text = spaced(words);
  return courtesies.some(({ all }) => all.has(text));
}

function spaced(words: readonly PlainWord[]): string {
  return words.map(({ plain }) => plain).join(" ");
}

/**
 * The stop words of a text that contains only stop words; `null` for any other text. "opt out" is one stop word of two
 * words.
 */
function wordsOf(words: readonly PlainWord[], table: WordTable): StopWord[] | null {
  const found: StopWord[] = [];
  for (let at = 0; at < words.length; ) {
    const two = at + 1 < words.length ? matchOf(joined(words.slice(at, at + 2)), table) : undefined;
    const one = two ?? matchOf(joined(words.slice(at, at + 1)), table);
    if (one === undefined) return null;
    found.push(one);
    at += two === undefined ? 1 : 2;
  }
  return found;
}

type WordTable = ReadonlyMap<string, readonly StopWord[]>;

function wordTable(words: readonly StopWord[]): WordTable {
  const table = new Map<string, StopWord[]>();
  for (const word of words) {
    const { plain } = joined(plainWords(word.word));
    table.set(plain, [...(table.get(plain) ?? []), word]);
  }
  return table;
}

function matchOf(typed: PlainWord, table: WordTable): StopWord | undefined {
  return table.get(typed.plain)?.find(({ word }) => isTyped(word, typed));
}

/**
 * Whether the person typed a configured word. A word without marks matches every spelling (ARRET: "arrêt"). A word with
 * marks matches the same marks, and no marks, because many keyboards have none (DỪNG: "dừng", "dung"). It does not
 * match other marks ("dụng").
 */
export function isTyped(word: string, typed: PlainWord): boolean {
  const configured = joined(plainWords(word));
  if (configured.plain !== typed.plain) return false;
  return configured.marked === configured.plain || typed.marked === configured.marked || typed.marked === typed.plain;
}

interface Grammar {
  readonly verbs: RegExp;
  readonly notices: RegExp;
}

function grammarOf({ phrases, notices, messages }: LanguageRules): Grammar {
  return { verbs: patternOf(phrases, messages), notices: patternOf(notices, messages) };
}

function patternOf(patterns: readonly string[], messages: string): RegExp {
  return new RegExp(`^(?:${patterns.join("|")})$`.replaceAll("{msg}", messages), "i");
}
