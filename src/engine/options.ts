import * as z from "zod/mini";
import type { Ai, AiFunction, AiTurn, HistoryEntry } from "../ai/ai.ts";
import { OwnlineError } from "../errors.ts";
import { consoleLogger, type Logger } from "../logger.ts";
import type { SenderInput, SenderResolver } from "../model/sender.ts";
import type { InboundSnapshot, Policy } from "../policy/policy.ts";
import type { Queue } from "../queue/queue.ts";
import type { Storage } from "../storage/storage.ts";
import type { Transport } from "../transport/transport.ts";
import { type EngineClock, realClock } from "./clock.ts";

/** What {@link ownline} takes. Four things are required; all else has a safe default. */
export interface OwnlineOptions<Senders extends SendersOption = SendersOption> {
  /** The numbers, short codes, channel addresses and Messaging Services that we own; or what finds them. */
  readonly senders: Senders;
  readonly transport: Transport;
  readonly storage: Storage;
  /** What answers: an adapter, or a plain function. */
  readonly ai: Ai | AiFunction;
  /**
   * Rules beside the default ones, opt-out and loop guard. One with the name of a default (`optOut({ … })`) takes its
   * place.
   */
  readonly policies?: readonly Policy[];
  /**
   * A fixed text that rides on the answer to the carrier's webhook, before the AI has thought: "Got it, one moment."
   * A function chooses it for each text; `null` for none. Never for simulated texts. @default none
   */
  readonly autoReply?: string | ((text: InboundSnapshot) => string | null);
  readonly burst?: BurstOptions;
  readonly answer?: AnswerOptions;
  readonly history?: HistoryOptions;
  readonly sending?: SendingOptions;
  readonly worker?: WorkerOptions;
  /**
   * Where nothing stays alive to look into the ledger (Workers, serverless): rings when something is due, so that
   * another invocation does it. It only speeds things up: a cron that calls `processDue()` is the net beneath. A
   * process that was started listens to it, where it can be listened to. @default none
   */
  readonly queue?: Queue;
  /** Switches safeties off. There is no quiet way to do it. */
  readonly unsafe?: UnsafeOptions;
  /** @default warnings and errors to the console */
  readonly logger?: Logger;
  /** For tests: `manualClock()` of `ownline/testing`, shared with the storage. @default real time */
  readonly clock?: EngineClock;
}

export type SendersOption = readonly (SenderInput | undefined)[] | SenderResolver;

export interface BurstOptions {
  /** How long the person must be quiet before the AI is asked. @default 2000 */
  readonly quietMs?: number;
  /** The longest that a burst may keep the AI waiting. @default 15000 */
  readonly maxWaitMs?: number;
  /**
   * A text that arrives while the AI is working: `supersede` gives up the run and answers everything together;
   * `queue` answers it next. @default "supersede"
   */
  readonly whileAnswering?: "supersede" | "queue";
}

export interface AnswerOptions {
  /** How long one call of the AI may take. @default 60000 */
  readonly timeoutMs?: number;
  /** How often the AI is asked before the fallback text goes out. @default 3 */
  readonly attempts?: number;
  /** The wait before the second attempt; doubled each time. @default 2000 */
  readonly backoffMs?: number;
  /** What the person gets when the AI fails for good, once. */
  readonly fallbackText?: string;
  /** `strip` turns Markdown into plain text, `keep` leaves it. @default "strip" */
  readonly markdown?: "strip" | "keep";
  /** `fold` writes typographic characters plainly where that saves segments and loses nothing. @default "fold" */
  readonly typography?: "fold" | "keep";
}

export interface HistoryOptions {
  /** The most messages that the AI sees. @default 40 */
  readonly maxMessages?: number;
  /** The most characters that the AI sees; the oldest messages go first, the texts to answer always stay. @default 16000 */
  readonly maxCharacters?: number;
  /** Changes what the AI sees: to summarise, to redact, to add facts. */
  readonly select?: (
    history: readonly HistoryEntry[],
    turn: AiTurn,
  ) => Promise<readonly HistoryEntry[]> | readonly HistoryEntry[];
}

export interface SendingOptions {
  /** After this long a message that has not left is cancelled. @default 14400000 (4 hours) */
  readonly expiryMs?: number;
  /** How long to wait for a witness when the carrier's answer was lost. @default 600000 (10 minutes) */
  readonly unknownWindowMs?: number;
  /** What then: `resend` (a duplicate is possible, and counted), `hold` for a person, or `drop`. @default "resend" */
  readonly unknown?: "resend" | "hold" | "drop";
  /** How long later messages wait for one whose fate is unknown. @default 120000 */
  readonly orderWaitMs?: number;
  /** The longest part, in segments; longer replies are split. @default as long as the carrier takes */
  readonly maxSegments?: number;
  /** The wait after a refusal that may be repeated; doubled each time. @default 1000 */
  readonly backoffMs?: number;
}

export interface WorkerOptions {
  /** How often to look into the ledger when no bell rings. @default 1000 */
  readonly pollMs?: number;
  /** How soon a dead process is noticed. @default 10000 */
  readonly leaseMs?: number;
  /** The most turns at work at once in this process, and the most messages on their way to the carrier. @default 32 */
  readonly concurrency?: number;
}

export interface UnsafeOptions {
  /** Answers and sends to people who texted STOP. The carrier blocks such messages, and the law may punish them. */
  readonly withoutOptOut?: boolean;
  /** Lets two bots text each other until the carrier or the budget stops them. */
  readonly withoutLoopGuard?: boolean;
}

/** The options with every default filled in. */
export interface EngineOptions {
  readonly senders: SendersOption;
  readonly transport: Transport;
  readonly storage: Storage;
  readonly ai: Ai | AiFunction;
  readonly policies: readonly Policy[];
  readonly autoReply: string | ((text: InboundSnapshot) => string | null) | null;
  readonly burst: Required<BurstOptions>;
  readonly answer: Required<AnswerOptions>;
  readonly history: Required<Omit<HistoryOptions, "select">> & Pick<HistoryOptions, "select">;
  readonly sending: Required<Omit<SendingOptions, "maxSegments">> & { readonly maxSegments: number | null };
  readonly worker: Required<WorkerOptions>;
  readonly queue: Queue | null;
  readonly unsafe: Required<UnsafeOptions>;
  readonly logger: Logger;
  readonly clock: EngineClock;
}

const FALLBACK_TEXT = "Sorry, I cannot answer right now. Please try again in a little while.";

const hasMethods =
  (...names: readonly string[]) =>
  (value: unknown): boolean =>
    typeof value === "object" &&
    value !== null &&
    names.every((name) => typeof Reflect.get(value, name) === "function");

const isSaid = (text: string): boolean => text.trim() !== "";
const isFunction = (value: unknown): boolean => typeof value === "function";
const ms = (least: number) =>
  z.optional(z.number({ error: milliseconds(least) }).check(z.gte(least, { error: milliseconds(least) })));
const milliseconds = (least: number) => `give a number of milliseconds, ${least} or more`;
const count = (remedy: string) => z.optional(z.int({ error: remedy }).check(z.gte(1, { error: remedy })));
const oneOf = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  z.optional(z.enum(words, { error: `give one of ${words.map((word) => `"${word}"`).join(", ")}` }));

const senderSchema = z.union(
  [
    z.string().check(z.minLength(1)),
    z.strictObject({
      address: z.string().check(z.minLength(1)),
      service: z.optional(z.string().check(z.minLength(1))),
    }),
  ],
  {
    error:
      'give a number you own, for example "+15703251809", or { address, service }; is an environment variable missing?',
  },
);

const senderList = z
  .array(senderSchema, { error: "list the numbers you own, or give a function that finds them" })
  .check(z.minLength(1, { error: "list at least one number you own" }));

const schemaWith = (senders: z.ZodMiniType) =>
  z.strictObject(
    {
      senders,
      transport: z.custom(hasMethods("send", "receive", "acknowledge"), {
        error: 'give a transport, for example twilio({ … }) from "ownline/transport/twilio"',
      }),
      storage: z.custom(hasMethods("recordInbound", "claimTurn", "claimSend"), {
        error:
          'give a storage, for example sqlite("ownline.db") from "ownline/storage/sqlite"; nothing is kept in memory unless you say memory()',
      }),
      ai: z.custom((value) => isFunction(value) || hasMethods("reply")(value), {
        error: 'give an AI: a function (turn) => text, or an adapter such as aiSdk({ model }) from "ownline/ai/ai-sdk"',
      }),
      policies: z.optional(
        z.array(
          z.custom((value) => hasMethods()(value) && typeof Reflect.get(Object(value), "name") === "string"),
          { error: "list policies, each with a name" },
        ),
      ),
      autoReply: z.optional(
        z.union([z.string().check(z.refine(isSaid)), z.custom(isFunction)], {
          error: "give a text that is not empty, or a function that returns a text or null",
        }),
      ),
      burst: z.optional(
        z.strictObject({ quietMs: ms(0), maxWaitMs: ms(0), whileAnswering: oneOf(["supersede", "queue"]) }),
      ),
      answer: z.optional(
        z.strictObject({
          timeoutMs: ms(1),
          attempts: count("give a number of attempts, 1 or more"),
          backoffMs: ms(0),
          fallbackText: z.optional(
            z
              .string({ error: "give the text" })
              .check(
                z.refine(isSaid, { error: "give a text that is not empty: silence is what it is there to prevent" }),
              ),
          ),
          markdown: oneOf(["strip", "keep"]),
          typography: oneOf(["fold", "keep"]),
        }),
      ),
      history: z.optional(
        z.strictObject({
          maxMessages: count("give a number of messages, 1 or more"),
          maxCharacters: count("give a number of characters, 1 or more"),
          select: z.optional(z.custom(isFunction, { error: "give a function (history, turn) => history" })),
        }),
      ),
      sending: z.optional(
        z.strictObject({
          expiryMs: ms(1000),
          unknownWindowMs: ms(0),
          unknown: oneOf(["resend", "hold", "drop"]),
          orderWaitMs: ms(0),
          maxSegments: count("give a number of segments, 1 or more"),
          backoffMs: ms(0),
        }),
      ),
      worker: z.optional(
        z.strictObject({ pollMs: ms(1), leaseMs: ms(100), concurrency: count("give a number of turns, 1 or more") }),
      ),
      queue: z.optional(
        z.custom(hasMethods("ring"), {
          error: 'give a queue, for example cloudflareQueue(env.QUEUE) from "ownline/queue/cloudflare"',
        }),
      ),
      unsafe: z.optional(
        z.strictObject({
          withoutOptOut: z.optional(z.boolean({ error: "give true or false" })),
          withoutLoopGuard: z.optional(z.boolean({ error: "give true or false" })),
        }),
      ),
      logger: z.optional(
        z.custom(hasMethods("debug", "info", "warn", "error"), {
          error: "give an object with debug, info, warn and error, such as console",
        }),
      ),
      clock: z.optional(z.custom(hasMethods("now", "sleep"), { error: "give a clock with now and sleep" })),
    },
    { error: "give an object of options" },
  );

/**
 * Checks the options and fills in the defaults.
 *
 * @throws OwnlineError `invalid_options` that names every mistake, with its path and the remedy
 */
export function parseOptions(options: OwnlineOptions): EngineOptions {
  const parsed = z.safeParse(schemaWith(isFunction(options?.senders) ? z.custom(isFunction) : senderList), options);
  if (!parsed.success) throw new OwnlineError("invalid_options", describe(parsed.error.issues));
  const { burst, answer, history, sending, worker, unsafe } = options;
  const quietMs = burst?.quietMs ?? 2000;
  const maxWaitMs = burst?.maxWaitMs ?? Math.max(15_000, quietMs);
  if (maxWaitMs < quietMs) {
    throw new OwnlineError(
      "invalid_options",
      "options.burst.maxWaitMs is less than options.burst.quietMs: a burst would never be complete; raise it",
    );
  }
  return {
    senders: options.senders,
    transport: options.transport,
    storage: options.storage,
    ai: options.ai,
    policies: options.policies ?? [],
    autoReply: options.autoReply ?? null,
    burst: { quietMs, maxWaitMs, whileAnswering: burst?.whileAnswering ?? "supersede" },
    answer: {
      timeoutMs: answer?.timeoutMs ?? 60_000,
      attempts: answer?.attempts ?? 3,
      backoffMs: answer?.backoffMs ?? 2000,
      fallbackText: answer?.fallbackText ?? FALLBACK_TEXT,
      markdown: answer?.markdown ?? "strip",
      typography: answer?.typography ?? "fold",
    },
    history: {
      maxMessages: history?.maxMessages ?? 40,
      maxCharacters: history?.maxCharacters ?? 16_000,
      ...(history?.select ? { select: history.select } : {}),
    },
    sending: {
      expiryMs: sending?.expiryMs ?? 4 * 3_600_000,
      unknownWindowMs: sending?.unknownWindowMs ?? 600_000,
      unknown: sending?.unknown ?? "resend",
      orderWaitMs: sending?.orderWaitMs ?? 120_000,
      maxSegments: sending?.maxSegments ?? null,
      backoffMs: sending?.backoffMs ?? 1000,
    },
    worker: {
      pollMs: worker?.pollMs ?? 1000,
      leaseMs: worker?.leaseMs ?? 10_000,
      concurrency: worker?.concurrency ?? 32,
    },
    queue: options.queue ?? null,
    unsafe: { withoutOptOut: unsafe?.withoutOptOut ?? false, withoutLoopGuard: unsafe?.withoutLoopGuard ?? false },
    logger: options.logger ?? consoleLogger,
    clock: options.clock ?? realClock,
  };
}

type Issue = z.core.$ZodIssue;

function describe(issues: readonly Issue[]): string {
  const lines = issues.flatMap((issue): string[] => {
    const path = ["options", ...issue.path].reduce<string>(
      (text, step) =>
        typeof step === "number" ? `${text}[${step}]` : text === "" ? String(step) : `${text}.${String(step)}`,
      "",
    );
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => `${path}.${key} is not an option: check its spelling, or leave it out`);
    return [`${path}: ${issue.message}`];
  });
  return lines.length === 1 ? `ownline cannot start. ${lines[0]}` : `ownline cannot start:\n- ${lines.join("\n- ")}`;
}
