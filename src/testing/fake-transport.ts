import type { ProviderStatus } from "../model/delivery-status.ts";
import type { Media, MessageError } from "../model/message.ts";
import type {
  InboundText,
  OwnedSender,
  ProviderMessage,
  ReceivedWebhook,
  SendRequest,
  SendResult,
  Transport,
  TransportCapabilities,
  WebhookRejection,
} from "../transport/transport.ts";

/** What a send comes to. `lost`: the provider takes it, but its answer never comes, so the send is `unknown`. */
export type FakeAnswer = SendResult | { readonly kind: "lost" };

export interface FakeTransportOptions {
  /** What each send comes to; a promise holds the send up. @default every text is taken */
  readonly respond?: (request: SendRequest) => FakeAnswer | Promise<FakeAnswer>;
  /** What `senders()` reports as owned. @default none */
  readonly senders?: readonly (string | OwnedSender)[];
  /** Where the webhooks claim to have been posted. @default "https://provider.test/webhook" */
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
  /** The provider's id; the same one twice is the same text. @default a new one */
  readonly id?: string;
  readonly service?: string | null;
  readonly optOut?: InboundText["optOut"];
  /** Unix milliseconds; `null` as with providers that do not say. @default null */
  readonly occurredAt?: number | null;
}

/** What the provider says about a text of ours. */
export interface FakeStatusCallback {
  readonly providerMessageId: string;
  readonly status: ProviderStatus;
  readonly error?: MessageError | null;
  readonly optOut?: boolean;
}

/** A text of ours that the fake provider took. */
export interface FakeSent extends ProviderMessage {
  readonly outboundId: string;
  readonly attempt: number;
}

/** A provider in memory: nothing is sent, everything is written down. */
export interface FakeTransport extends Transport {
  /** Every call of `send`, oldest first, also those that failed. */
  readonly sends: readonly SendRequest[];
  /** What the provider took, oldest first: for each, one SMS would have left. */
  readonly taken: readonly FakeSent[];
  /** The auto-replies that rode on webhook answers, oldest first; a repeated one is here again. */
  readonly autoReplies: readonly SendRequest[];
  /** What the next sends come to, before `respond` is asked again. */
  answerNext(...answers: readonly FakeAnswer[]): void;
  /** The webhook of a person's text: `await sms.fetch(provider.text({ … }))`. */
  text(text: FakeText): Request;
  /** The status callback of a text that the provider took, or of one that it does not know. */
  report(report: FakeStatusCallback): Request;
}

const HEADER = "X-Fake-Transport";
/** What `ListInboundQuery.unrecorded` takes at most. */
const PAGE_SIZE = 1000;
const CAPABILITIES: TransportCapabilities = {
  maxBodyLength: 1600,
  maxMedia: 10,
  statusCallbacks: true,
  autoReply: true,
  lists: true,
};

/**
 * A transport for tests: in process, without HTTP, on any platform. Its webhooks are known by a secret of its own, so
 * one fake's webhook means nothing to another.
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
  const texts = new Map<string, { readonly text: InboundText; readonly createdAt: number }>();
  const webhooks = new Map<string, ReceivedWebhook>();

  /** A clock that a test does not move would keep it waiting for ever. */
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
      if (method !== "POST") return rejected(405, "The fake provider posts.");
      const given = headers.get(HEADER);
      if (given === null) return rejected(400, `The ${HEADER} header is missing.`);
      if (given !== secret) return rejected(403, "The webhook is of another fake provider.");
      return webhooks.get(body) ?? { kind: "ignored", reason: "the fake provider did not make this webhook" };
    },

    acknowledge(autoReply) {
      if (autoReply !== null) {
        autoReplies.push(autoReply);
        // A repeated webhook is answered alike, and the provider handles the first answer alone.
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
      const found = [...texts.values()]
        .filter(({ text, createdAt }) => text.to === to && createdAt >= from)
        .map(({ text, createdAt }) => ({ ...text, occurredAt: createdAt }));
      const missing = new Set<string>();
      for (let at = 0; at < found.length; at += PAGE_SIZE) {
        const keys = found.slice(at, at + PAGE_SIZE).map(({ key }) => key);
        for (const key of await unrecorded(keys)) missing.add(key);
      }
      const listed = found.filter(({ key }) => missing.has(key));
      return { texts: listed.toSorted((a, b) => a.occurredAt - b.occurredAt), asOf };
    },

    async senders() {
      return (options.senders ?? []).map((sender) =>
        typeof sender === "string" ? { address: sender, capabilities: ["sms", "mms"], webhookUrl } : sender,
      );
    },

    answerNext: (...next) => void answers.push(...next),

    text({ from, to, body, media = [], id, service = null, optOut = null, occurredAt = null }) {
      const providerMessageId = id ?? `fake-text-${texts.size + 1}`;
      const key = `fake:${providerMessageId}`;
      const text: InboundText = { key, providerMessageId, from, to, service, body, media, optOut, occurredAt };
      if (!texts.has(key)) texts.set(key, { text, createdAt: occurredAt ?? now() });
      return webhook({ kind: "inbound", text });
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
