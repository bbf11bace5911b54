import type { CheckedAi } from "../../ai/reply.ts";
import type { OwnlineEvents } from "../../model/events.ts";
import { newId } from "../../model/ids.ts";
import type { InboundMessage, Message, OutboundMessage } from "../../model/message.ts";
import type { SenderAddress } from "../../model/sender.ts";
import type { Policy } from "../../policy/policy.ts";
import type { SendersOption } from "../options/options.ts";
import type { EngineOptions } from "../options/parse-options.ts";
import { type ConsentFiling, consentFiling } from "../support/consent-key.ts";
import { consentAt } from "../support/consent-place.ts";
import { contentDigestFor } from "../support/content.ts";
import { createReporter, type EngineContext } from "../support/context.ts";
import { createNoticeCounter, type NoticeCounts } from "../support/counts.ts";
import { createEmitter } from "../support/emitter.ts";
import { onceForEachProblem, reportProblems } from "../support/problems.ts";
import { senderBook } from "../support/senders.ts";
import type { PassResult } from "../worker/rounds.ts";
import { createScheduler, type WaitUntil } from "../worker/wake-ups.ts";
import { createWorker } from "../worker/worker.ts";
import { type Admin, createAdmin } from "./admin.ts";
import { type Commands, createCommands } from "./commands.ts";
import { createFeed, type FeedOptions } from "./feed.ts";
import { checkedFeed, checkedStop, type SendInput, type SimulateInput } from "./inputs.ts";
import { createRepair, type Repair } from "./repair.ts";

/** What one call of `processDue()` did, and when the next call is due. */
export interface ProcessResult extends Omit<PassResult, "nextInMs"> {
  /** When the next call is due, in Unix milliseconds by this process's clock; `null` where nothing waits. */
  readonly nextDueAt: number | null;
}

/** The engine: all calls except the HTTP handler. `ownline()` makes it. */
export interface Engine<Senders extends SendersOption = SendersOption>
  extends Omit<Commands, "simulate" | "send">,
    Admin,
    Repair {
  /**
   * Stores a text that a person typed in the app, as if the phone had sent it, and has the AI answer it. The text never
   * goes to the provider, because your account cannot send from the person's number.
   *
   * Resolves after the commit, before the answer. Atomic; idempotent by `id`: a repetition returns the first message.
   * Pass the runtime's `ctx` where no worker loop and no queue does the due work.
   *
   * @throws OwnlineError `invalid_message`, `invalid_address`, `unknown_sender` (`to` is not one of `senders`),
   * `sender_required`, `sender_as_participant` (`from` is one of `senders`), `erased` (the id belonged to an erased
   * person), `storage_corrupt` (`error.row` names a row that cannot be read), `storage_unavailable`
   */
  simulate(input: SimulateInput<SenderAddress<Senders>>, ctx?: WaitUntil): Promise<InboundMessage>;
  /**
   * Sends a text of the service, or of an operator who has taken over, from one of your senders.
   *
   * Resolves after the commit, before the message leaves: follow its `status`. A long text leaves in parts, in order;
   * the call returns the first part. Atomic; idempotent by `key`: a repetition returns the first message and sends
   * nothing. A repetition must have the same `to`, `from`, `body` and number of `media`. Otherwise the call throws
   * `key_reused`, and `error.messageId` names the first message.
   *
   * @throws OwnlineError `invalid_message`, `invalid_address`, `unknown_sender` (`from` is not one of `senders`),
   * `sender_required`, `sender_as_participant` (`to` is one of `senders`), `opted_out`, `erased`, `key_reused`,
   * `storage_corrupt` (`error.row` names a row that cannot be read), `storage_unavailable`
   */
  send(input: SendInput<SenderAddress<Senders>>, ctx?: WaitUntil): Promise<OutboundMessage>;
  /**
   * Calls the listener for each event of this process, after the commit. An error that the listener throws has no
   * effect on the engine. A listener that is registered twice is called twice for each event.
   *
   * @returns a function that ends this registration, for example `const stop = sms.on("message", show)`. Calling it
   * again does nothing
   * @throws OwnlineError `invalid_options` for an event that does not exist, or a listener that is not a function
   */
  on<Name extends keyof OwnlineEvents>(name: Name, listener: OwnlineEvents[Name]): () => void;
  /** Stops listening: ends every registration of this listener for the event. */
  off<Name extends keyof OwnlineEvents>(name: Name, listener: OwnlineEvents[Name]): void;
  /**
   * Follows one conversation in the ledger, also where other processes write it. Yields new messages and every change
   * of a message's status, by `changedSeq`, from `after` on, without a gap. It ends when the signal is aborted or the
   * reader leaves its loop.
   *
   * @throws OwnlineError `invalid_options`, `storage_unavailable`
   */
  events(options: FeedOptions): AsyncGenerator<Message, void, void>;
  /**
   * Starts the worker loop of a long-lived process. The loop asks the AI, sends due messages, and takes over the work
   * of processes that died. Resolves when the ledger is open. A second call does nothing.
   *
   * @throws OwnlineError `storage_unavailable`, `storage_unmigrated`, `storage_unsupported`: the message says what to
   * do
   */
  start(): Promise<void>;
  /**
   * Stops the worker loop. It takes no new work, waits up to `timeoutMs` for current work, and releases the rest to the
   * ledger. Another process or the next start takes that work. Reads and stores still work afterwards. A second call
   * during the stop returns the same promise, and the time that ends first applies: `stop({ timeoutMs: 0 })` ends the
   * wait.
   * @default 10000 ms
   */
  stop(options?: { readonly timeoutMs?: number }): Promise<void>;
  /**
   * For a cron, a queue or a serverless function. It does all work that is due now, and looks for lost webhooks where a
   * sweep is due (see `sweep`). The result says when the next call is due. Any process may call it at any time, and
   * several times at once.
   *
   * @throws OwnlineError `storage_unavailable`
   */
  processDue(): Promise<ProcessResult>;
  /**
   * Resolves when no work is left, now or later: no open burst, no unanswered text, no waiting message. For scripts and
   * tests. With `manualClock()` of `ownline/testing` it moves the clock forward itself.
   */
  settled(): Promise<void>;
  /**
   * How often this process has emitted each kind of notice since its start: how many messages were `unknown`, and of
   * these `found`, `resent`, `held` or `dropped`; how many texts were `swept`. For the total, add up the counts of all
   * processes.
   */
  counts(): NoticeCounts;
  /** Calls `stop()`, then closes what the storage opened. `await using` does the same. */
  close(): Promise<void>;
}

const STOP_MS = 10_000;

/**
 * Connects the parts of the engine. `ai` and `policies` are complete: the factory `ownline()` has filled in the
 * defaults.
 */
export function createEngine<Senders extends SendersOption>(
  options: Omit<EngineOptions, "ai">,
  ai: CheckedAi,
  policies: readonly Policy[],
): Engine<Senders> {
  const { storage, clock, worker: workerOptions, logger } = options;
  const emitter = createEmitter(logger);
  const senders = senderBook(options.senders);
  const feed = createFeed({
    storage,
    clock,
    worker: workerOptions,
    report: () => reportProblems({ storage, reporter }),
  });

  const baseReporter = createReporter(emitter.emit, options);
  const isToBeReported = onceForEachProblem();
  const noticeCounter = createNoticeCounter();
  const reporter: EngineContext["reporter"] = {
    ...baseReporter,
    message(message) {
      feed.changed(message.conversationId);
      baseReporter.message(message);
    },
    status(message) {
      feed.changed(message.conversationId);
      baseReporter.status(message);
    },
    notice(notice) {
      noticeCounter.count(notice.kind);
      baseReporter.notice(notice);
    },
    error(error, texts) {
      if (isToBeReported(error)) baseReporter.error(error, texts);
    },
  };

  let opening: Promise<{ secret: string }> | null = null;
  const open = (): Promise<{ secret: string }> => {
    opening ??= storage.open().catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return opening;
  };
  let contentDigest: EngineContext["contentDigest"] | null = null;
  let filing: ConsentFiling | null = null;
  const openFiling = async (): Promise<ConsentFiling> => {
    filing ??= consentFiling((await open()).secret);
    return filing;
  };
  const context: EngineContext = {
    ...options,
    ai,
    policies,
    senders,
    reporter,
    workerId: newId("w"),
    consentKey: async (line, participant) => (await openFiling()).key(line, participant),
    consents: async (where) => (await openFiling()).keys(consentAt(senders, policies, where)),
    async contentDigest(content) {
      contentDigest ??= contentDigestFor((await open()).secret);
      return contentDigest(content);
    },
  };
  const worker = createWorker(context);
  let everWorked = false;
  const scheduler = createScheduler(context, { worker, worked: () => everWorked });

  let stopping: { readonly work: Promise<void>; readonly whole: Promise<void> } | null = null;
  const stop = ({ timeoutMs = STOP_MS }: { readonly timeoutMs?: number } = {}): Promise<void> => {
    const work = worker.stop({ timeoutMs });
    // Where the worker returns the same promise, no start came in between, so the earlier stop is still valid.
    if (stopping?.work !== work) stopping = { work, whole: Promise.all([work, scheduler.close()]).then(() => {}) };
    return stopping.whole;
  };

  return {
    ...createCommands(context, { worker, scheduler, open }),
    ...createAdmin(context, { worker, scheduler, open }),
    ...createRepair(context, { worker, scheduler, open, worked: () => everWorked }),

    on: emitter.on,
    off: (name, listener) => void emitter.off(name, listener),

    async *events(feedOptions) {
      const checkedOptions = checkedFeed(feedOptions);
      await open();
      yield* feed.read(checkedOptions);
    },

    async start() {
      everWorked = true;
      await worker.start(open);
      if (worker.started) await scheduler.listen(worker.wake);
      // stop() was called during the start.
      if (!worker.started) await scheduler.close();
    },

    stop(stopOptions) {
      try {
        return stop(checkedStop(stopOptions));
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async processDue() {
      everWorked = true;
      await open();
      const { nextInMs, ...done } = await worker.processDue();
      if (!worker.started) await scheduler.notifyAgain(nextInMs);
      return { ...done, nextDueAt: nextInMs === null ? null : Date.now() + nextInMs };
    },

    async settled() {
      everWorked = true;
      await open();
      await worker.drain({ withinMs: null, idle: true });
    },

    counts: noticeCounter.counts,

    async close() {
      await stop();
      await storage.close();
      opening = null;
    },
  };
}
