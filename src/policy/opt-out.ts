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

/** Start words that have no other meaning. Another start word may be an answer to a question, so the AI sees it. */
const COMMANDS: ReadonlySet<string> = new Set(["START", "UNSTOP"]);
/** An everyday answer, which does not always opt in. */
const EVERYDAY_ANSWER = "YES";
/**
 * Stop words of the US rule that people also use about a booking or a call. Typed in the app, where the rule does not
 * apply, the AI gets them.
 */
const ORDERS: ReadonlySet<string> = new Set(["CANCEL", "END", "QUIT", "REVOKE"]);
/** Stop words of the US rule with one meaning only: "please stop" is a refusal too. */
const CLEAR: ReadonlySet<string> = new Set(["STOP", "STOPALL", "UNSUBSCRIBE", "OPTOUT"]);

/** A longer message is not looked up as a word. The limit allows emoji and punctuation around the longest word. */
const MAX_WORD_LENGTH = 300;

/**
 * Handles opt-outs. On by default.
 *
 * - STOP and similar words, and refusals such as "please stop texting me", opt the person out in the commit that
 *   stores the message. The AI never sees the message. A greeting, a thanks, a repetition or a signature around the
 *   refusal is ignored. `docs/guide/consent.md` lists words and phrases, and what is not recognised.
 * - Twilio confirms its own words by itself. Every other refusal is confirmed on the webhook's answer, once per
 *   opt-out.
 * - START and UNSTOP from a phone opt in again, without an answer. YES is an everyday answer, so the AI sees it. It
 *   opts in only where it lifts a block of the provider: after a word that Twilio itself knows, on a number that is not
 *   toll-free, or where Twilio says so (`OptOutType`).
 * - HELP and INFO: the provider answers them where it can (see `providerReplies`); else `replies.help` answers, else
 *   the AI.
 * - Typed in the app (`simulate()`): no word opts in, and the AI answers HELP. Refusals opt out, except CANCEL, END,
 *   QUIT and REVOKE, which the AI gets.
 *
 * Case, punctuation, emoji, invisible characters and full width are ignored ("Stop.", "STOP 🛑", "opt-out"). A report of
 * the provider itself takes precedence over the words, and is never answered a second time. Every outbound message
 * requires that the person has not opted out.
 *
 * @throws OwnlineError `invalid_options` for a word that can never match or is in two lists, a list of stop words
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

  // Every opt-out must be confirmed. So for STOP only the exact word counts that the provider itself recognises and
  // confirms.
  const isAnswered = ({ origin, body, to, optOut: reported }: InboundSnapshot, kind: Kind, known?: string): boolean => {
    if (reported !== null) return true;
    const word = kind === "STOP" ? body.trim().toUpperCase() : (known ?? "");
    return origin === "webhook" && PROVIDERS_WORDS.has(word) && providerReplies(to, word);
  };

  // On toll-free numbers the network blocks the person, and it knows only START and UNSTOP.
  const liftsBlock = ({ body, to }: InboundSnapshot): boolean =>
    body.trim().toUpperCase() === EVERYDAY_ANSWER && !isTollFree(to) && providerReplies(to, EVERYDAY_ANSWER);

  return {
    name: "opt-out",
    covers,
    inbound(message: InboundSnapshot): InboundVerdict | null {
      const word = kindOf(message.body);
      const refusal =
        message.optOut === null && word?.kind !== "START" && word?.kind !== "HELP" ? refusalIn(message.body) : null;
      const kind = message.optOut ?? (refusal === null ? word?.kind : "STOP");
      if (kind === undefined) return null;
      const isHandled = isAnswered(message, kind, word?.word);
      const source = sourceOf(kind, message.optOut !== null, refusal);
      const reply = (words_: string | undefined) => (isHandled || words_ === undefined ? {} : { reply: words_ });
      switch (kind) {
        case "STOP": {
          if (message.origin === "simulated" && refusal?.by === "word" && ORDERS.has(refusal.word)) return null;
          const confirmation = message.fromOwnSender
            ? undefined
            : (replies.stop ?? LANGUAGES[refusal?.language ?? "en"].confirmation);
          const blocked = isHandled ? { providerBlocks: true } : {};
          const wish = { answer: false, consent: "opted-out", reason: `opted out by ${source}`, ...blocked } as const;
          return { ...wish, ...reply(confirmation) };
        }
        case "START": {
          // A user of the app can enter the number of another person.
          if (message.origin === "simulated") return null;
          if (word?.word === EVERYDAY_ANSWER && message.optOut === null) {
            if (!liftsBlock(message)) return null;
            const reason = `opted in by ${source}, which lifts the provider's block`;
            return { answer: true, consent: "opted-in", providerBlocks: true, reason };
          }
          const isCommand = word?.kind !== "START" || COMMANDS.has(word.word);
          if (!isCommand) return { answer: true, consent: "opted-in", reason: `opted in by ${source}` };
          return { answer: false, consent: "opted-in", reason: `opted in by ${source}`, ...reply(replies.start) };
        }
        case "HELP":
          if (isHandled) return { answer: false, reason: `the provider answers ${source}` };
          // Only the answer to a webhook carries a reply, and a simulated text has no webhook.
          if (replies.help === undefined || message.origin === "simulated") return null;
          return { answer: false, reason: `${source} has its own reply`, reply: replies.help };
        default:
          return kind satisfies never;
      }
    },
    send: () => ({ consent: true }),
  };
}

/** The words that Twilio recognises: as the whole message, in upper or lower case, with only spaces around it. */
const PROVIDERS_WORDS: ReadonlySet<string> = new Set([...optOutWords.stop, ...optOutWords.start, ...optOutWords.help]);

function sourceOf(kind: Kind, isReported: boolean, refusal: Refusal | null): string {
  if (isReported) return `${kind}, reported by the provider`;
  return refusal?.by === "phrase" ? "a phrase that refuses our texts" : `the word ${kind}`;
}

interface KnownWord {
  readonly word: string;
  readonly kind: Kind;
}

/** Makes a function that finds the word that is the whole message. */
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
