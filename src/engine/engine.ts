import type { CheckedAi } from "../ai/reply.ts";
import { OwnlineError } from "../errors.ts";
import type { Conversation } from "../model/conversation.ts";
import type { OwnlineEvents } from "../model/events.ts";
import { newId } from "../model/ids.ts";
import type { InboundMessage, Message, OutboundMessage } from "../model/message.ts";
import { normalizeAddress } from "../model/phone-number.ts";
import type { SenderAddress } from "../model/sender.ts";
import type { Policy } from "../policy/policy.ts";
import type { ConversationList, ConversationPage, Erased, RecordedInbound } from "../storage/storage.ts";
import type { InboundText, StatusReport } from "../transport/transport.ts";
import { compose } from "./compose.ts";
import { consentKeyFor } from "./consent-key.ts";
import { type EngineContext, teller } from "./context.ts";
import { createEmitter } from "./emitter.ts";
import { type Explanation, explain } from "./explain.ts";
import { createFeed, type FeedOptions } from "./feed.ts";
import { trouble } from "./heart.ts";
import { hookNow } from "./hook.ts";
import {
  checkBody,
  checkDuration,
  checkId,
  checkKey,
  checkLimit,
  checkMedia,
  checkMessagePage,
  checkObject,
  checkOrigin,
  checkPerson,
  checkPosition,
  type MessagePageInput,
  type SendInput,
  type SimulateInput,
} from "./inputs.ts";
import type { EngineOptions, SendersOption } from "./options.ts";
import { receive } from "./receive.ts";
import { createRinger } from "./ringer.ts";
import { senderBook } from "./senders.ts";
import { recordReport } from "./status.ts";
import { createWorker, type SweepResult } from "./worker.ts";

/** What a serverless runtime offers for work after the answer, for example a Worker's `ctx`. */
export interface WaitUntil {
  waitUntil(work: Promise<unknown>): void;
}

/** What one sweep did, and when the next one is due. */
export interface ProcessResult extends Omit<SweepResult, "nextInMs"> {
  /** Unix milliseconds by this process's clock; `null` where nothing waits. */
  readonly nextDueAt: number | null;
}

/** The engine: everything but HTTP. Made by `ownline()`. */
export interface Engine<Senders extends SendersOption = SendersOption> {
  simulate(input: SimulateInput<SenderAddress<Senders>>, ctx?: WaitUntil): Promise<InboundMessage>;
  send(input: SendInput<SenderAddress<Senders>>, ctx?: WaitUntil): Promise<OutboundMessage>;
  receiveWebhook(text: InboundText, ctx?: WaitUntil): Promise<RecordedInbound>;
  receiveStatus(report: StatusReport): Promise<void>;
  on<Name extends keyof OwnlineEvents>(name: Name, listener: OwnlineEvents[Name]): void;
  off<Name extends keyof OwnlineEvents>(name: Name, listener: OwnlineEvents[Name]): void;
  events(options: FeedOptions): AsyncGenerator<Message, void, void>;
  start(): Promise<void>;
  stop(options?: { readonly timeoutMs?: number }): Promise<void>;
  processDue(): Promise<ProcessResult>;
  settled(): Promise<void>;
  conversation(id: string): Promise<Conversation | null>;
  conversations(page?: Partial<ConversationPage>): Promise<ConversationList>;
  messages(page: MessagePageInput): Promise<readonly Message[]>;
  pause(conversationId: string): Promise<Conversation>;
  resume(conversationId: string, options?: { readonly answerPending?: boolean }): Promise<Conversation>;
  explain(messageId: string): Promise<Explanation | null>;
  erase(order: { readonly participant: string; readonly line?: string }): Promise<Erased>;
  purge(order: { readonly olderThanMs: number; readonly limit?: number }): Promise<Erased>;
  close(): Promise<void>;
}

const STOP_MS = 10_000;
/** A serverless runtime gives about half a minute after the answer. */
const WAIT_UNTIL_MS = 25_000;

/** Wires the parts together. `ai` and `policies` are complete: the defaults are the factory's business. */
export function createEngine<Senders extends SendersOption>(
  options: Omit<EngineOptions, "ai">,
  ai: CheckedAi,
  policies: readonly Policy[],
): Engine<Senders> {
  const { storage, clock, worker: workerOptions, logger } = options;
  const emitter = createEmitter(logger);
  const senders = senderBook(options.senders);
  const feed = createFeed({ storage, clock, worker: workerOptions });

  const told = teller(emitter.emit, options);
  const tell: EngineContext["tell"] = {
    ...told,
    message(message) {
      feed.changed(message.conversationId);
      told.message(message);
    },
    status(message) {
      feed.changed(message.conversationId);
      told.status(message);
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
  let consentKey: EngineContext["consentKey"] | null = null;
  const context: EngineContext = {
    ...options,
    ai,
    policies,
    senders,
    tell,
    workerId: newId("w"),
    async consentKey(line, participant) {
      consentKey ??= consentKeyFor((await open()).secret);
      return consentKey(line, participant);
    },
  };
  const worker = createWorker(context);
  const ringer = createRinger(context);

  let everProcessed = false;
  let warned = false;
  /**
   * Something was stored that somebody must work on: the loop, the runtime after the answer, whoever hears the queue,
   * or a cron elsewhere. Only the queue is waited for: a runtime may end with its answer.
   */
  const attend = async (ctx: WaitUntil | undefined, dueInMs: number): Promise<void> => {
    worker.wake();
    if (worker.started) return;
    const ringing = ringer.ring(dueInMs);
    if (ctx !== undefined) {
      const work = worker
        .drain({ withinMs: WAIT_UNTIL_MS, idle: false })
        .then((nextInMs) => ringer.ringAgain(nextInMs))
        .catch((error: unknown) => tell.error(trouble(error)));
      try {
        hookNow("waitUntil", () => ctx.waitUntil(work));
      } catch (error) {
        // The text is stored already, and the work goes on for as long as the runtime lets it.
        tell.error(trouble(error));
      }
    } else if (options.queue === null && !everProcessed && !warned) {
      warned = true;
      logger.warn(
        "ownline stored a text, but nothing in this process works on it: call await sms.start() in a long-lived process, or sms.processDue() from a cron or queue. Ignore this if another process does.",
      );
    }
    await ringing;
  };

  const take = async (recorded: RecordedInbound, ctx: WaitUntil | undefined): Promise<RecordedInbound> => {
    const { message, conversation } = recorded;
    if (recorded.outcome === "recorded" && message !== null && conversation !== null) {
      if (message.needsAnswer) worker.newerText(message.conversationId, message.seq);
      // Counted as answered in the very commit that stored it: an opt-out, which ended the open turn.
      else if (conversation.answeredSeq >= message.seq) worker.callOff(message.conversationId);
      if (message.needsAnswer) await attend(ctx, options.burst.quietMs);
    } else if (message?.needsAnswer === true && (conversation?.answeredSeq ?? 0) < message.seq && !worker.started) {
      // The text is known, and still unanswered: whoever stored it may have died before it rang.
      await ringer.ring(options.burst.quietMs);
    }
    return recorded;
  };

  return {
    async simulate(input, ctx) {
      checkObject(input, "simulate");
      const id = checkKey(input.id, "simulate", "id");
      const body = checkBody(input.body, "simulate");
      const media = checkMedia(input.media, "simulate");
      const from = checkPerson(input.from, "from");
      const { sender } = await senders.choose(input.to, "to");
      if ((await senders.route(from)) !== null) {
        throw new OwnlineError(
          "sender_as_participant",
          "from is one of your own senders. A simulated text comes from a person; to write to a person from your number, call send({ key, to, body })",
        );
      }
      if (body.trim() === "" && media.length === 0) {
        throw new OwnlineError("invalid_message", "the simulated text is empty: give it a body or media");
      }
      await open();
      const recorded = await receive(context, {
        key: `simulated:${id}`,
        origin: "simulated",
        carrierId: null,
        from,
        to: sender,
        service: null,
        body,
        media,
        optOut: null,
        occurredAt: null,
      });
      if (recorded.message === null) throw erased("simulated text", "id");
      if (recorded.message.from !== from) throw usedForAnother("id");
      await take(recorded, ctx);
      return recorded.message;
    },

    async send(input, ctx) {
      checkObject(input, "send");
      const key = checkKey(input.key, "send", "key");
      const origin = checkOrigin(input.origin);
      const route = await senders.choose(input.from, "from");
      const to = checkPerson(input.to, "to");
      if ((await senders.route(to)) !== null) {
        throw new OwnlineError(
          "sender_as_participant",
          "to is one of your own senders: a number of yours cannot text itself, and two of them would talk for ever. Give the person's number",
        );
      }
      const groupId = newId("g");
      const parts = compose(context, groupId, checkBody(input.body, "send"), checkMedia(input.media, "send"));
      await open();
      const recorded = await storage.recordOutbound({
        key: `send:${key}`,
        groupId,
        conversationId: newId("c"),
        line: route.line,
        sender: route.sender,
        participant: to,
        consentKey: await context.consentKey(route.line, to),
        origin,
        parts,
        expiryMs: options.sending.expiryMs,
      });
      if (recorded.outcome === "opted-out") {
        throw new OwnlineError(
          "opted_out",
          "this person has texted STOP to this number, so nothing was stored or sent. Only the person can undo that, by texting START",
        );
      }
      const first = recorded.messages[0];
      if (recorded.outcome === "erased" || first === undefined) throw erased("message", "key");
      if (first.to !== to) throw usedForAnother("key");
      if (recorded.outcome === "recorded") {
        for (const message of recorded.messages) tell.message(message);
        await attend(ctx, 0);
      }
      return first;
    },

    async receiveWebhook(text, ctx) {
      await open();
      return take(await receive(context, { ...text, origin: "webhook" }), ctx);
    },

    async receiveStatus(report) {
      await open();
      const { message, changed } = await recordReport(context, report);
      worker.wake();
      // The next part of a text may have waited for this one.
      if (changed && message !== null && message.part < message.parts && !worker.started) await ringer.ring(0);
    },

    on: (name, listener) => void emitter.on(name, listener),
    off: (name, listener) => void emitter.off(name, listener),

    async *events(feedOptions) {
      checkObject(feedOptions, "events");
      checkId(feedOptions.conversationId, "events", "conversationId");
      if (feedOptions.after !== undefined) checkPosition(feedOptions.after, "after");
      await open();
      yield* feed.read(feedOptions);
    },

    async start() {
      everProcessed = true;
      await worker.start(open);
      if (worker.started) await ringer.listen(worker.wake);
      // Stopped meanwhile.
      if (!worker.started) await ringer.close();
    },

    async stop({ timeoutMs = STOP_MS } = {}) {
      await Promise.all([worker.stop({ timeoutMs }), ringer.close()]);
    },

    async processDue() {
      everProcessed = true;
      await open();
      const { nextInMs, ...done } = await worker.processDue();
      if (!worker.started) await ringer.ringAgain(nextInMs);
      return { ...done, nextDueAt: nextInMs === null ? null : Date.now() + nextInMs };
    },

    async settled() {
      everProcessed = true;
      await open();
      await worker.drain({ withinMs: null, idle: true });
    },

    async conversation(id) {
      checkId(id, "conversation", "the conversation's id");
      await open();
      return storage.conversation(id);
    },

    async conversations(page = {}) {
      await open();
      return storage.conversations({
        limit: checkLimit(page.limit, 50),
        ...(page.after === undefined ? {} : { after: checkId(page.after, "conversations", "the page's cursor") }),
      });
    },

    async messages(page) {
      await open();
      return storage.messages(checkMessagePage(page));
    },

    async pause(conversationId) {
      checkId(conversationId, "pause", "the conversation's id");
      await open();
      const paused = await storage.setPaused({ op: newId("o"), conversationId, paused: true, skipPending: false });
      if (paused === null) throw unknownConversation();
      worker.callOff(conversationId);
      return paused;
    },

    async resume(conversationId, { answerPending = false } = {}) {
      checkId(conversationId, "resume", "the conversation's id");
      await open();
      const resumed = await storage.setPaused({
        op: newId("o"),
        conversationId,
        paused: false,
        skipPending: !answerPending,
      });
      if (resumed === null) throw unknownConversation();
      await attend(undefined, 0);
      return resumed;
    },

    async explain(messageId) {
      checkId(messageId, "explain", "the message's id");
      await open();
      const story = await storage.story(messageId);
      return story === null ? null : explain(story);
    },

    async erase(order) {
      checkObject(order, "erase");
      const participant = checkPerson(order.participant, "participant");
      const line = order.line === undefined ? null : normalizeAddress(order.line, "line");
      await open();
      return storage.erase({ op: newId("o"), participant, line });
    },

    async purge(order) {
      checkObject(order, "purge");
      const olderThanMs = checkDuration(order.olderThanMs, "purge", "olderThanMs");
      const limit = checkLimit(order.limit, 1000);
      await open();
      return storage.purge({ op: newId("o"), olderThanMs, limit });
    },

    async close() {
      await Promise.all([worker.stop({ timeoutMs: STOP_MS }), ringer.close()]);
      await storage.close();
      opening = null;
    },
  };
}

function erased(what: string, name: string): OwnlineError {
  return new OwnlineError(
    "erased",
    `the ${what} with this ${name} was erased on request and is not stored again: use a new ${name} for a new text`,
  );
}

/** Nobody may read another person's text by guessing its id, and no text may vanish behind another one's. */
function usedForAnother(name: string): OwnlineError {
  return new OwnlineError(
    "invalid_message",
    `this ${name} was used before for another person, so nothing was stored or sent: give each text its own ${name}`,
  );
}

function unknownConversation(): OwnlineError {
  return new OwnlineError(
    "not_found",
    "there is no conversation with this id: it was erased, or the id is another ledger's",
  );
}
