import { setTimeout as sleepFor } from "node:timers/promises";
import type { AsyncDisposing } from "../../async-disposing.ts";
import { OwnlineError } from "../../errors.ts";
import { type CallResponse, createCaller } from "./twilio-emulator/caller.ts";
import { checkOutcome, createDelivery, type EmulatedOutcome } from "./twilio-emulator/delivery.ts";
import { createFaults, type Faults } from "./twilio-emulator/faults.ts";
import { createInbound, type EmulatedText, type EmulatedTextResult } from "./twilio-emulator/inbound.ts";
import {
  createLedger,
  type EmulatedAlert,
  type EmulatedMessage,
  type EmulatedNumber,
  type EmulatedService,
  type EmulatedStatus,
} from "./twilio-emulator/ledger.ts";
import { type ApiOutcome, createRestApi } from "./twilio-emulator/rest-api.ts";
import { createEmulatorServer } from "./twilio-emulator/server.ts";

export interface TwilioEmulatorOptions {
  /** The numbers that the account owns: `+15703251809`, or a number with its settings. A bare number uses `smsUrl`. */
  readonly numbers: readonly (string | EmulatedNumber)[];
  /** The webhook of every number that has no webhook of its own. @default none */
  readonly smsUrl?: string;
  /** The Messaging Services of the account. @default none */
  readonly services?: readonly EmulatedService[];
  /** @default "AC" and 32 zeros */
  readonly accountSid?: string;
  /** @default "emulated-auth-token" */
  readonly authToken?: string;
  /** API keys that the emulator accepts: secrets by their SID. @default none */
  readonly apiKeys?: Readonly<Record<string, string>>;
  /** Numbers of other Twilio accounts. Sending from one of them is refused with 21660. @default none */
  readonly foreignNumbers?: readonly string[];
  /**
   * Posts webhooks and callbacks. Give a function to call an application in the same process. @default the global fetch
   */
  readonly deliver?: (request: Request) => Promise<Response>;
  /** The port for `listen()`. If it is taken, the next free one. @default 0, any free port */
  readonly port?: number;
  /** With `manual`, a message keeps its first status until {@link TwilioEmulator.report}. @default "automatic" */
  readonly statuses?: "automatic" | "manual";
  /** The time between two statuses of a message, in milliseconds. @default 0 */
  readonly statusDelayMs?: number;
  /** How long the application may take to answer, in milliseconds. @default 15000, as Twilio's */
  readonly webhookTimeoutMs?: number;
  /** The emulator refuses more requests than this in a second with 429. @default no limit */
  readonly maxRequestsPerSecond?: number;
  /** Unix milliseconds. @default Date.now */
  readonly now?: () => number;
}

/** A request to the emulated REST API. */
export interface EmulatedRequest {
  readonly method: string;
  readonly path: string;
  /** Query and form, decoded; a repeated name is a list. */
  readonly params: Readonly<Record<string, string | readonly string[]>>;
  /** The HTTP status of the answer; `null` where the connection broke or no answer came. */
  readonly httpStatus: number | null;
  /** Unix milliseconds. */
  readonly at: number;
}

/** A Twilio account that exists only in this process. */
export interface TwilioEmulator extends AsyncDisposing {
  /** For `twilio({ ...emulator.credentials, … })`. */
  readonly credentials: { readonly accountSid: string; readonly authToken: string };
  /**
   * Twilio's API in process, for `twilio({ fetch: emulator.fetch })`. The host of a URL does not matter.
   */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /**
   * The API's base URL, for `twilio({ apiUrl: emulator.url })`.
   *
   * @throws OwnlineError `invalid_state` before `listen()` and after `close()`.
   */
  readonly url: string;
  /** Starts the HTTP server on 127.0.0.1 and resolves to its URL. If the port is taken, it uses the next free one. */
  listen(port?: number): Promise<string>;
  /** Stops the server, the statuses and requests that hang. The messages stay readable. */
  close(): Promise<void>;

  /** Every text, inbound and outbound, oldest first, as the provider has recorded it. */
  readonly messages: readonly EmulatedMessage[];
  /** Every request to the API, oldest first, also the refused ones. */
  readonly requests: readonly EmulatedRequest[];
  /** The errors that Twilio's console would show: webhooks that failed, TwiML that is wrong. */
  readonly alerts: readonly EmulatedAlert[];
  /** The faults that happen next. */
  readonly faults: Faults;

  /**
   * A person texts one of the numbers. The emulator records the text and posts it, signed, to the number's webhook.
   * Resolves when the application has answered the webhook. Statuses of replies may come later, see
   * {@link TwilioEmulator.idle}.
   *
   * The emulator answers STOP, START and HELP, and applies a STOP, before it calls the webhook.
   *
   * @throws OwnlineError `invalid_address` where the account does not own `to`.
   */
  text(text: EmulatedText): Promise<EmulatedTextResult>;
  /**
   * Posts the webhook of a text once more.
   *
   * @throws OwnlineError `not_found` for a text that was never sent, or whose number has no webhook.
   */
  redeliver(sid: string): Promise<CallResponse | null>;
  /** Gives a message a status, and posts this status to the message's callback. */
  report(sid: string, status: EmulatedStatus, errorCode?: number): Promise<void>;
  /**
   * Sets the final status of messages to this person from now on. Without it, messages end as `delivered`.
   *
   * @throws OwnlineError `invalid_options` for a status that is not final, such as `queued`.
   */
  setOutcome(to: string, outcome: EmulatedOutcome): void;
  /**
   * Sets the webhook of a number, as the console does.
   *
   * @throws OwnlineError `not_found` where the account does not own the number.
   */
  setWebhook(phoneNumber: string, smsUrl: string): void;
  /** Resolves when no further status is planned. */
  idle(): Promise<void>;
  /** Calls a function for every text that is added or changes. Returns a function that stops this. */
  onMessage(listener: (message: EmulatedMessage) => void): () => void;
}

const DEFAULT_ACCOUNT_SID = `AC${"0".repeat(32)}`;
const DEFAULT_AUTH_TOKEN = "emulated-auth-token";
const DEFAULT_TIMEOUT_MS = 15_000;

/**
 * Twilio Messaging without Twilio: the REST API, signed webhooks, status callbacks, opt-out, and the same errors for
 * the same mistakes. It needs no account and costs nothing. Requests stay on this machine, unless a webhook URL points
 * elsewhere.
 *
 * @example
 * ```ts
 * import { twilio } from "ownline/transport/twilio";
 * import { twilioEmulator } from "ownline/testing/node";
 *
 * const emulator = twilioEmulator({ numbers: ["+15703251809"] });
 * const transport = twilio({
 *   ...emulator.credentials,
 *   webhookUrl: "http://127.0.0.1:3000/api/webhooks/sms",
 *   fetch: emulator.fetch,
 * });
 * ```
 */
export function twilioEmulator(options: TwilioEmulatorOptions): TwilioEmulator {
  const { accountSid = DEFAULT_ACCOUNT_SID, authToken = DEFAULT_AUTH_TOKEN, smsUrl } = options;
  const closing = new AbortController();
  const running = new Set<Promise<void>>();
  const outcomes = new Map<string, EmulatedOutcome>();
  const certain = new Map<string, EmulatedOutcome>();
  const requests: EmulatedRequest[] = [];

  const faults = createFaults();
  const ledger = createLedger({
    accountSid,
    numbers: options.numbers.map((number) => {
      const given = typeof number === "string" ? { phoneNumber: number } : number;
      return smsUrl === undefined ? given : { smsUrl, ...given };
    }),
    services: options.services ?? [],
    now: options.now ?? Date.now,
  });
  const call = createCaller({
    authToken,
    deliver: options.deliver ?? ((request) => fetch(request)),
    timeoutMs: options.webhookTimeoutMs ?? DEFAULT_TIMEOUT_MS,
    signal: closing.signal,
  });
  const delivery = createDelivery({
    ledger,
    faults,
    call,
    outcomeOf: ({ sid, to }) => certain.get(sid) ?? outcomes.get(to) ?? { status: "delivered" },
    pause: () => sleep(options.statusDelayMs ?? 0),
  });
  const inbound = createInbound({ ledger, faults, call, dispatch });
  const answer = createRestApi({
    ledger,
    faults,
    credentials: new Set(
      [[accountSid, authToken], ...Object.entries(options.apiKeys ?? {})].map((pair) => pair.join(":")),
    ),
    foreignNumbers: new Set(options.foreignNumbers),
    maxRequestsPerSecond: options.maxRequestsPerSecond ?? Number.POSITIVE_INFINITY,
    sleep,
    dispatch,
  });
  const server = createEmulatorServer(handle);

  /** Sleeps for a time, or until the emulator closes. */
  async function sleep(ms: number): Promise<void> {
    try {
      await sleepFor(ms, undefined, { signal: closing.signal });
    } catch (error) {
      if (!closing.signal.aborted) throw error;
    }
  }

  function dispatch(message: EmulatedMessage, outcome?: EmulatedOutcome): void {
    if (outcome !== undefined) certain.set(message.sid, outcome);
    if (options.statuses === "manual") return;
    // The callback comes after the answer. The answer leaves before the next timers run.
    const run = sleep(0)
      .then(() => (closing.signal.aborted ? undefined : delivery.run(message.sid)))
      .finally(() => running.delete(run));
    running.add(run);
  }

  async function handle(method: string, url: URL, headers: Headers, body: string): Promise<ApiOutcome> {
    const form = new URLSearchParams(body);
    const outcome = await answer(method, url, headers.get("Authorization"), form);
    requests.push({
      method,
      path: url.pathname,
      params: recordOf([...url.searchParams, ...form]),
      httpStatus: typeof outcome === "string" ? null : outcome.httpStatus,
      at: ledger.now(),
    });
    return outcome;
  }

  async function fetchInProcess(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    request.signal.throwIfAborted();
    const work = request.text().then((body) => handle(request.method, new URL(request.url), request.headers, body));
    const outcome = await Promise.race([work, aborted(request.signal).then(() => "aborted" as const)]);
    request.signal.throwIfAborted();
    if (outcome === "hang") await Promise.race([aborted(request.signal), aborted(closing.signal)]);
    request.signal.throwIfAborted();
    if (typeof outcome === "string") {
      const cause = Object.assign(new Error("the emulator broke the connection"), { code: "ECONNRESET" });
      throw new TypeError("fetch failed", { cause });
    }
    const { httpStatus, headers, body } = outcome;
    return new Response(httpStatus === 204 ? null : body, { status: httpStatus, headers });
  }

  async function idle(): Promise<void> {
    while (running.size > 0) await Promise.all(running);
  }

  async function close(): Promise<void> {
    closing.abort();
    await server.close();
    await idle();
  }

  return {
    credentials: { accountSid, authToken },
    fetch: fetchInProcess,
    get url() {
      if (server.url !== undefined) return server.url;
      throw new OwnlineError("invalid_state", "The emulator has no URL: await emulator.listen() first.");
    },
    listen: (port = options.port ?? 0) => server.listen(port),
    close,
    messages: ledger.messages,
    requests,
    alerts: ledger.alerts,
    faults,
    text: (text) => inbound.text(text),
    redeliver: (sid) => inbound.redeliver(sid),
    report: (sid, status, errorCode) => delivery.report(sid, status, errorCode),
    setOutcome(to, outcome) {
      checkOutcome(outcome);
      outcomes.set(to, outcome);
    },
    setWebhook(phoneNumber, url) {
      const number = ledger.numbers.get(phoneNumber);
      if (number === undefined) throw new OwnlineError("not_found", "The emulator's account does not own this number.");
      ledger.numbers.set(phoneNumber, { ...number, smsUrl: url });
    },
    idle,
    onMessage: (listener) => ledger.onChange(listener),
    [Symbol.asyncDispose]: close,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function recordOf(pairs: readonly (readonly [string, string])[]): Record<string, string | string[]> {
  const found: Record<string, string | string[]> = {};
  for (const [name, value] of pairs) {
    const before = found[name];
    found[name] = before === undefined ? value : [before, value].flat();
  }
  return found;
}
