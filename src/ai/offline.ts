import {
  aFunction,
  checkedOptions,
  either,
  lazily,
  listOf,
  object,
  optional,
  saidText,
  someText,
  thatIs,
} from "../check.ts";
import type { Ai, AiTurn, Reply } from "./ai.ts";

export interface OfflineRule {
  /**
   * A string matches where the text contains it, in upper or lower case. A RegExp matches where it is found in the
   * text.
   */
  readonly match: string | RegExp;
  /** The reply, or a function that makes it from the turn. */
  readonly reply: string | ((turn: AiTurn) => Reply | Promise<Reply>);
}

export interface OfflineOptions {
  /** Tried in order, before the built-in rules. The first rule that matches answers. @default none */
  readonly rules?: readonly OfflineRule[];
}

/** One SMS segment in GSM-7 (https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding). */
const MAX_CHARS = 160;

/**
 * A text that may be echoed. Each of these characters takes one place in GSM-7, so the echo never needs two segments.
 */
const PLAIN = /^[A-Za-z0-9 .,:;!?'"()+\-*/=%&@#]*$/;

const BUILT_IN: readonly OfflineRule[] = [
  {
    match: /^\W*(hello|hi|hey|hiya|good (morning|afternoon|evening))\b/i,
    reply: "Hello! This is the offline demo: fixed rules answer here, no AI model is connected. Write me anything.",
  },
  {
    match: /\b(help|who are you|what are you|are you (a|an) (bot|robot|ai|human|person))\b/i,
    reply:
      "This is the offline demo: fixed rules answer here, no AI model is connected. Set one, and it will answer instead.",
  },
  {
    match: /\b(hours|open(ing)?|clos(e|ed|ing))\b/i,
    reply: "This is the offline demo: fixed rules answer here, no AI model is connected, so I know no opening hours.",
  },
  {
    match: /\b(thanks|thank you|thx|bye|goodbye)\b/i,
    reply: "You are welcome! (Offline demo: a fixed rule wrote this, no AI model is connected.)",
  },
];

const RULE = "give a rule, { match, reply }";
const MATCH = "give a text that is not empty, which would match all, or a RegExp";
const REPLY = "give a text that is not empty, or a function (turn) => reply";

const schema = lazily(() =>
  object<OfflineOptions>(
    {
      rules: optional(
        listOf(
          object<OfflineRule>(
            {
              match: either([someText(MATCH), thatIs<RegExp>((value) => value instanceof RegExp, MATCH)], MATCH),
              reply: either([saidText(REPLY), aFunction<Exclude<OfflineRule["reply"], string>>(REPLY)], REPLY),
            },
            RULE,
          ),
          "give a list of rules, each { match, reply }",
        ),
      ),
    },
    "give an object of options",
  ),
);

/**
 * Answers with fixed rules, without a network, a key or a model. It is for demos and tests. The same texts always get
 * the same answer.
 *
 * Every built-in answer says that rules wrote it, and is one GSM-7 segment. The last of them repeats the person's text,
 * shortened where it is long. Rules search all texts of the turn, joined by line breaks.
 *
 * @throws OwnlineError `invalid_options` for a rule whose `match` or `reply` is an empty string, and for an unknown
 * field.
 * @example
 * ```ts
 * import { offline } from "ownline/ai/offline";
 *
 * const ai = offline({
 *   rules: [
 *     { match: "table", reply: "Demo: I would book a table now." },
 *     { match: /\bhuman\b/i, reply: () => ({ kind: "hand-off", text: "A colleague will write to you." }) },
 *   ],
 * });
 * ```
 */
export function offline(options: OfflineOptions = {}): Ai {
  const { rules: own = [] } = checkedOptions(schema, options, "offline()");
  const rules = [...own, ...BUILT_IN];

  return {
    name: "offline",
    async reply(turn): Promise<Reply> {
      const text = turn.messages.map(({ body }) => body).join("\n");
      const rule = rules.find(({ match }) => matches(match, text));
      if (rule === undefined) return echo(text);
      return typeof rule.reply === "string" ? rule.reply : await rule.reply(turn);
    },
  };
}

function matches(match: string | RegExp, text: string): boolean {
  // `search` keeps no state between calls. With `test`, a /g rule would match only every other time.
  return typeof match === "string" ? text.toLowerCase().includes(match.toLowerCase()) : text.search(match) >= 0;
}

function echo(text: string): string {
  const notice = "This is the offline demo, no AI model is connected.";
  const line = text.replace(/\s+/g, " ").trim();
  if (line === "" || !PLAIN.test(line)) return `${notice} A fixed rule says: your text arrived.`;
  const room = MAX_CHARS - `${notice} You wrote: `.length;
  return `${notice} You wrote: ${line.length <= room ? line : `${line.slice(0, room - 3)}...`}`;
}
