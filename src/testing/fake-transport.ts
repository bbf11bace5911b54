import type { ProviderStatus } from "../model/delivery-status.ts";
import type { Media, MessageError } from "../model/message.ts";
import type {
  OwnedSender,
  ProviderMessage,
  ReceivedMessage,
  ReceivedWebhook,
  SendRequest,
  SendResult,
  Transport,
  TransportCapabilities,
  WebhookRejection,
} from "../transport/transport.ts";

/** The result of a send. `lost`: the provider takes the text and its answer is lost, so the send is `unknown`. */
export type FakeAnswer = SendResult | { readonly kind: "lost" };

export interface FakeTransportOptions {
  /** Decides the result of each send. A promise delays the send. @default the provider takes every text */
  readonly respond?: (request: SendRequest) => FakeAnswer | Promise<FakeAnswer>;
  /** The senders that `senders()` reports as owned. @default none */
  readonly senders?: readonly (string | OwnedSender)[];
  /** The URL to which the webhooks say they were posted. @default "https://provider.test/webhook" */
  readonly webhookUrl?: string;
  /** @default 1600 characters, 10 media, callbacks, auto-replies and lists */
  readonly capabilities?: Partial<TransportCapabilities>;
  /**
   * Unix milliseconds. Give the test's clock (`clock.now`) where time matters: only then do the lists say when they
   * were read, by the provider's clock. @default Date.now
   */
  readonly now?: () => number;
}

/** A text from a person, to be posted to ownline. */
export interface FakeText {
  readonly from: string;
  readonly to: string;
  readonly body: string;
  readonly media?: readonly Media[];
  /** The provider's id. The same id twice is the same text. @default a new one */
  readonly id?: string;
  readonly service?: string | null;
  readonly optOut?: ReceivedMessage["optOut"];
  /** Unix milliseconds; `null` for a provider that does not say it. @default null */
  readonly occurredAt?: number | null;
}

/** What the provider reports about a text that it took. */
export interface FakeStatusCallback {
  readonly providerMessageId: string;
  readonly status: ProviderStatus;
  readonly error?: MessageError | null;
  readonly optOut?: boolean;
}

/** A text that the fake provider took from ownline. */
export interface FakeSent extends ProviderMessage {
  readonly outboundId: string;
  readonly attempt: number;
}

/** A provider in memory: it sends no SMS, and records every call. */
export interface FakeTransport extends Transport {
  /** Every call of `send`, oldest first, also the failed ones. */
  readonly sends: readonly SendRequest[];
  /** The texts that the provider took, oldest first: a real one would have sent an SMS for each. */
  readonly taken: readonly FakeSent[];
  /** The auto-replies in the answers to webhooks, oldest first. A repeated one is listed again. */
  readonly autoReplies: readonly SendRequest[];
  /** Sets the results of the next sends. They come before `respond`. */
  answerNext(...answers: readonly FakeAnswer[]): void;
  /** Makes the webhook of a person's text: `await sms.fetch(provider.text({ … }))`. */
  text(text: FakeText): Request;
  /** Makes the status callback of a text that the provider took, or of one that it does not know. */
  report(callback: FakeStatusCallback): Request;
}

const HEADER = "X-Fake-Transport";
/** The largest number that `ListInboundQuery.unrecorded` takes. */
const PAGE_SIZE = 1000;
const CAPABILITIES: TransportCapabilities = {
  maxBodyLength: 1600,
  maxMedia: 10,
  statusCallbacks: true,
  autoReply: true,
  lists: true,
};

/**
 * A transport for tests: in process, without HTTP, on any platform. It accepts webhooks by a secret of its own, so a
 * webhook of another fake transport is refused.
 *
 * @example
 * ```ts
 * import { fakeTransport } from "ownline/testing";
 *
 * const provider = fakeTransport();
 * provider.answerNext({ kind: "lost" });
 * const webhook = provider.text({ from: "+12345678900", to: "+15703251809", body: "Hello!" });
 * ```
 */
export function fakeTransport(options: FakeTransportOptions = {}): FakeTransport {
  const { respond = () => null, now = Date.now, webhookUrl = "https://provider.test/webhook" } = options;
  const secret = crypto.randomUUID();
  const sends: SendRequest[] = [];
  const taken: FakeSent[] = [];
  const autoReplies: SendRequest[] = [];
  const answers: FakeAnswer[] = [];
  const inbound = new Map<string, { readonly message: ReceivedMessage; readonly createdAt: number }>();
  const webhooks = new Map<string, ReceivedWebhook>();

  /** Where the test does not move the clock, the sleep would never end. */
  const asOfNow = (): number | null => (options.now === undefined ? null : now());

  function take(request: SendRequest, providerMessageId: string, status: ProviderStatus): void {
    const { from, to, body, media, outboundId, attempt } = request;
    const mediaCount = media.length;
    taken.push({ providerMessageId, from, to, body, mediaCount, status, createdAt: now(), outboundId, attempt });
  }

  function webhook(content: ReceivedWebhook): Request {
    const id = `webhook-${webhooks.size + 1}`;
    webhooks.set(id, content);
    return new Request(webhookUrl, {
      method: "POST",
      headers: { "Content-Type": "text/plain", [HEADER]: secret },
      body: id,
    });
  }

  return {
    name: "fake-transport",
    capabilities: { ...CAPABILITIES, ...options.capabilities },
    sends,
    taken,
    autoReplies,

    async send(request) {
      sends.push(request);
      const providerMessageId = `fake-${sends.length}`;
      const answer = answers.shift() ?? (await respond(request)) ?? accepted(providerMessageId);
      if (answer.kind === "lost") {
        take(request, providerMessageId, "accepted");
        return { kind: "unknown", error: { code: null, reason: "the fake provider's answer was lost" } };
      }
      if (answer.kind === "accepted") take(request, answer.providerMessageId, answer.status);
      return answer;
    },

    async receive({ method, headers, body }) {
      if (method !== "POST") return rejected(405, "The fake provider uses POST.");
      const given = headers.get(HEADER);
      if (given === null) return rejected(400, `The ${HEADER} header is missing.`);
      if (given !== secret) return rejected(403, "The webhook is of another fake provider.");
      return webhooks.get(body) ?? { kind: "ignored", reason: "the fake provider did not make this webhook" };
    },

    acknowledge(autoReply) {
      if (autoReply !== null) {
        autoReplies.push(autoReply);
        // A repeated webhook gets the same answer, and the provider acts on the first answer only.
        const isNew = taken.every(({ outboundId }) => outboundId !== autoReply.outboundId);
        if (isNew) take(autoReply, `fake-reply-${autoReplies.length}`, "accepted");
      }
      return new Response(autoReply?.body ?? "");
    },

    async find({ from, to, since }) {
      const messages = taken
        .filter((message) => message.from === from && message.to === to && message.createdAt >= since)
        .toReversed();
      return { messages, asOf: asOfNow() };
    },

    async listInbound({ to, since, unrecorded = async (keys) => keys }) {
      const asOf = asOfNow();
      const from = typeof since === "number" ? since : now() - since.lastMs;
      const found = [...inbound.values()]
        .filter(({ message, createdAt }) => message.to === to && createdAt >= from)
        .map(({ message, createdAt }) => ({ ...message, occurredAt: createdAt }));
      const missing = new Set<string>();
      for (let at = 0; at < found.length; at += PAGE_SIZE) {
        const keys = found.slice(at, at + PAGE_SIZE).map(({ key }) => key);
        for (const key of await unrecorded(keys)) missing.add(key);
      }
      const listed = found.filter(({ key }) => missing.has(key));
      return { messages: listed.toSorted((a, b) => a.occurredAt - b.occurredAt), asOf };
    },

    async senders() {
      return (options.senders ?? []).map((sender) =>
        typeof sender === "string" ? { address: sender, capabilities: ["sms", "mms"], webhookUrl } : sender,
      );
    },

    answerNext: (...next) => void answers.push(...next),

    text({ from, to, body, media = [], id, service = null, optOut = null, occurredAt = null }) {
      const providerMessageId = id ?? `fake-text-${inbound.size + 1}`;
      const key = `fake:${providerMessageId}`;
      const message: ReceivedMessage = { key, providerMessageId, from, to, service, body, media, optOut, occurredAt };
      if (!inbound.has(key)) inbound.set(key, { message, createdAt: occurredAt ?? now() });
      return webhook({ kind: "inbound", message });
    },

    report({ providerMessageId, status, error = null, optOut = false }) {
      const index = taken.findIndex((message) => message.providerMessageId === providerMessageId);
      const message = taken[index];
      if (message !== undefined) taken[index] = { ...message, status };
      const { outboundId = null, attempt = null } = message ?? {};
      return webhook({
        kind: "status",
        callback: { outboundId, attempt, providerMessageId, status, rawStatus: status, error, optOut },
      });
    },
  };
}

function accepted(providerMessageId: string): SendResult {
  return { kind: "accepted", providerMessageId, status: "accepted", rawStatus: "queued" };
}

function rejected(httpStatus: WebhookRejection["httpStatus"], reason: string): WebhookRejection {
  return { kind: "rejected", httpStatus, reason, log: `${reason} Post what text() and report() return.` };
}
