import {
  count,
  hasMethods,
  isFunction,
  isRate,
  isRecord,
  isSaid,
  isSomeText,
  listOf,
  type Mistake,
  milliseconds,
  mistake,
  objectOf,
  oneOf,
  optional,
  thatIs,
  unknownKeys,
} from "./checks.ts";
import type {
  AnswerOptions,
  BurstOptions,
  HistoryOptions,
  OwnlineOptions,
  SendingOptions,
  SweepOptions,
  UnsafeOptions,
  WorkerOptions,
} from "./options.ts";

const OBJECT = "give an object of options";

/**
 * Every mistake in the options, in the order in which they are declared. What one option demands of another is
 * checked with the defaults, in `parseOptions`.
 */
export function mistakesIn(options: unknown): readonly Mistake[] {
  const senderList = listOf(sender, "list the numbers you own, or give a function that finds them");
  const sweep = optional(
    objectOf<SweepOptions>(
      { everyMs: milliseconds(1000), overlapMs: milliseconds(0), answerWithinMs: milliseconds(0) },
      "give an object of options, or false",
    ),
  );
  const trueOrFalse = optional(thatIs((value) => typeof value === "boolean", "give true or false"));

  const check = objectOf<OwnlineOptions>(
    {
      senders: (value, path) => {
        if (isFunction(value)) return [];
        if (!Array.isArray(value) || value.length > 0) return senderList(value, path);
        return mistake(path, "list at least one number you own");
      },
      transport: thatIs(
        hasMethods("send", "receive", "acknowledge"),
        'give a transport, for example twilio({ … }) from "ownline/transport/twilio"',
      ),
      storage: thatIs(
        hasMethods("recordInbound", "claimTurn", "claimSend"),
        'give a storage, for example sqlite("ownline.db") from "ownline/storage/sqlite"; nothing is kept in memory unless you say memory()',
      ),
      ai: thatIs(
        (value) => isFunction(value) || hasMethods("reply")(value),
        'give an AI: a function (turn) => text, or an adapter such as aiSdk({ model }) from "ownline/ai/ai-sdk"',
      ),
      policies: optional(
        listOf(
          thatIs(
            (value) => isRecord(value) && typeof Reflect.get(value, "name") === "string",
            "give a policy with a name",
          ),
          "list policies, each with a name",
        ),
      ),
      autoReply: optional(
        thatIs(
          (value) => isFunction(value) || isSaid(value),
          "give a text that is not empty, or a function that returns a text or null",
        ),
      ),
      burst: optional(
        objectOf<BurstOptions>(
          { quietMs: milliseconds(0), maxWaitMs: milliseconds(0), whileAnswering: oneOf("supersede", "queue") },
          OBJECT,
        ),
      ),
      answer: optional(
        objectOf<AnswerOptions>(
          {
            timeoutMs: milliseconds(1),
            attempts: count("give a number of attempts, 1 or more"),
            backoffMs: milliseconds(0),
            fallbackText: optional(
              thatIs(isSaid, "give a text that is not empty: silence is what it is there to prevent"),
            ),
            markdown: oneOf("strip", "keep"),
            typography: oneOf("fold", "keep"),
          },
          OBJECT,
        ),
      ),
      history: optional(
        objectOf<HistoryOptions>(
          {
            maxMessages: count("give a number of messages, 1 or more"),
            maxCharacters: count("give a number of characters, 1 or more"),
            select: optional(thatIs(isFunction, "give a function (history, turn) => history")),
          },
          OBJECT,
        ),
      ),
      sending: optional(
        objectOf<SendingOptions>(
          {
            expiryMs: milliseconds(1000),
            validityMs: milliseconds(1000),
            unknownWindowMs: milliseconds(0),
            unknown: oneOf("resend", "hold", "drop"),
            orderWaitMs: milliseconds(0),
            maxSegments: count("give a number of segments, 1 or more"),
            backoffMs: milliseconds(0),
            pace: optional(
              thatIs(
                (value) => value === "by-kind" || value === false || isFunction(value),
                'give "by-kind", false, or a function (sender) => segments per second',
              ),
            ),
            perSecond: count("give a number of messages, 1 or more"),
          },
          OBJECT,
        ),
      ),
      sweep: (value, path) => (value === false ? [] : sweep(value, path)),
      worker: optional(
        objectOf<WorkerOptions>(
          {
            pollMs: milliseconds(1),
            leaseMs: milliseconds(100),
            concurrency: count("give a number of turns, 1 or more"),
          },
          OBJECT,
        ),
      ),
      queue: optional(
        thatIs(
          hasMethods("ring"),
          'give a queue, for example cloudflareQueue(env.QUEUE) from "ownline/queue/cloudflare"',
        ),
      ),
      unsafe: optional(objectOf<UnsafeOptions>({ withoutOptOut: trueOrFalse, withoutLoopGuard: trueOrFalse }, OBJECT)),
      logger: optional(
        thatIs(
          hasMethods("debug", "info", "warn", "error"),
          "give an object with debug, info, warn and error, such as console",
        ),
      ),
      clock: optional(thatIs(hasMethods("now", "sleep"), "give a clock with now and sleep")),
    },
    OBJECT,
  );
  return check(options, "options");
}

function sender(value: unknown, path: string): readonly Mistake[] {
  const { address, service, ratePerSecond }: { address?: unknown; service?: unknown; ratePerSecond?: unknown } =
    isRecord(value) ? value : { address: value };
  if (!isSomeText(address) || (service !== undefined && !isSomeText(service)) || !isRate(ratePerSecond)) {
    return mistake(
      path,
      'give a number you own, for example "+15703251809", or { address, service, ratePerSecond }; is an environment variable missing?',
    );
  }
  return isRecord(value) ? unknownKeys(value, ["address", "service", "ratePerSecond"], path) : [];
}
