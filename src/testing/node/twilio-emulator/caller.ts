import { signRequest } from "../../../transport/twilio/signature.ts";
import { newSid } from "./ledger.ts";

export interface CallerOptions {
  readonly authToken: string;
  /** Posts a request to the application: the global `fetch`, or a function of the application. */
  readonly deliver: (request: Request) => Promise<Response>;
  readonly timeoutMs: number;
  /** Aborted when the emulator closes. */
  readonly signal: AbortSignal;
}

/** The result of a call to the application. */
export interface CallResult {
  /** The last answer; `null` where none came. */
  readonly response: CallResponse | null;
  /** Why no answer came; empty where one came. */
  readonly failure: string;
  /** The number of requests, retries included. */
  readonly tries: number;
}

export interface CallResponse {
  readonly status: number;
  /** `null` where the header is missing. */
  readonly contentType: string | null;
  readonly body: string;
}

/** Calls the application as Twilio does. */
export type Caller = (
  url: string,
  method: "POST" | "GET",
  params: Readonly<Record<string, string>>,
) => Promise<CallResult>;

// The codes of the connection overrides: connect failed, read timed out, HTTP status.
type Trouble = "ct" | "rt" | "4xx" | "5xx";

interface Unanswered {
  readonly trouble: Trouble;
  readonly failure: string;
}

const MAX_RETRIES = 5;

/**
 * Calls a webhook as Twilio does. The request is signed. The fragment is removed from the URL and read as connection
 * overrides; credentials in the URL are removed too. By default only a failed connection is tried again, once.
 * Overrides such as `#rc=5&rp=all` change that.
 *
 * @see https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
 */
export function createCaller({ authToken, deliver, timeoutMs, signal }: CallerOptions): Caller {
  async function once(request: Request): Promise<CallResponse | Unanswered> {
    try {
      const response = await deliver(request);
      return {
        status: response.status,
        contentType: response.headers.get("Content-Type"),
        body: await response.text(),
      };
    } catch (error) {
      return { trouble: isConnectFailure(error) ? "ct" : "rt", failure: String(error) };
    }
  }

  return async (configured, method, params) => {
    const [address = "", fragment = ""] = configured.split("#", 2);
    const overrides = new URLSearchParams(fragment);
    const retries = Math.min(Number(overrides.get("rc") ?? 1) || 0, MAX_RETRIES);
    const retryOn = (overrides.get("rp") ?? "ct").split(",");
    const readTimeoutMs = Math.min(Number(overrides.get("rt")) || timeoutMs, timeoutMs);

    const { bare, authorization } = withoutCredentials(address);
    const joint = bare.includes("?") ? "&" : "?";
    const url = method === "GET" ? `${bare}${joint}${new URLSearchParams(params)}` : bare;
    const headers = {
      "User-Agent": "TwilioProxy/1.1",
      "X-Twilio-Signature": await signRequest({ authToken, url, ...(method === "GET" ? {} : { params }) }),
      "I-Twilio-Idempotency-Token": newSid(""),
      ...authorization,
      ...(method === "GET" ? {} : { "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8" }),
    };
    const content = method === "GET" ? {} : { body: new URLSearchParams(params).toString() };

    let result: CallResult = { response: null, failure: "the emulator was closed", tries: 0 };
    while (result.tries <= retries && !signal.aborted) {
      const tries = result.tries + 1;
      const limit = AbortSignal.any([signal, AbortSignal.timeout(readTimeoutMs)]);
      const outcome = await once(new Request(url, { ...content, method, headers, signal: limit }));
      result =
        "trouble" in outcome
          ? { response: null, failure: outcome.failure, tries }
          : { response: outcome, failure: "", tries };
      const trouble = troubleOf(outcome);
      if (trouble === undefined || !(retryOn.includes("all") || retryOn.includes(trouble))) break;
    }
    return result;
  };
}

function troubleOf(outcome: CallResponse | Unanswered): Trouble | undefined {
  if ("trouble" in outcome) return outcome.trouble;
  if (outcome.status >= 500) return "5xx";
  return outcome.status >= 400 ? "4xx" : undefined;
}

/** Twilio signs a messaging URL without its credentials and sends them as Basic authentication. */
function withoutCredentials(url: string): { bare: string; authorization: Record<string, string> } {
  const { username, password } = new URL(url);
  if (username === "" && password === "") return { bare: url, authorization: {} };
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64");
  return {
    bare: url.replace(/^([^/?#]*:\/\/)[^/?#]*@/, "$1"),
    authorization: { Authorization: `Basic ${credentials}` },
  };
}

function isConnectFailure(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return (
    typeof code === "string" && /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|UND_ERR_CONNECT_TIMEOUT)$/.test(code)
  );
}
