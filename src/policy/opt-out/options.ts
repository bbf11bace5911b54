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

/** Words that stand for a wish when they are the whole message. Upper case, letters and digits only. */
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
   * Takes the place of the list of that kind; spread {@link optOutWords} to add to it. `STOP` cannot be taken out.
   *
   * - Accents on Latin, Greek and Cyrillic letters are ignored: `ARRET` matches "arrêt". A word that has marks here
   *   matches the same marks or none, and no others: `DỪNG` matches "dừng" and "dung", not "dụng". In other scripts
   *   every mark counts.
   * - A word that is left out here still blocks the person at the provider, where the provider knows it.
   *
   * @default {@link optOutWords}
   */
  readonly words?: Partial<OptOutWords>;
  /**
   * Whose words (ARRET, BAJA, PARAR, STOPP) and phrases ("stop texting me", "keine SMS mehr") count besides `words`.
   *
   * @default All: `["en", "es", "fr", "pt", "de"]`
   */
  readonly languages?: readonly OptOutLanguage[];
  /** Phrases of your own that are a refusal as a whole message: `["stop the updates"]`. Case and accents are ignored. @default None */
  readonly phrases?: readonly string[];
  /**
   * What to answer where the provider does not answer by itself. It is sent on the webhook's answer, once.
   *
   * - `stop` confirms an opt-out, once per opt-out: one text, without marketing, that names START. At most 1,600
   *   characters. By default a short text in the language of the word or the phrase.
   * - `start`, `help`: none by default. Without `help` the AI answers HELP there.
   *
   * @default A short confirmation for `stop`, and none for `start` and `help`
   */
  readonly replies?: { readonly stop?: string; readonly start?: string; readonly help?: string };
  /**
   * Whether the provider answers its own words on this sender of ours by itself. It is asked only about messages that
   * are one of Twilio's words alone, in upper case as in {@link optOutWords}: a provider does not answer phrases.
   *
   * Twilio does for phone numbers, unless its default handling was switched off; it does not for standalone short codes
   * and channel addresses.
   *
   * @default Phone numbers only (`+…`)
   */
  readonly providerReplies?: (sender: string, word: string) => boolean;
  /**
   * How far an opt-out reaches.
   *
   * - `sender`: the number that the person wrote to, and its Messaging Service.
   * - `all-senders`: every sender of this ledger. What people refused before it was set counts too.
   *
   * @default "sender"
   * @see https://www.ecfr.gov/current/title-47/part-64/section-64.1200 (a)(10), which may ask for `all-senders`
   */
  readonly covers?: "sender" | "all-senders";
}

/** What Twilio sends in one message: https://www.twilio.com/docs/messaging/twiml/message */
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

/** A word that stands for two wishes. */
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
    remedy: "a word of it stands in another list as well: leave it in one of them",
  };
}

/** The lists that count: what is given takes the place of the default. */
export function wordsOf({ words = {} }: OptOutOptions): OptOutWords {
  const { stop, start, help } = optOutWords;
  return { stop: words.stop ?? stop, start: words.start ?? start, help: words.help ?? help };
}
