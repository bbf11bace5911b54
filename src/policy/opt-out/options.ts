import {
  aFunction,
  anyText,
  type Contradiction,
  faultless,
  lazily,
  listOf,
  object,
  optional,
  type Schema,
  saidText,
  thatIs,
} from "../../check.ts";
import { LANGUAGE_CODES, LANGUAGES, type OptOutLanguage } from "./languages.ts";
import { joined, plainWords } from "./plain-text.ts";

/**
 * The words for an opt-out, an opt-in and help, where they are the whole message. Upper case, letters and digits only.
 */
export interface OptOutWords {
  readonly stop: readonly string[];
  readonly start: readonly string[];
  readonly help: readonly string[];
}

/**
 * The words that Twilio knows on long codes (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out), which
 * include the seven of the US rule (https://www.ecfr.gov/current/title-47/part-64/section-64.1200, (a)(10)).
 */
export const optOutWords: OptOutWords = {
  stop: ["STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "REVOKE", "OPTOUT"],
  start: ["START", "UNSTOP", "YES"],
  help: ["HELP", "INFO"],
};

export interface OptOutOptions {
  /**
   * Each list replaces the default list of its kind; spread {@link optOutWords} to add words. `STOP` cannot be removed.
   *
   * - Accents on Latin, Greek and Cyrillic letters are ignored: `ARRET` matches "arrêt". A word with marks in your
   *   list matches the same marks, or no marks: `DỪNG` matches "dừng" and "dung", not "dụng". In other scripts every
   *   mark must match.
   * - Where the provider knows a word, the provider still blocks the person after it, also if your list has no such
   *   word.
   *
   * @default {@link optOutWords}
   */
  readonly words?: Partial<OptOutWords>;
  /**
   * The languages whose words (ARRET, BAJA, PARAR, STOPP) and phrases ("stop texting me", "keine SMS mehr") are
   * recognised in addition to `words`.
   *
   * @default All: `["en", "es", "fr", "pt", "de"]`
   */
  readonly languages?: readonly OptOutLanguage[];
  /** Phrases of your own that are a refusal as a whole message: `["stop the updates"]`. Case and accents are ignored. @default None */
  readonly phrases?: readonly string[];
  /**
   * The replies where the provider does not answer by itself. A reply is sent once, on the webhook's answer.
   *
   * - `stop` confirms an opt-out, once per opt-out: one text, without marketing, that names START. At most 1,600
   *   characters. By default a short text in the language of the word or the phrase.
   * - `start`, `help`: none by default. Without `help`, the AI answers HELP.
   *
   * @default A short confirmation for `stop`, and none for `start` and `help`
   */
  readonly replies?: { readonly stop?: string; readonly start?: string; readonly help?: string };
  /**
   * Whether the provider itself answers its own words on this sender. The function is called only for messages that are
   * exactly one of Twilio's words, which it gets in upper case as in {@link optOutWords}. A provider does not answer
   * phrases.
   *
   * Twilio answers on phone numbers, unless its default handling was switched off. It does not answer on standalone
   * short codes and channel addresses.
   *
   * @default Phone numbers only (`+…`)
   */
  readonly providerReplies?: (sender: string, word: string) => boolean;
  /**
   * How far an opt-out reaches.
   *
   * - `sender`: the number that the person wrote to, and its Messaging Service.
   * - `all-senders`: every sender of this ledger. Opt-outs from before this option was set hold for every sender too.
   *
   * @default "sender"
   * @see https://www.ecfr.gov/current/title-47/part-64/section-64.1200 (a)(10), which may ask for `all-senders`
   */
  readonly covers?: "sender" | "all-senders";
}

/** The longest text that Twilio sends in one message: https://www.twilio.com/docs/messaging/twiml/message */
const MAX_REPLY_LENGTH = 1600;

/** Made at the first call. */
export const optOutSchema: () => Schema<OptOutOptions> = lazily(() =>
  object<OptOutOptions>(
    {
      words: optional(
        object<Partial<OptOutWords>>(
          {
            stop: optional(wordList((words) => words.includes("STOP"))),
            start: optional(wordList()),
            help: optional(wordList()),
          },
          "give an object with lists of words: stop, start, help",
        ),
      ),
      languages: optional(
        listOf(
          thatIs<OptOutLanguage>(
            (value) => LANGUAGE_CODES.some((code) => code === value),
            `give one of ${LANGUAGE_CODES.join(", ")}; words of another language belong in words.stop, and phrases in phrases`,
          ),
          `give a list of ${LANGUAGE_CODES.join(", ")}`,
        ),
      ),
      phrases: optional(
        listOf(
          faultless(anyText("give a text"), (phrase) =>
            plainWords(phrase).length > 0 ? undefined : "give a text with at least one letter or digit",
          ),
          "give a list of texts",
        ),
      ),
      replies: optional(
        object<NonNullable<OptOutOptions["replies"]>>(
          { stop: optional(reply()), start: optional(reply()), help: optional(reply()) },
          "give an object with texts: stop, start, help",
        ),
      ),
      providerReplies: optional(
        aFunction<NonNullable<OptOutOptions["providerReplies"]>>("give a function (sender, word) => true or false"),
      ),
      covers: optional(
        thatIs<NonNullable<OptOutOptions["covers"]>>(
          (value) => value === "sender" || value === "all-senders",
          'give "sender" or "all-senders"',
        ),
      ),
    },
    "give an object of options",
    clash("start", ({ stop }, languages) => [...stop, ...languages]),
    clash("help", ({ stop, start }, languages) => [...stop, ...start, ...languages]),
  ),
);

function wordList(isComplete: (words: readonly string[]) => boolean = () => true): Schema<readonly string[]> {
  return listOf(
    faultless(anyText("give a word"), (word) =>
      word !== "" && joined(plainWords(word)).marked === word.normalize("NFC")
        ? undefined
        : "a word that can never match: write it in upper case, letters and digits only",
    ),
    "give a list of words",
    (words) => (isComplete(words) ? undefined : "add STOP: providers block the person after that word in any case"),
  );
}

function reply(): Schema<string> {
  return faultless(saidText("give a text that is not empty, or leave it out"), ({ length }) =>
    length > MAX_REPLY_LENGTH
      ? `longer than ${MAX_REPLY_LENGTH} characters, which is more than one message: shorten it`
      : undefined,
  );
}

/** The contradiction of a word that is in two lists. */
function clash(
  name: "start" | "help",
  others: (words: OptOutWords, ofLanguages: readonly string[]) => readonly string[],
): Contradiction<OptOutOptions> {
  return {
    between: ["words", "languages"],
    at: ["words", name],
    holds(given) {
      const words = wordsOf(given);
      const ofLanguages = (given.languages ?? LANGUAGE_CODES).flatMap((code) => LANGUAGES[code].words);
      const taken = new Set(others(words, ofLanguages).map((word) => joined(plainWords(word)).plain));
      return words[name].some((word) => taken.has(joined(plainWords(word)).plain));
    },
    remedy: "a word of this list is in another list too: keep it in one of the lists",
  };
}

/** The lists in use: a given list replaces the default list. */
export function wordsOf({ words = {} }: OptOutOptions): OptOutWords {
  const { stop, start, help } = optOutWords;
  return { stop: words.stop ?? stop, start: words.start ?? start, help: words.help ?? help };
}
