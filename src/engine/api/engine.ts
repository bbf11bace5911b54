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

/** What one call of `processDue()` did, and when the next one is due. */
export interface ProcessResult extends Omit<PassResult, "nextInMs"> {
  /** Unix milliseconds by this process's clock; `null` where nothing waits. */
  readonly nextDueAt: number | null;
}

/** The engine: everything but HTTP. Made by `ownline()`. */
export interface Engine<Senders extends SendersOption = SendersOption>
  extends Omit<Commands, "simulate" | "send">,
    Admin,
    Repair {
  /**
   * Stores a text that a person typed in the app, as if it had been texted, and has it answered. It is never handed to
   * the provider: the person's number is not ours to send from.
   *
   * Resolves after the commit, before the answer. Atomic; idempotent by `id`: a repetition returns the first message.
   * Pass the runtime's `ctx` where nothing else works on what is due.
   *
   * @throws OwnlineError `invalid_message`, `invalid_address`, `unknown_sender` (`to` is not ours), `sender_required`,
   * `sender_as_participant` (`from` is ours), `erased` (the id belonged to an erased person), `storage_unavailable`
   */
  simulate(input: SimulateInput<SenderAddress<Senders>>, ctx?: WaitUntil): Promise<InboundMessage>;
  /**
   * Sends a text of the service, or of a person who has taken over, from a number of ours.
   *
   * Resolves after the commit, before it leaves: follow its `status`. A long text leaves in parts, in order; the first
   * one is returned. Atomic; idempotent by `key`: a repetition returns the first message and sends nothing. A
   * repetition has the same `to`, `from`, `body` and number of `media`; with others, `key_reused` is thrown, and its
   * `messageId` names the first message.
   *
   * @throws OwnlineError `invalid_message`, `invalid_address`, `unknown_sender` (`from` is not ours),
   * `sender_required`, `sender_as_participant` (`to` is ours), `opted_out`, `erased`, `key_reused`,
   * `storage_unavailable`
   */
  send(input: SendInput<SenderAddress<Senders>>, ctx?: WaitUntil): Promise<OutboundMessage>;
  /**
   * Listens to what happens in this process, after the commit. A listener that throws harms nothing. Called twice with
   * one listener, it is called twice for each event.
   *
   * @returns a function that stops listening, as often as it is called: `const stop = sms.on("message", show)`
   * @throws OwnlineError `invalid_options` for an event that does not exist, or a listener that is not a function
   */
  on<Name extends keyof OwnlineEvents>(name: Name, listener: OwnlineEvents[Name]): () => void;
  /** Stops listening: ends every registration of this listener for the event. */
  off<Name extends keyof OwnlineEvents>(name: Name, listener: OwnlineEvents[Name]): void;
  /**
   * Follows one conversation in the ledger, whichever process writes it: new messages and every change of a message's
   * status, by `changedSeq`, from `after` on, without a gap. It goes on until the signal is aborted or the loop is
   * left.
   *
   * @throws OwnlineError `invalid_options`, `storage_unavailable`
   */
  events(options: FeedOptions): AsyncGenerator<Message, void, void>;
  /**
   * Starts the worker loop of a long-lived process: asks the AI, sends what is due, takes over the work of processes
   * that died. Resolves when the ledger is open. Called twice, it does nothing the second time.
   *
   * @throws OwnlineError `storage_unavailable`, `storage_unmigrated`, `storage_unsupported`: with what to do about it
   */
  start(): Promise<void>;
  /**
   * Takes no new work, waits up to `timeoutMs` for what is at work, and gives the rest back to the ledger, where
   * another process or the next start finds it. Reading and storing still work afterwards. Called while it goes on, it
   * returns the same promise, and the time that is over first counts: `stop({ timeoutMs: 0 })` hurries. @default 10000
   * ms
   */
  stop(options?: { readonly timeoutMs?: number }): Promise<void>;
  /**
   * For a cron, a queue or a serverless function: does all that is due now, looks for lost webhooks where it is time
   * (see `sweep`), and says when to come back. Safe to call at any time, from anywhere, more than once.
   *
   * @throws OwnlineError `storage_unavailable`
   */
  processDue(): Promise<ProcessResult>;
  /**
   * Resolves when nothing is due any more, now or later: no burst, no answer, no message that waits. For scripts and
   * tests; with `manualClock()` of `ownline/testing` it passes the time by itself.
   */
  settled(): Promise<void>;
  /**
   * How often this process has emitted each kind of notice since it began: how many messages were `unknown`, and of
   * these `found`, `resent`, `held` or `dropped`; how many texts were `swept`. For all processes together, add them up.
   */
  counts(): NoticeCounts;
  /** `stop()`, and closes what the storage opened. The same as `await using`. */
  close(): Promise<void>;
}

const STOP_MS = 10_000;

/** Wires the parts together. `ai` and `policies` are complete: the defaults are the factory's business. */
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
    // The same work is the same stop: no start has come in between that would listen again.
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
      // Stopped meanwhile.
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
