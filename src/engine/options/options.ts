import type { Ai, AiFunction, AiTurn, HistoryEntry } from "../../ai/ai.ts";
import type { Logger } from "../../logger.ts";
import type { SenderDirectory, SenderInput, SenderResolver } from "../../model/sender.ts";
import type { InboundSnapshot, Policy } from "../../policy/policy.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Storage } from "../../storage/storage.ts";
import type { Transport } from "../../transport/transport.ts";
import type { EngineClock } from "./clock.ts";

/** What {@link ownline} takes. Four things are required; all else has a safe default. */
export interface OwnlineOptions<Senders extends SendersOption = SendersOption> {
  /**
   * The numbers, short codes, channel addresses and Messaging Services that we own; or what finds them: a function, or
   * `{ resolve, list }`, where `list` says at which numbers lost webhooks are looked for.
   */
  readonly senders: Senders;
  readonly transport: Transport;
  readonly storage: Storage;
  /**
   * The name of this service among several that share one ledger: each answers and sends only what it filed itself.
   * Processes of one service have the same name. At most 64 letters, digits, `.`, `_` and `-`. @default "default"
   */
  readonly scope?: string;
  /** What answers: an adapter, or a plain function. */
  readonly ai: Ai | AiFunction;
  /**
   * Rules beside the default ones, opt-out and loop guard. One with the name of a default (`optOut({ … })`) takes its
   * place. @default none beside the two
   */
  readonly policies?: readonly Policy[];
  /**
   * A fixed text that rides on the answer to the provider's webhook, before the AI has thought: "Got it, one moment."
   * A function chooses it for each text; `null` for none. Never for simulated texts. One that XML cannot carry (a
   * control character, half an emoji) or of over 1,600 characters is reported by an `error` event and left out.
   * @default none
   */
  readonly autoReply?: string | ((text: InboundSnapshot) => string | null);
  readonly burst?: BurstOptions;
  readonly answer?: AnswerOptions;
  readonly history?: HistoryOptions;
  readonly sending?: SendingOptions;
  /**
   * Looks for texts whose webhook never came, in the provider's list of what was sent to each configured number whose
   * webhook is not known to be another's. `false` where another service answers the same numbers, as on a developer's
   * machine. Where `senders` is a function, or `{ resolve }` without `list`, nothing is looked for.
   * @default every minute, where the provider has such a list
   */
  readonly sweep?: SweepOptions | false;
  readonly worker?: WorkerOptions;
  /**
   * Where nothing stays alive to look into the ledger (Workers, serverless): notifies it when something is due, so that
   * another invocation does it. It only speeds things up: a cron that calls `processDue()` is the net beneath. A
   * process that was started listens to it, where it can be listened to. @default none
   */
  readonly queue?: Queue;
  /** Switches safeties off. @default every safety is on */
  readonly unsafe?: UnsafeOptions;
  /** @default warnings and errors to the console */
  readonly logger?: Logger;
  /** For tests: `manualClock()` of `ownline/testing`, shared with the storage. @default real time */
  readonly clock?: EngineClock;
}

/**
 * A list of senders, whose literals `from` and `to` then infer; a function that finds each one by its address; or
 * `{ resolve, list? }`, which finds and lists them.
 */
export type SendersOption = readonly (SenderInput | undefined)[] | SenderResolver | SenderDirectory;

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
  /**
   * What the person gets when the AI fails for good, once.
   * @default "Sorry, I cannot answer right now. Please try again in a little while."
   */
  readonly fallbackText?: string;
  /**
   * The most parts of one answer. Over it the AI is asked once more for a shorter answer, and if that is too long too,
   * the fallback text leaves. It stays below the 30 messages in 30 seconds at which Twilio sees a loop:
   * https://www.twilio.com/docs/api/errors/14107. What the service sends itself is not bound by it.
   * @default 25
   */
  readonly maxParts?: number;
  /** `strip` turns Markdown into plain text, `keep` leaves it. @default "strip" */
  readonly markdown?: "strip" | "keep";
  /** `fold` writes typographic characters plainly where that saves segments and loses nothing. @default "fold" */
  readonly typography?: "fold" | "keep";
}

export interface HistoryOptions {
  /** The most messages that the AI sees. @default 40 */
  readonly maxMessages?: number;
  /**
   * The most characters that the AI sees; the oldest messages go first, the texts to answer always stay. @default 16000
   */
  readonly maxCharacters?: number;
  /** Changes what the AI sees: to summarise, to redact, to add deliveries. @default the window as it is */
  readonly select?: (
    history: readonly HistoryEntry[],
    turn: AiTurn,
  ) => Promise<readonly HistoryEntry[]> | readonly HistoryEntry[];
}

export interface SendingOptions {
  /**
   * After this long a message that has not left is cancelled; counted from its reservation in the sender's rate limit
   * where it has one later than that. @default 14400000 (4 hours)
   */
  readonly expiryMs?: number;
  /**
   * The provider gives a message up when it has kept it for this long, so that it cannot surface hours later. Twilio
   * counts whole seconds, up to 36000 s. @default 300000 (5 minutes)
   */
  readonly validityMs?: number;
  /**
   * How long to wait for evidence when the provider's answer was lost. Not shorter than `validityMs`: until then the
   * message may still leave. @default `validityMs` and a minute
   */
  readonly unknownWindowMs?: number;
  /** What then: `resend` (a duplicate is possible, and counted), `hold` for a person, or `drop`. @default "resend" */
  readonly unknown?: "resend" | "hold" | "drop";
  /**
   * Decides before the window is over, where the provider's list has passed the message by: read twice, at least 20 s
   * apart and 30 s after the attempt, it shows newer messages of that sender, and not this one. About a minute then,
   * instead of six. Not for a Messaging Service as sender.
   *
   * Off by default, since Twilio does not promise in which order, or how soon, its list shows messages: one that is
   * listed later than newer ones is then sent twice. Have it on where waiting costs more than a rare duplicate.
   * @default false
   */
  readonly unknownEarly?: boolean;
  /** How long later messages wait for one whose fate is unknown. @default 120000 */
  readonly orderWaitMs?: number;
  /** The longest part, in segments; longer replies are split. @default as long as the provider takes */
  readonly maxSegments?: number;
  /** The wait after a refusal that may be repeated; doubled each time. @default 1000 */
  readonly backoffMs?: number;
  /**
   * How fast a sender sends, in all processes together, in segments per second: `by-kind` is 1 for a long code, 3 for a
   * toll-free number, 100 for a short code, 80 messages for WhatsApp, and no limit for other channels and for a
   * Messaging Service as sender. A function says it for each sender, `null` for no limit; `ratePerSecond` of a sender
   * counts before both. `false` sends as fast as it can, also after the provider has asked for less. @default "by-kind"
   */
  readonly rateLimit?: "by-kind" | false | ((sender: string) => number | null);
  /** The most messages in a second from all senders together. @default no limit */
  readonly perSecond?: number;
}

export interface SweepOptions {
  /** How often the provider's list is read for each sender. @default 60000 */
  readonly everyMs?: number;
  /** How far back each look reaches behind the last one: as long as the provider's list may lag. @default 600000 */
  readonly overlapMs?: number;
  /**
   * A text that is older than this when it is found is stored and shown, but not answered. @default 3600000 (1 hour)
   */
  readonly answerWithinMs?: number;
}

export interface WorkerOptions {
  /** How often to look into the ledger when no wake-up comes. @default 1000 */
  readonly pollMs?: number;
  /** How soon a process that died is noticed: its work goes on elsewhere a second later at most. @default 3000 */
  readonly leaseMs?: number;
  /** The most turns at work at once in this process, and the most messages on their way to the provider. @default 32 */
  readonly concurrency?: number;
  /**
   * The most turns and messages that one `processDue()` begins, for a runtime that limits an invocation: D1 takes 50 or
   * 1,000 queries for each event of a Worker. The rest is due at once: the result says so, and the queue is notified.
   * @default no limit
   */
  readonly passLimit?: number;
}

export interface UnsafeOptions {
  /**
   * Answers and sends to people who texted STOP. The provider blocks such messages, and the law may punish them.
   * @default false
   */
  readonly withoutOptOut?: boolean;
  /** Lets two bots text each other until the provider or the budget stops them. @default false */
  readonly withoutLoopGuard?: boolean;
}
