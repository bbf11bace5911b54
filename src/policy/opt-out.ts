import { OwnlineError } from "../errors.ts";
import type { InboundSnapshot, InboundVerdict, Policy } from "./policy.ts";

/** Words that stand for a wish when they are the whole text. Upper case, letters and digits only. */
export interface OptOutWords {
  readonly stop: readonly string[];
  readonly start: readonly string[];
  readonly help: readonly string[];
}

/** Twilio's words for long codes: https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out */
export const optOutWords: OptOutWords = {
  stop: ["STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "REVOKE", "OPTOUT"],
  start: ["START", "UNSTOP", "YES"],
  help: ["HELP", "INFO"],
};

export interface OptOutOptions {
  /**
   * Takes the place of the list of that kind; spread {@link optOutWords} to add to it. `STOP` cannot be taken out.
   *
   * A word that is left out here still blocks the person at the carrier, where the carrier knows it.
   *
   * @default {@link optOutWords}
   */
  readonly words?: Partial<OptOutWords>;
  /**
   * What to answer where the carrier does not answer by itself: a standalone short code, for example, has to confirm
   * a STOP. Sent on the webhook's answer, once. Without `help` the AI answers HELP there.
   *
   * @default None
   */
  readonly replies?: { readonly stop?: string; readonly start?: string; readonly help?: string };
  /**
   * Whether the carrier answers STOP, START and HELP to this sender of ours by itself. Twilio does for phone numbers,
   * unless its default handling was switched off; it does not for standalone short codes and channel addresses.
   *
   * @default Phone numbers only (`+…`)
   */
  readonly carrierReplies?: (sender: string) => boolean;
}

/** Start words that mean nothing else. Any other, YES above all, may as well be an answer to what we asked. */
const COMMANDS: ReadonlySet<string> = new Set(["START", "UNSTOP"]);

/**
 * Keeps people's wish to be left alone. On by default.
 *
 * - STOP and its kin: the person is opted out in the very commit that records the text; the AI never sees it.
 * - START, UNSTOP: opted in again; no answer. YES opts in as well, and the AI sees it, since it is an everyday answer.
 *   On a toll-free number Twilio does not take YES for a START; the next send is refused then, and the person is opted
 *   out again.
 * - HELP, INFO: left to the carrier where it answers by itself; else `replies.help`, else the AI. Typed in the app,
 *   they are the AI's, since no carrier sees them.
 *
 * A text counts when it is nothing but one of the words, in any case, whatever punctuation stands around it ("Stop.",
 * "STOP!!", "opt-out"). What the carrier itself reports (Twilio's `OptOutType`) outranks the words, and is never
 * answered a second time. Every message of ours requires that the person has not opted out.
 *
 * @throws OwnlineError `invalid_options` for a word that can never match or stands in two lists, a list of stop words
 * without STOP, and an empty reply.
 * @example
 * ```ts
 * import { optOut, optOutWords } from "ownline/policy/opt-out";
 *
 * const policy = optOut({ words: { stop: [...optOutWords.stop, "ARRET", "BAJA"] } });
 * ```
 */
export function optOut(options: OptOutOptions = {}): Policy {
  const kinds = kindsOf({ ...optOutWords, ...options.words });
  const { replies = {}, carrierReplies = isPhoneNumber } = options;
  for (const [kind, reply] of Object.entries(replies)) {
    if (typeof reply !== "string" || reply.trim() === "") {
      throw new OwnlineError("invalid_options", `\`replies.${kind}\` is empty: give it a text, or leave it out.`);
    }
  }

  return {
    name: "opt-out",
    inbound(text: InboundSnapshot): InboundVerdict | null {
      const word = wordOf(text.body);
      const kind = text.optOut ?? kinds.get(word);
      if (kind === undefined) return null;
      const isHandled = text.optOut !== null || (text.origin === "webhook" && carrierReplies(text.to));
      const source = text.optOut === null ? `the word ${kind}` : `${kind}, reported by the carrier`;
      const reply = (words: string | undefined) => (isHandled || words === undefined ? {} : { reply: words });
      switch (kind) {
        case "STOP":
          return { answer: false, consent: "opted-out", reason: `opted out by ${source}`, ...reply(replies.stop) };
        case "START": {
          if (kinds.get(word) === "START" && !COMMANDS.has(word)) {
            return { answer: true, consent: "opted-in", reason: `opted in by ${source}` };
          }
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

/** The text as one word: its letters and digits in upper case. */
function wordOf(body: string): string {
  return body
    .normalize("NFKC")
    .toUpperCase()
    .replace(/[^\p{L}\p{M}\p{N}]/gu, "");
}

function kindsOf(words: OptOutWords): ReadonlyMap<string, "STOP" | "START" | "HELP"> {
  const kinds = new Map<string, "STOP" | "START" | "HELP">();
  const lists = [
    ["STOP", words.stop, "stop"],
    ["START", words.start, "start"],
    ["HELP", words.help, "help"],
  ] as const;
  for (const [kind, list, name] of lists) {
    for (const word of list) {
      if (word === "" || wordOf(word) !== word) {
        throw invalidWords(name, "has a word that can never match: write it in upper case, letters and digits only.");
      }
      if ((kinds.get(word) ?? kind) !== kind)
        throw invalidWords(name, "has a word that stands in another list as well.");
      kinds.set(word, kind);
    }
  }
  if (kinds.get("STOP") !== "STOP") {
    throw invalidWords("stop", "must contain STOP: carriers block the person after it, whatever we think.");
  }
  return kinds;
}

function isPhoneNumber(sender: string): boolean {
  return sender.startsWith("+");
}

function invalidWords(list: string, what: string): OwnlineError {
  return new OwnlineError("invalid_options", `\`words.${list}\` ${what}`);
}
