import { checkedOptions } from "../check.ts";
import { isTollFree } from "../model/phone-number.ts";
import { LANGUAGE_CODES, LANGUAGES } from "./opt-out/languages.ts";
import { type OptOutOptions, type OptOutWords, optOutSchema, optOutWords, wordsOf } from "./opt-out/options.ts";
import { joined, plainWords } from "./opt-out/plain-text.ts";
import { isTyped, type Refusal, refusalReader, type StopWord } from "./opt-out/reader.ts";
import type { InboundSnapshot, InboundVerdict, Policy } from "./policy.ts";

export type { OptOutLanguage } from "./opt-out/languages.ts";
export { type OptOutOptions, type OptOutWords, optOutWords } from "./opt-out/options.ts";

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

/**
 * Keeps people's wish to be left alone. On by default.
 *
 * - STOP and its kin, and refusals such as "please stop texting me": the person is opted out in the very commit that
 *   records the message; the AI never sees it. A greeting, a thanks, a repetition or a signature around it does not
 *   count. `docs/guide/consent.md` lists words and phrases, and what is not recognised.
 * - Twilio confirms its own words by itself. Everything else is confirmed on the webhook's answer, once per opt-out.
 * - START and UNSTOP from a phone: opted in again; no answer. YES is an everyday answer, so the AI sees it. It opts in
 *   only where it lifts a block of the provider's: after a word that Twilio itself knows, on a number that is not
 *   toll-free, or where Twilio says so (`OptOutType`).
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
  const given = checkedOptions(optOutSchema, options, "optOut()");
  const { replies = {}, covers = "sender", providerReplies = isPhoneNumber, phrases = [] } = given;
  const languages = [...new Set(given.languages ?? LANGUAGE_CODES)];
  const words = wordsOf(given);
  const stopWords = [
    ...words.stop.map((word): StopWord => ({ word, language: "en", clear: CLEAR.has(word) })),
    ...languages.flatMap((language) =>
      LANGUAGES[language].words.map((word): StopWord => ({ word, language, clear: true })),
    ),
  ];
  const kindOf = kindsOf(words, stopWords);
  const refusalIn = refusalReader({ words: stopWords, languages, phrases });

  // An opt-out must not go unconfirmed: for one, only the very word counts, as the provider takes it.
  const isAnswered = ({ origin, body, to, optOut: reported }: InboundSnapshot, kind: Kind, known?: string): boolean => {
    if (reported !== null) return true;
    const word = kind === "STOP" ? body.trim().toUpperCase() : (known ?? "");
    return origin === "webhook" && PROVIDERS_WORDS.has(word) && providerReplies(to, word);
  };

  // On toll-free numbers the network blocks, and knows START and UNSTOP alone.
  const liftsBlock = ({ body, to }: InboundSnapshot): boolean =>
    body.trim().toUpperCase() === EVERYDAY_ANSWER && !isTollFree(to) && providerReplies(to, EVERYDAY_ANSWER);

  return {
    name: "opt-out",
    covers,
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
          const blocked = isHandled ? { providerBlocks: true } : {};
          const wish = { answer: false, consent: "opted-out", reason: `opted out by ${source}`, ...blocked } as const;
          return { ...wish, ...reply(confirmation) };
        }
        case "START": {
          // Anyone who claims the number can type in the app.
          if (text.origin === "simulated") return null;
          if (word?.word === EVERYDAY_ANSWER && text.optOut === null) {
            if (!liftsBlock(text)) return null;
            const reason = `opted in by ${source}, which lifts the provider's block`;
            return { answer: true, consent: "opted-in", providerBlocks: true, reason };
          }
          const isCommand = word?.kind !== "START" || COMMANDS.has(word.word);
          if (!isCommand) return { answer: true, consent: "opted-in", reason: `opted in by ${source}` };
          return { answer: false, consent: "opted-in", reason: `opted in by ${source}`, ...reply(replies.start) };
        }
        case "HELP":
          if (isHandled) return { answer: false, reason: `the provider answers ${source}` };
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
  if (isReported) return `${kind}, reported by the provider`;
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
    ["STOP", stopWords.map(({ word }) => word)],
    ["START", words.start],
    ["HELP", words.help],
  ] as const;
  for (const [kind, list] of lists) {
    for (const word of list) {
      const { plain } = joined(plainWords(word));
      table.set(plain, [...(table.get(plain) ?? []), { word, kind }]);
    }
  }
  return (body) => {
    if (body.length > MAX_WORD_LENGTH) return undefined;
    const typed = joined(plainWords(body));
    return table.get(typed.plain)?.find(({ word }) => isTyped(word, typed));
  };
}

function isPhoneNumber(sender: string): boolean {
  return sender.startsWith("+");
}
