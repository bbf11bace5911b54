import type { Ai, AiFunction, AiTurn, HistoryEntry } from "../../ai/ai.ts";
import type { Logger } from "../../logger.ts";
import type { SenderDirectory, SenderInput, SenderResolver } from "../../model/sender.ts";
import type { InboundSnapshot, Policy } from "../../policy/policy.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Storage } from "../../storage/storage.ts";
import type { Transport } from "../../transport/transport.ts";
import type { EngineClock } from "./clock.ts";

/** The options of {@link ownline}. Four are required; each other option has a safe default. */
export interface OwnlineOptions<Senders extends SendersOption = SendersOption> {
  /**
   * The numbers, short codes, channel addresses and Messaging Services that you own. Give a list, a function that finds
   * a sender by its address, or `{ resolve, list }`. `list` returns the numbers at which lost webhooks are looked for.
   */
  readonly senders: Senders;
  readonly transport: Transport;
  readonly storage: Storage;
  /**
   * The name of this service, where several services share one ledger. Each service answers and sends only what it
   * stored itself. All processes of one service use the same name. At most 64 letters, digits, `.`, `_` and `-`.
   * @default "default"
   */
  readonly scope?: string;
  /** The AI that answers: an adapter, or a plain function. */
  readonly ai: Ai | AiFunction;
  /**
   * Policies in addition to the default ones, opt-out and loop guard. A policy with the name of a default one
   * (`optOut({ … })`) replaces it. @default none beside the two
   */
  readonly policies?: readonly Policy[];
  /**
   * A fixed text that the answer to the provider's webhook carries, before the AI has answered: "Got it, one moment." A
   * function chooses it for each text; `null` for none. Simulated texts get no auto-reply. An auto-reply that XML
   * cannot carry (a control character, half an emoji) or that has over 1,600 characters is left out. An `error` event
   * reports it.
   * @default none
   */
  readonly autoReply?: string | ((message: InboundSnapshot) => string | null);
  readonly burst?: BurstOptions;
  readonly answer?: AnswerOptions;
  readonly history?: HistoryOptions;
  readonly sending?: SendingOptions;
  /**
   * Looks for texts whose webhook never came, in the provider's list of texts to each configured number. It leaves out
   * a number whose webhook is known to be another URL. Set `false` where another service answers the same numbers, as
   * on a developer's machine. Where `senders` is a function, or `{ resolve }` without `list`, nothing is looked for.
   * @default every minute, where the provider has such a list
   */
  readonly sweep?: SweepOptions | false;
  readonly worker?: WorkerOptions;
  /**
   * Wakes another invocation when something is due, for runtimes where no process stays alive (Workers, serverless). It
   * only saves time: a cron that calls `processDue()` does the work where a wake-up is lost. A started process listens
   * to the queue, where the queue supports that. @default none
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
 * A list of senders, whose literals become the types of `from` and `to`; a function that finds a sender by its address;
 * or `{ resolve, list? }`, which finds and lists senders.
 */
export type SendersOption = readonly (SenderInput | undefined)[] | SenderResolver | SenderDirectory;

export interface BurstOptions {
  /** How long the person must be quiet before the AI is asked. @default 2000 */
  readonly quietMs?: number;
  /** The longest time that a burst may delay the AI. @default 15000 */
  readonly maxWaitMs?: number;
  /**
   * What happens with a text that arrives while the AI works: `supersede` gives up the run and answers all texts
   * together; `queue` answers the text in the next turn. @default "supersede"
   */
  readonly whileAnswering?: "supersede" | "queue";
}

export interface AnswerOptions {
  /** How long one call of the AI may take. @default 60000 */
  readonly timeoutMs?: number;
  /** How often the AI is asked before the fallback text is sent. @default 3 */
  readonly attempts?: number;
  /** The wait before the second attempt. It doubles with each attempt, up to 5 minutes. @default 2000 */
  readonly backoffMs?: number;
  /**
   * The text that the person gets, once, when the AI fails for good.
   * @default "Sorry, I cannot answer right now. Please try again in a little while."
   */
  readonly fallbackText?: string;
  /**
   * The most parts of one answer. Where an answer has more, the AI is asked once more for a shorter one. If that is too
   * long as well, the fallback text is sent. The default stays below the 30 messages in 30 seconds that Twilio takes
   * for a loop: https://www.twilio.com/docs/api/errors/14107. Messages that the service sends itself are not limited.
   * @default 25
   */
  readonly maxParts?: number;
  /** `strip` turns Markdown into plain text, `keep` leaves it. @default "strip" */
  readonly markdown?: "strip" | "keep";
  /**
   * `fold` replaces typographic characters by plain ones where that saves segments and loses nothing. @default "fold"
   */
  readonly typography?: "fold" | "keep";
}

export interface HistoryOptions {
  /** The most messages that the AI sees. @default 40 */
  readonly maxMessages?: number;
  /**
   * The most characters that the AI sees. The oldest messages are left out first; the texts to answer always stay.
   * @default 16000
   */
  readonly maxCharacters?: number;
  /**
   * Changes the history that the AI sees, for example to summarise, to redact, or to add what your service knows.
   * @default the window as it is
   */
  readonly select?: (
    history: readonly HistoryEntry[],
    turn: AiTurn,
  ) => Promise<readonly HistoryEntry[]> | readonly HistoryEntry[];
}

export interface SendingOptions {
  /**
   * A message that has not left after this time is cancelled. The time counts from when the message was stored, or from
   * its reservation in the sender's rate limit where that is later. @default 14400000 (4 hours)
   */
  readonly expiryMs?: number;
  /**
   * The provider drops a message that it has not sent within this time, so that the message cannot arrive hours later.
   * Twilio counts whole seconds, up to 36000 s. @default 300000 (5 minutes)
   */
  readonly validityMs?: number;
  /**
   * How long to wait for evidence where the provider's answer was lost. At least `validityMs`, because the message may
   * still leave until then. @default `validityMs` and a minute
   */
  readonly unknownWindowMs?: number;
  /**
   * What happens after that window: `resend` (a duplicate is possible, and counted), `hold` for an operator, or `drop`.
   * @default "resend"
   */
  readonly unknown?: "resend" | "hold" | "drop";
  /**
   * Decides before the window is over, where the provider's list shows newer messages of the sender, and not this one.
   * The list is read twice, at least 20 s apart and 30 s after the attempt. The decision then takes about a minute
   * instead of six. It does not apply where the sender is a Messaging Service.
   *
   * Off by default, because Twilio does not promise in which order, or how soon, its list shows messages. A message
   * that is listed later than newer ones is then sent twice. Switch it on where waiting costs more than a rare
   * duplicate.
   * @default false
   */
  readonly unknownEarly?: boolean;
  /** How long later messages wait for an earlier message that is `unknown`. @default 120000 */
  readonly orderWaitMs?: number;
  /** The longest part, in segments; longer replies are split. @default as long as the provider takes */
  readonly maxSegments?: number;
  /**
   * The wait before a message is sent again that the provider refused for now. It doubles with each attempt, up to 15
   * minutes. Where the provider's queue is full, the first wait is a minute at least. Where the provider asks for a
   * longer wait, ownline waits that long.
   * @default 1000
   */
  readonly backoffMs?: number;
  /**
   * How fast a sender sends, over all processes together, in segments per second. `by-kind` is 1 for a long code, 3 for
   * a toll-free number, 100 for a short code, 80 messages for WhatsApp, and no limit for other channels and for a
   * Messaging Service as sender. A function returns the rate of each sender, `null` for no limit. A sender's own
   * `ratePerSecond` takes precedence over both. `false` sends without any limit, also after the provider has asked for
   * a lower rate. @default "by-kind"
   */
  readonly rateLimit?: "by-kind" | false | ((sender: string) => number | null);
  /** The most messages in a second from all senders together. @default no limit */
  readonly perSecond?: number;
}

export interface SweepOptions {
  /** How often the provider's list is read for each sender. @default 60000 */
  readonly everyMs?: number;
  /**
   * How far each read of the list reaches back before the previous one. It is the longest time that the provider's list
   * may lag. @default 600000
   */
  readonly overlapMs?: number;
  /**
   * A text that is older than this when it is found is stored and shown, but not answered. @default 3600000 (1 hour)
   */
  readonly answerWithinMs?: number;
}

export interface WorkerOptions {
  /** How often the worker looks into the ledger when no wake-up comes. @default 1000 */
  readonly pollMs?: number;
  /**
   * How long after its last heartbeat a process counts as expired. The next heartbeat of another process takes over its
   * work. A process that works sends a heartbeat about every quarter of this time. @default 3000
   */
  readonly leaseMs?: number;
  /** The most turns that this process works on at once, and the most messages that it sends at once. @default 32 */
  readonly concurrency?: number;
  /**
   * The most turns and messages that one `processDue()` begins. It is for a runtime that limits an invocation: D1 takes
   * 50 or 1,000 queries for each event of a Worker. The rest is due at once: the result says so, and the queue is
   * notified.
   * @default no limit
   */
  readonly passLimit?: number;
}

export interface UnsafeOptions {
  /**
   * Answers people who texted STOP, and sends to them. The provider blocks such messages, and the law may punish the
   * sender.
   * @default false
   */
  readonly withoutOptOut?: boolean;
  /** Lets your AI and another bot text each other until the provider or the budget stops them. @default false */
  readonly withoutLoopGuard?: boolean;
}
