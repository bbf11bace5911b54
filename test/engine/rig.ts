import type { Ai, AiContext, AiTurn, Reply } from "../../src/ai/ai.ts";
import { type Ownline, type OwnlineOptions, ownline } from "../../src/index.ts";
import type { Notice, TurnEvent } from "../../src/model/events.ts";
import type { Media, Message, OutboundMessage } from "../../src/model/message.ts";
import { memory } from "../../src/storage/memory.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import type { SendRequest, SendResult, Transport } from "../../src/transport/transport.ts";

export const OURS = "+15703251809";
export const PERSON = "+12345678900";
export const OTHER = "+12345678911";

/** A provider of a few lines: the engine's tests script its answers and read what reached it. */
export interface ScriptedTransport extends Transport {
  readonly sent: SendRequest[];
  /** Answers to come, first in first out; after them everything is accepted. */
  readonly answers: (SendResult | Error | ((request: SendRequest) => Promise<SendResult>))[];
}

export function scriptedTransport(): ScriptedTransport {
  const sent: SendRequest[] = [];
  const answers: ScriptedTransport["answers"] = [];
  return {
    name: "twilio",
    capabilities: { maxBodyLength: 1600, maxMedia: 10, statusCallbacks: true, autoReply: true, lists: true },
    sent,
    answers,
    async send(request) {
      sent.push(request);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      if (typeof answer === "function") return answer(request);
      return answer ?? accepted(`SM${sent.length}`);
    },
    receive: async () => ({ kind: "ignored", reason: "the engine's tests bring texts by hand" }),
    acknowledge: () => new Response(null),
    find: async () => ({ messages: [], asOf: null }),
    listInbound: async () => ({ messages: [], asOf: null }),
    senders: async () => [],
  };
}

export function accepted(providerMessageId: string): SendResult {
  return { kind: "accepted", providerMessageId, status: "accepted", rawStatus: "queued" };
}

export function refused(
  refusal: (SendResult & { kind: "refused" })["refusal"],
  code: number,
  retryAfterMs: number | null = null,
): SendResult {
  return {
    kind: "refused",
    refusal,
    wholeAccount: false,
    retryAfterMs,
    error: { code, reason: `refused with ${code}` },
  };
}

export const lost: SendResult = { kind: "unknown", error: { code: null, reason: "the answer was lost" } };

type Script = (turn: AiTurn, context: AiContext) => Promise<Reply> | Reply;

export interface Rig extends AsyncDisposable {
  readonly sms: Ownline<readonly [typeof OURS]>;
  readonly clock: ManualClock;
  readonly storage: Storage;
  readonly provider: ScriptedTransport;
  /** Every call of the AI. */
  readonly asked: { turn: AiTurn; context: AiContext }[];
  /** What the AI does; echoes by default. */
  script: Script;
  readonly notices: Notice[];
  readonly turns: TurnEvent[];
  readonly messages: Message[];
  readonly statuses: OutboundMessage[];
  readonly errors: Error[];
  readonly log: string[];
  /** A text from the phone, through the transport. */
  text(body: string, extra?: Partial<TextInput>): Promise<Message>;
  /** A person's text by another way: typed in the app. */
  type(body: string, from?: string): Promise<Message>;
  /** All messages of the conversation that a message belongs to. */
  history(of: Message): Promise<readonly Message[]>;
}

interface TextInput {
  from: string;
  to: string;
  sid: string;
  optOut: "STOP" | "START" | "HELP" | null;
  media: readonly Media[];
}

/** The ledger under the engine: memory, and in a second run of the same tests SQLite. */
export function ledger(clock: ManualClock): Storage {
  return process.env.OWNLINE_TEST_LEDGER === "sqlite" ? sqlite(":memory:", { clock }) : memory({ clock });
}

export type RigOptions = Partial<OwnlineOptions<readonly [typeof OURS]>> & { readonly clock?: ManualClock };

let counter = 0;

export function rig(options: RigOptions = {}): Rig {
  const clock = options.clock ?? manualClock();
  const storage = options.storage ?? ledger(clock);
  const provider = scriptedTransport();
  const log: string[] = [];
  const asked: Rig["asked"] = [];
  const ai: Ai = {
    name: "scripted",
    async reply(turn, context) {
      asked.push({ turn, context });
      return self.script(turn, context);
    },
  };
  const inbound: (TextInput & { body: string })[] = [];
  provider.receive = async () => {
    const next = inbound.shift();
    if (next === undefined) return { kind: "ignored", reason: "nothing was texted" };
    const { from, to, sid, optOut, body, media } = next;
    return {
      kind: "inbound",
      message: {
        key: `AC1:${sid}`,
        providerMessageId: sid,
        from,
        to,
        service: null,
        body,
        media,
        optOut,
        occurredAt: null,
      },
    };
  };
  const sms = ownline<readonly [typeof OURS]>({
    senders: [OURS],
    transport: provider,
    storage,
    ai,
    clock,
    logger: {
      debug: () => {},
      info: (line) => log.push(line),
      warn: (line) => log.push(line),
      error: (line) => log.push(line),
    },
    ...options,
  });
  const self: Rig = {
    sms,
    clock,
    storage,
    provider,
    asked,
    script: (turn) => `re: ${turn.messages.map((message) => message.body).join(" + ")}`,
    notices: [],
    turns: [],
    messages: [],
    statuses: [],
    errors: [],
    log,
    async text(body, extra = {}) {
      counter += 1;
      inbound.push({ from: PERSON, to: OURS, sid: `SM${counter}in`, optOut: null, media: [], body, ...extra });
      const seen = self.messages.length;
      const response = await sms.fetch(new Request("https://example.com/sms", { method: "POST", body: "x" }));
      if (response.status !== 200) throw new Error(`the webhook was answered ${response.status}`);
      const message = self.messages.slice(seen).find((candidate) => candidate.direction === "inbound");
      if (message === undefined) throw new Error("the text was not stored");
      return message;
    },
    async type(body, from = PERSON) {
      counter += 1;
      return sms.simulate({ id: `click-${counter}`, from, body });
    },
    history: (of) => sms.messages({ conversationId: of.conversationId }),
    [Symbol.asyncDispose]: () => sms[Symbol.asyncDispose](),
  };
  sms.on("notice", (notice) => self.notices.push(notice));
  sms.on("turn", (turn) => self.turns.push(turn));
  sms.on("message", (message) => self.messages.push(message));
  sms.on("status", (message) => self.statuses.push(message));
  sms.on("error", (error) => self.errors.push(error));
  return self;
}

/** A promise that is settled from outside. */
export function deferred<Value = void>(): { promise: Promise<Value>; resolve(value: Value): void } {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Lets everything that can run now run. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
