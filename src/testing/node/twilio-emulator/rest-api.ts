import type { FaultPlan, FaultSubject } from "./faults.ts";
import { type EmulatedMessage, type Ledger, messageJson } from "./ledger.ts";
import { incomingNumber, listMessages, mediaList, page, shortCode } from "./lists.ts";
import { refusalOf } from "./refusals.ts";

/** How a request ends: with an answer, with a broken connection, or never. */
export type ApiOutcome =
  | { readonly httpStatus: number; readonly headers: Record<string, string>; readonly body: string }
  | "drop"
  | "hang";

export interface RestApiOptions {
  readonly ledger: Ledger;
  readonly faults: FaultPlan;
  /** The accepted user and password pairs, as `user:password`. */
  readonly credentials: ReadonlySet<string>;
  /** Numbers of other accounts, which are refused with 21660. */
  readonly foreignNumbers: ReadonlySet<string>;
  /** The emulator refuses more requests than this in a second with 20429. */
  readonly maxRequestsPerSecond: number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Starts the statuses of a message that was created. */
  readonly dispatch: (message: EmulatedMessage) => void;
}

export type RestApi = (
  method: string,
  url: URL,
  authorization: string | null,
  form: URLSearchParams,
) => Promise<ApiOutcome>;

const EMPTY: FaultSubject = { from: null, to: "", body: "" };
const SECOND_MS = 1000;
/** @see https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource */
const LONGEST_VALIDITY_S = 36_000;

/**
 * The part of Twilio's REST API that messaging needs.
 *
 * @see https://www.twilio.com/docs/messaging/api
 */
export function createRestApi(options: RestApiOptions): RestApi {
  const { ledger, faults } = options;
  let recent: number[] = [];

  function isTooFast(): boolean {
    const now = ledger.now();
    recent = [...recent.filter((at) => at > now - SECOND_MS), now];
    return recent.length > options.maxRequestsPerSecond;
  }

  async function create(form: URLSearchParams): Promise<ApiOutcome> {
    const subject = { from: form.get("From"), to: form.get("To") ?? "", body: form.get("Body") ?? "" };
    const refused = faults.take(subject, "refuse", "drop-before-accept");
    if (refused?.kind === "drop-before-accept") return "drop";
    if (refused !== undefined) {
      const httpStatus = refused.httpStatus ?? ({ 20429: 429, 20003: 401 }[refused.code] || 400);
      const { retryAfterSeconds } = refused;
      const headers = retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) };
      return failure(httpStatus, refused.code, "Refused by a fault of the emulator.", headers);
    }
    const refusal = refusalOf(ledger, form, options.foreignNumbers);
    if (refusal !== undefined) return failure(refusal.httpStatus, refusal.code, refusal.message);

    const service = form.get("MessagingServiceSid");
    const message = ledger.add({
      direction: "outbound-api",
      from: form.get("From"),
      to: subject.to,
      body: subject.body,
      mediaUrls: form.getAll("MediaUrl"),
      status: service === null ? "queued" : "accepted",
      messagingServiceSid: service,
      statusCallback: form.get("StatusCallback"),
      validityMs: (Number(form.get("ValidityPeriod")) || LONGEST_VALIDITY_S) * SECOND_MS,
    });
    options.dispatch(message);
    const fault = faults.take(subject, "drop-after-accept", "error-after-accept", "hang", "delay");
    switch (fault?.kind) {
      case "drop-after-accept":
        return "drop";
      case "hang":
        return "hang";
      case "error-after-accept":
        return failure(fault.httpStatus ?? 500, 20500, "Internal Server Error");
      case "delay":
        await options.sleep(fault.ms);
        return json(201, messageJson(ledger, message));
      case undefined:
        return json(201, messageJson(ledger, message));
      default:
        return fault satisfies never;
    }
  }

  /** Removes the body, or cancels a message that still waits. */
  function change(message: EmulatedMessage, form: URLSearchParams): ApiOutcome {
    if (form.get("Status") === "canceled") {
      if (message.status !== "accepted" && message.status !== "queued") {
        return failure(400, 30409, "The message is no longer waiting and cannot be canceled.");
      }
      return json(200, messageJson(ledger, ledger.update(message.sid, { status: "canceled" })));
    }
    if (form.get("Body") === "") return json(200, messageJson(ledger, ledger.update(message.sid, { body: "" })));
    return failure(400, 20001, "Only an empty Body and the Status canceled can be set.");
  }

  function list(url: URL): ApiOutcome {
    const subject = { ...EMPTY, from: url.searchParams.get("From"), to: url.searchParams.get("To") ?? "" };
    const lag = faults.take(subject, "lagging-list");
    const until = lag === undefined ? Number.POSITIVE_INFINITY : ledger.now() - (lag.lagMs ?? 60_000);
    const found = listMessages(
      ledger.messages.filter(({ createdAt }) => createdAt <= until),
      url.searchParams,
    );
    return json(
      200,
      page(
        url,
        "messages",
        found.map((message) => messageJson(ledger, message)),
      ),
    );
  }

  async function onMessages(method: string, path: string, url: URL, form: URLSearchParams): Promise<ApiOutcome> {
    const [, sid = "", media] = /^Messages(?:\/(\w+?))?(\/Media)?$/.exec(path) ?? [];
    if (sid === "") return method === "POST" ? create(form) : method === "GET" ? list(url) : notFound(url);
    const message = ledger.get(sid);
    if (message === undefined) return notFound(url);
    if (media !== undefined)
      return method === "GET" ? json(200, page(url, "media_list", mediaList(ledger, message))) : notFound(url);
    if (method === "GET") return json(200, messageJson(ledger, message));
    if (method === "POST") return change(message, form);
    if (method !== "DELETE") return notFound(url);
    ledger.remove(sid);
    return { httpStatus: 204, headers: {}, body: "" };
  }

  const answer: RestApi = async (method, url, authorization, form) => {
    if (!options.credentials.has(credentialsIn(authorization))) return failure(401, 20003, "Authenticate");
    if (isTooFast()) return failure(429, 20429, "Too Many Requests");
    const [, account, path = ""] = /^\/2010-04-01\/Accounts\/([^/.]+)(?:\/(.+))?\.json$/.exec(url.pathname) ?? [];
    if (account !== ledger.accountSid) return notFound(url);
    if (/^Messages(\/|$)/.test(path)) return onMessages(method, path, url, form);
    if (method !== "GET") return notFound(url);
    const numbers = [...ledger.numbers.values()];
    switch (path) {
      case "":
        return json(200, { sid: account, friendly_name: "Emulated account", status: "active", type: "Full" });
      case "IncomingPhoneNumbers": {
        const wanted = url.searchParams.get("PhoneNumber") ?? "";
        const found = numbers.filter(({ phoneNumber }) => phoneNumber.startsWith("+") && phoneNumber.includes(wanted));
        return json(
          200,
          page(
            url,
            "incoming_phone_numbers",
            found.map((number) => incomingNumber(ledger, number)),
          ),
        );
      }
      case "SMS/ShortCodes": {
        const found = numbers.filter(({ phoneNumber }) => /^\d+$/.test(phoneNumber));
        return json(
          200,
          page(
            url,
            "short_codes",
            found.map((number) => shortCode(ledger, number)),
          ),
        );
      }
      default:
        return notFound(url);
    }
  };

  return async (method, url, authorization, form) => {
    // Twilio's clock, in whole seconds, at the beginning of the answer.
    const date = new Date(ledger.now()).toUTCString();
    const outcome = await answer(method, url, authorization, form);
    return typeof outcome === "string" ? outcome : { ...outcome, headers: { ...outcome.headers, Date: date } };
  };
}

function credentialsIn(authorization: string | null): string {
  const [, encoded = ""] = /^Basic\s+(\S+)$/i.exec(authorization ?? "") ?? [];
  return Buffer.from(encoded, "base64").toString("utf8");
}

function notFound(url: URL): ApiOutcome {
  return failure(404, 20404, `The requested resource ${url.pathname} was not found`);
}

function json(httpStatus: number, value: unknown, headers: Record<string, string> = {}): ApiOutcome {
  return { httpStatus, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(value) };
}

/** @see https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions */
function failure(status: number, code: number, message: string, headers: Record<string, string> = {}): ApiOutcome {
  return json(status, { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status }, headers);
}
