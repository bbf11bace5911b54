import { OwnlineError } from "../errors.ts";
import { LANGUAGE_CODES, LANGUAGES, type OptOutLanguage } from "./opt-out/languages.ts";
import { joined, plainWords } from "./opt-out/plain-text.ts";
import { isTyped, type Refusal, refusalReader, type StopWord } from "./opt-out/reader.ts";
import type { InboundSnapshot, InboundVerdict, Policy } from "./policy.ts";

export type { OptOutLanguage } from "./opt-out/languages.ts";

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
  readonly carrierReplies?: (sender: string, word: string) => boolean;
}

type Kind = "STOP" | "START" | "HELP";

/** Start words that mean nothing else. Another one may as well be an answer to what we asked, so the AI sees it. */
const COMMANDS: ReadonlySet<string> = new Set(["START", "UNSTOP"]);
/** An everyday answer: it does not opt in by itself. */
const EVERYDAY_ANSWER = "YES";
/** Of the rule, and still said of a booking or a call: typed in the app, where no rule applies, they are the AI's. */
const ORDERS: ReadonlySet<string> = new Set(["CANCEL", "END", "QUIT", "REVOKE"]);
/** Of the rule, and clear: "please stop" is a refusal as well. */
const CLEAR: ReadonlySet<string> = new Set(["STOP", "STOPALL", "UNSUBSCRIBE", "OPTOUT"]);

/** A longer message is not looked up as a word: this leaves room for emoji and punctuation around the longest one. */
const MAX_WORD_LENGTH = 300;

/** What Twilio sends in one message: https://www.twilio.com/docs/messaging/twiml/message */
const MAX_REPLY_LENGTH = 1600;

/**
 * Keeps people's wish to be left alone. On by default.
 *
 * - STOP and its kin, and refusals such as "please stop texting me": the person is opted out in the very commit that
 *   records the message; the AI never sees it. A greeting, a thanks, a repetition or a signature around it does not
 *   count. `docs/guide/consent.md` lists words and phrases, and what is not recognised.
 * - Twilio confirms its own words by itself. Everything else is confirmed on the webhook's answer, once per opt-out.
 * - START and UNSTOP from a phone: opted in again; no answer. YES opts in only where the provider itself took it for a
 *   START (Twilio's `OptOutType`), and the AI sees it, since it is an everyday answer.
 * - HELP, INFO: left to the provider where it answers by itself; else `replies.help`, else the AI.
 * - Typed in the app (`simulate()`): nothing opts in, and HELP is the AI's. Refusals count, but CANCEL, END, QUIT and
 *   REVOKE are the AI's too.
 *
 * Case, punctuation, emoji, invisible characters and full width are ignored ("Stop.", "STOP 🛑", "opt-out"). What the
 * provider itself reports outranks the words, and is never answered a second time. Every message of ours requires that
 * the person has not opted out.
 *
 * @throws OwnlineError `invalid_options` for a word that can never match or stands in two lists, a list of stop words
 * without STOP, an unknown language, an empty phrase, and a reply that cannot be sent.
 * @example
 * ```ts
 * import { optOut, optOutWords } from "ownline/policy/opt-out";
 *
 * const policy = optOut({ words: { stop: [...optOutWords.stop, "DỪNG"] }, languages: ["en", "es"] });
 * ```
 */
export function optOut(options: OptOutOptions = {}): Policy {
  const { replies = {}, carrierReplies = isPhoneNumber } = options;
  const languages = checkedLanguages(options.languages);
  const words = { ...optOutWords, ...options.words };
  const stopWords = [
    ...words.stop.map((word): StopWord => ({ word, language: "en", clear: CLEAR.has(word) })),
    ...languages.flatMap((language) =>
      LANGUAGES[language].words.map((word): StopWord => ({ word, language, clear: true })),
    ),
  ];
  const kindOf = kindsOf(words, stopWords);
  const refusalIn = refusalReader({ words: stopWords, languages, phrases: checkedPhrases(options.phrases) });
  checkReplies(replies);

  // An opt-out must not go unconfirmed: for one, only the very word counts, as the provider takes it.
  const isAnswered = ({ origin, body, to, optOut: reported }: InboundSnapshot, kind: Kind, known?: string): boolean => {
    if (reported !== null) return true;
    const word = kind === "STOP" ? body.trim().toUpperCase() : (known ?? "");
    return origin === "webhook" && PROVIDERS_WORDS.has(word) && carrierReplies(to, word);
  };

  return {
    name: "opt-out",
    inbound(text: InboundSnapshot): InboundVerdict | null {
      const word = kindOf(text.body);
      const refusal =
        text.optOut === null && word?.kind !== "START" && word?.kind !== "HELP" ? refusalIn(text.body) : null;
      const kind = text.optOut ?? (refusal === null ? word?.kind : "STOP");
      if (kind === undefined) return null;
      const isHandled = isAnswered(text, kind, word?.word);
      const source = sourceOf(kind, text.optOut !== null, refusal);
      const reply = (words_: string | undefined) => (isHandled || words_ === undefined ? {} : { reply: words_ });
      switch (kind) {
        case "STOP": {
          if (text.origin === "simulated" && refusal?.by === "word" && ORDERS.has(refusal.word)) return null;
          const confirmation = text.fromOwnSender
            ? undefined
            : (replies.stop ?? LANGUAGES[refusal?.language ?? "en"].confirmation);
          return { answer: false, consent: "opted-out", reason: `opted out by ${source}`, ...reply(confirmation) };
        }
        case "START": {
          // Anyone who claims the number can type in the app.
          if (text.origin === "simulated") return null;
          if (word?.word === EVERYDAY_ANSWER && text.optOut === null) return null;
          const isCommand = word?.kind !== "START" || COMMANDS.has(word.word);
          if (!isCommand) return { answer: true, consent: "opted-in", reason: `opted in by ${source}` };
          return { answer: false, consent: "opted-in", reason: `opted in by ${source}`, ...reply(replies.start) };
        }
        case "HELP":
          if (isHandled) return { answer: false, reason: `the carrier answers ${source}` };
          // A reply rides on the answer to a webhook, and a simulated text has none.
          if (replies.help === undefined || text.origin === "simulated") return null;
          return { answer: false, reason: `${source} has a text of its own`, reply: replies.help };
        default:
          return kind satisfies never;
      }
    },
    send: () => ({ consent: true }),
  };
}

/** What Twilio takes for a wish: the whole message, in any case, and nothing around it but blanks. */
const PROVIDERS_WORDS: ReadonlySet<string> = new Set([...optOutWords.stop, ...optOutWords.start, ...optOutWords.help]);

function sourceOf(kind: Kind, isReported: boolean, refusal: Refusal | null): string {
  if (isReported) return `${kind}, reported by the carrier`;
  return refusal?.by === "phrase" ? "a phrase that refuses our texts" : `the word ${kind}`;
}

interface KnownWord {
  readonly word: string;
  readonly kind: Kind;
}

/** Finds the word that a whole message is. */
function kindsOf(words: OptOutWords, stopWords: readonly StopWord[]): (body: string) => KnownWord | undefined {
  const table = new Map<string, KnownWord[]>();
  const lists = [
    ["STOP", words.stop, "stop"],
    ["STOP", stopWords.map(({ word }) => word), "stop"],
    ["START", words.start, "start"],
    ["HELP", words.help, "help"],
  ] as const;
  for (const [kind, list, name] of lists) {
    for (const word of list) {
      const { plain, marked } = joined(plainWords(word));
      if (word === "" || marked !== word.normalize("NFC")) {
        throw invalidWords(name, "has a word that can never match: write it in upper case, letters and digits only.");
      }
      const known = table.get(plain) ?? [];
      if (known.some((other) => other.kind !== kind))
        throw invalidWords(name, "has a word that stands in another list as well.");
      table.set(plain, [...known, { word, kind }]);
    }
  }
  if (!words.stop.includes("STOP")) {
    throw invalidWords(
      "stop",
      "must contain STOP: add it, since carriers block the person after that word in any case.",
    );
  }
  return (body) => {
    if (body.length > MAX_WORD_LENGTH) return undefined;
    const typed = joined(plainWords(body));
    return table.get(typed.plain)?.find(({ word }) => isTyped(word, typed));
  };
}

function checkedLanguages(languages: readonly OptOutLanguage[] = LANGUAGE_CODES): readonly OptOutLanguage[] {
  const isList = Array.isArray(languages) && languages.every((code) => LANGUAGE_CODES.includes(code));
  if (isList) return [...new Set(languages)];
  throw new OwnlineError(
    "invalid_options",
    `\`languages\` must be a list of ${LANGUAGE_CODES.join(", ")}: add words of another language to \`words.stop\`, and phrases to \`phrases\`.`,
  );
}

function checkedPhrases(phrases: readonly string[] = []): readonly string[] {
  const isList =
    Array.isArray(phrases) && phrases.every((one) => typeof one === "string" && plainWords(one).length > 0);
  if (isList) return phrases;
  throw new OwnlineError(
    "invalid_options",
    "`phrases` must be a list of texts, each with at least one letter or digit.",
  );
}

function checkReplies(replies: NonNullable<OptOutOptions["replies"]>): void {
  for (const [kind, reply] of Object.entries(replies)) {
    if (typeof reply !== "string" || reply.trim() === "")
      throw invalidReply(kind, "is empty: give it a text, or leave it out.");
    if (reply.length > MAX_REPLY_LENGTH) {
      throw invalidReply(
        kind,
        `is longer than ${MAX_REPLY_LENGTH} characters, which is more than one message: shorten it.`,
      );
    }
  }
}

function isPhoneNumber(sender: string): boolean {
  return sender.startsWith("+");
}

function invalidReply(kind: string, what: string): OwnlineError {
  return new OwnlineError("invalid_options", `\`replies.${kind}\` ${what}`);
}

function invalidWords(list: string, what: string): OwnlineError {
  return new OwnlineError("invalid_options", `\`words.${list}\` ${what}`);
}
