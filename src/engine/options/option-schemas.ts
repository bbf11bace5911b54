import type { Ai, AiFunction } from "../../ai/ai.ts";
import {
  aFunction,
  asItIs,
  checkedOptions,
  count,
  either,
  faultless,
  lazily,
  listOf,
  logger,
  methods,
  milliseconds,
  object,
  oneOf,
  optional,
  saidText,
  someText,
  textThat,
  thatIs,
  trueOrFalse,
} from "../../check.ts";
import {
  type SenderConfig,
  type SenderDirectory,
  type SenderResolver,
  senderAddressFault,
  serviceFault,
} from "../../model/sender.ts";
import type { Policy } from "../../policy/policy.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Storage } from "../../storage/storage.ts";
import type { Transport } from "../../transport/transport.ts";
import type { EngineClock } from "./clock.ts";
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
const SENDER =
  'give a number you own, for example "+15703251809", or { address, service, ratePerSecond }; is an environment variable missing?';
const SENDERS = "list the numbers you own, or give a function that finds them, or { resolve, list }";
const RESOLVE = "give a function (address) => sender, or undefined where the address is not yours";
const LIST = "give a function () => list of senders, or leave it out";
const AI = 'give an AI: a function (turn) => text, or an adapter such as aiSdk({ model }) from "ownline/ai/ai-sdk"';
const SCOPE = "give this service's name of 1 to 64 letters, digits, dots, underscores or dashes";
const AUTO_REPLY = "give a text that is not empty, or a function that returns a text or null";
const RATE_LIMIT = 'give "by-kind", false, or a function (sender) => segments per second';
const NO_SWEEP = "give an object of options, or false";

/** `burst.quietMs` */
export const DEFAULT_QUIET_MS: number = 2000;
/** `sending.validityMs` */
export const DEFAULT_VALIDITY_MS: number = 300_000;

const sender = lazily(() =>
  faultless(
    either(
      [
        someText(SENDER),
        object<SenderConfig>(
          {
            address: faultless(someText(SENDER), senderAddressFault),
            service: optional(faultless(someText(SENDER), serviceFault)),
            ratePerSecond: optional(thatIs<number>(isRate, "give a number of segments a second, above 0")),
          },
          SENDER,
        ),
      ],
      SENDER,
    ),
    (given) => (typeof given === "string" ? senderAddressFault(given) : undefined),
  ),
);

const directory = lazily(() =>
  asItIs<SenderDirectory>(
    {
      resolve: aFunction<SenderResolver>(RESOLVE),
      list: optional(aFunction<NonNullable<SenderDirectory["list"]>>(LIST)),
    },
    SENDERS,
  ),
);

const schema = lazily(() =>
  object<OwnlineOptions>(
    {
      senders: faultless(
        either([aFunction<SenderResolver>(SENDERS), listOf(sender(), SENDERS), directory()], SENDERS),
        (senders) => (Array.isArray(senders) && senders.length === 0 ? "list at least one number you own" : undefined),
      ),
      transport: methods<Transport>(
        ["send", "receive", "acknowledge"],
        'give a transport, for example twilio({ … }) from "ownline/transport/twilio"',
      ),
      storage: methods<Storage>(
        ["recordInbound", "claimTurns", "claimSend"],
        'give a storage, for example sqlite("ownline.db") from "ownline/storage/sqlite"; ownline uses memory only where you give memory()',
      ),
      scope: optional(textThat((name) => /^[\w.-]{1,64}$/.test(name), SCOPE)),
      ai: either([aFunction<AiFunction>(AI), methods<Ai>(["reply"], AI)], AI),
      policies: optional(
        listOf(thatIs<Policy>(hasName, "give a policy with a name"), "list policies, each with a name"),
      ),
      autoReply: optional(
        either(
          [saidText(AUTO_REPLY), aFunction<Exclude<OwnlineOptions["autoReply"], string | undefined>>(AUTO_REPLY)],
          AUTO_REPLY,
        ),
      ),
      burst: optional(
        object<BurstOptions>(
          {
            quietMs: optional(milliseconds(0)),
            maxWaitMs: optional(milliseconds(0)),
            whileAnswering: optional(oneOf("supersede", "queue")),
          },
          OBJECT,
          {
            between: ["maxWaitMs", "quietMs"],
            holds: ({ maxWaitMs, quietMs = DEFAULT_QUIET_MS }) => maxWaitMs !== undefined && maxWaitMs < quietMs,
            remedy: `give at least options.burst.quietMs (${DEFAULT_QUIET_MS} by default), because a shorter burst would never be complete: raise it, or lower quietMs`,
          },
        ),
      ),
      answer: optional(
        object<AnswerOptions>(
          {
            timeoutMs: optional(milliseconds(1)),
            attempts: optional(count("give a number of attempts, 1 or more")),
            backoffMs: optional(milliseconds(0)),
            fallbackText: optional(
              saidText("give a text that is not empty: it is sent so that the person gets an answer"),
            ),
            maxParts: optional(count("give a number of parts, 1 or more")),
            markdown: optional(oneOf("strip", "keep")),
            typography: optional(oneOf("fold", "keep")),
          },
          OBJECT,
        ),
      ),
      history: optional(
        object<HistoryOptions>(
          {
            maxMessages: optional(count("give a number of messages, 1 or more")),
            maxCharacters: optional(count("give a number of characters, 1 or more")),
            select: optional(
              aFunction<NonNullable<HistoryOptions["select"]>>("give a function (history, turn) => history"),
            ),
          },
          OBJECT,
        ),
      ),
      sending: optional(
        object<SendingOptions>(
          {
            expiryMs: optional(milliseconds(1000)),
            validityMs: optional(milliseconds(1000)),
            unknownWindowMs: optional(milliseconds(0)),
            unknown: optional(oneOf("resend", "hold", "drop")),
            unknownEarly: optional(trueOrFalse()),
            orderWaitMs: optional(milliseconds(0)),
            maxSegments: optional(count("give a number of segments, 1 or more")),
            backoffMs: optional(milliseconds(0)),
            rateLimit: optional(thatIs<NonNullable<SendingOptions["rateLimit"]>>(isRateLimit, RATE_LIMIT)),
            perSecond: optional(count("give a number of messages, 1 or more")),
          },
          OBJECT,
          {
            between: ["unknownWindowMs", "validityMs"],
            holds: ({ unknownWindowMs, validityMs = DEFAULT_VALIDITY_MS }) =>
              unknownWindowMs !== undefined && unknownWindowMs < validityMs,
            remedy: `give at least options.sending.validityMs (${DEFAULT_VALIDITY_MS} by default), because a message might be sent again while the provider may still send the first: raise it, or lower validityMs`,
          },
        ),
      ),
      sweep: optional(
        either(
          [
            thatIs<false>((value) => value === false, NO_SWEEP),
            object<SweepOptions>(
              {
                everyMs: optional(milliseconds(1000)),
                overlapMs: optional(milliseconds(0)),
                answerWithinMs: optional(milliseconds(0)),
              },
              NO_SWEEP,
            ),
          ],
          NO_SWEEP,
        ),
      ),
      worker: optional(
        object<WorkerOptions>(
          {
            pollMs: optional(milliseconds(1)),
            leaseMs: optional(milliseconds(100)),
            concurrency: optional(count("give a number of turns, 1 or more")),
            passLimit: optional(count("give a number of turns and messages, 1 or more")),
          },
          OBJECT,
        ),
      ),
      queue: optional(
        methods<Queue>(
          ["notify"],
          'give a queue, for example cloudflareQueue(env.QUEUE) from "ownline/queue/cloudflare"',
        ),
      ),
      unsafe: optional(
        object<UnsafeOptions>(
          { withoutOptOut: optional(trueOrFalse()), withoutLoopGuard: optional(trueOrFalse()) },
          OBJECT,
        ),
      ),
      logger: optional(logger()),
      clock: optional(methods<EngineClock>(["now", "sleep"], "give a clock with now and sleep")),
    },
    OBJECT,
  ),
);

/**
 * Checks the options, and reads each of them once.
 *
 * @throws OwnlineError `invalid_options` that names every mistake, with its path and the remedy
 */
export function checkedOwnlineOptions(options: unknown): OwnlineOptions {
  return checkedOptions(schema, options, "ownline");
}

/** Whether the value can be a number of segments per second. */
export function isRate(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

function isRateLimit(value: unknown): boolean {
  return value === "by-kind" || value === false || typeof value === "function";
}

function hasName(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "name") === "string";
}
