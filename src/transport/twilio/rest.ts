/** One text as Twilio's create call takes it, with the names of the official client. */
export interface CreateMessage {
  readonly to: string;
  readonly from?: string;
  readonly messagingServiceSid?: string;
  readonly body?: string;
  readonly mediaUrl?: string[];
  /** The seconds after which Twilio drops a text that it has not sent. */
  readonly validityPeriod?: number;
  /** The URL to which Twilio posts the statuses of this text. */
  readonly statusCallback?: string;
}

/**
 * The parts of the official `twilio` client that ownline uses: only these two calls.
 *
 * @see https://www.twilio.com/docs/libraries/reference/twilio-node/
 */
export interface TwilioClient {
  readonly accountSid: string;
  readonly messages: {
    create(message: CreateMessage): Promise<{ readonly sid: string; readonly status: string }>;
  };
  /** Resolves to `{ statusCode, body, headers }` for any status. */
  request(options: { readonly method: "get"; readonly uri: string }): Promise<unknown>;
}

/** A `fetch` function: the global one, one with a proxy agent, or an emulator's. */
export type FetchFunction = (url: string, init: RequestInit) => Promise<Response>;

/** Twilio answered, with any status. */
export interface RestAnswer {
  readonly kind: "answer";
  readonly httpStatus: number;
  readonly retryAfter: string | null;
  /** Twilio's clock: the answer's `Date`; `null` where it has none. */
  readonly date: string | null;
  readonly body: string;
}

/** No answer came. */
export interface RestFailure {
  readonly kind: "failure";
  /** Whether the request certainly never reached Twilio. */
  readonly neverLeft: boolean;
  /** A sentence for a log, without numbers, texts or secrets. */
  readonly reason: string;
}

/** Twilio's REST API, one request for each call. It repeats no request, and never throws. */
export interface TwilioRest {
  readonly accountSid: string;
  /** The base URL of the API. Links such as `next_page_uri` must have its origin. */
  readonly apiUrl: string;
  create(message: CreateMessage, signal?: AbortSignal): Promise<RestAnswer | RestFailure>;
  get(url: string): Promise<RestAnswer | RestFailure>;
}

export interface FetchRestOptions {
  readonly accountSid: string;
  /** The user of HTTP Basic authentication: the account's SID or an API key's. */
  readonly username: string;
  readonly password: string;
  readonly apiUrl: string;
  readonly timeoutMs: number;
  readonly fetch: FetchFunction | undefined;
}

export const TWILIO_API_URL = "https://api.twilio.com";

/** The path of a resource of the account, for example `Messages.json`. */
export function accountPath(rest: Pick<TwilioRest, "accountSid" | "apiUrl">, resource: string): string {
  return `${rest.apiUrl}/2010-04-01/Accounts/${encodeURIComponent(rest.accountSid)}/${resource}`;
}

/**
 * Twilio's REST API over `fetch`. Redirects are not followed: they would carry the text to another host.
 *
 * @see https://www.twilio.com/docs/usage/requests-to-twilio
 */
export function restByFetch(options: FetchRestOptions): TwilioRest {
  const { accountSid, apiUrl, timeoutMs } = options;
  const credentials = new TextEncoder().encode(`${options.username}:${options.password}`);
  const Authorization = `Basic ${btoa(String.fromCharCode(...credentials))}`;

  function request(url: string, form?: URLSearchParams, signal?: AbortSignal): Promise<RestAnswer | RestFailure> {
    return within(timeoutMs, signal, async (limit) => {
      const response = await (options.fetch ?? fetch)(url, {
        method: form ? "POST" : "GET",
        headers: { Authorization, ...(form && { "Content-Type": "application/x-www-form-urlencoded" }) },
        body: form?.toString() ?? null,
        redirect: "manual",
        signal: limit,
      });
      return {
        kind: "answer",
        httpStatus: response.status,
        retryAfter: response.headers.get("Retry-After"),
        date: response.headers.get("Date"),
        body: await response.text(),
      };
    });
  }

  return {
    accountSid,
    apiUrl,
    create: (message, signal) => request(accountPath({ accountSid, apiUrl }, "Messages.json"), formOf(message), signal),
    get: (url) => request(url),
  };
}

/**
 * Twilio's REST API through the official client, with the client's own credentials, edge, region and HTTP agent.
 *
 * A client made with `autoRetry` repeats 429 answers by itself, which is safe: Twilio did not look at those requests.
 */
export function restByClient(client: TwilioClient, timeoutMs: number): TwilioRest {
  return {
    accountSid: client.accountSid,
    apiUrl: TWILIO_API_URL,
    create: (message, signal) =>
      within(timeoutMs, signal, async () => {
        try {
          const { sid, status } = await client.messages.create(message);
          const body = JSON.stringify({ sid, status });
          return { kind: "answer", httpStatus: 201, retryAfter: null, date: null, body };
        } catch (error) {
          const answer = answerIn(error);
          if (answer === undefined) throw error;
          return answer;
        }
      }),
    get: (url) =>
      within(timeoutMs, undefined, async () => {
        const { statusCode, body, headers } = fieldsOf(await client.request({ method: "get", uri: url }));
        const { date } = fieldsOf(headers);
        return {
          kind: "answer",
          httpStatus: typeof statusCode === "number" ? statusCode : 0,
          retryAfter: null,
          date: typeof date === "string" ? date : null,
          body: typeof body === "string" ? body : JSON.stringify(body ?? null),
        };
      }),
  };
}

/** The fields of a value; none where the value is not an object. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function formOf(message: CreateMessage): URLSearchParams {
  const { to, from, messagingServiceSid, body, mediaUrl = [], validityPeriod, statusCallback } = message;
  const form = new URLSearchParams({ To: to });
  const fields: readonly [name: string, value: string | undefined][] = [
    ["From", from],
    ["MessagingServiceSid", messagingServiceSid],
    ["Body", body],
    ...mediaUrl.map((url): [string, string] => ["MediaUrl", url]),
    ["ValidityPeriod", validityPeriod?.toString()],
    ["StatusCallback", statusCallback],
  ];
  for (const [name, value] of fields) {
    if (value !== undefined) form.append(name, value);
  }
  return form;
}

/**
 * The HTTP answer in an error of the client. The client throws a RestException, which has the status and Twilio's code.
 */
function answerIn(error: unknown): RestAnswer | undefined {
  // The client parses the body only of a successful answer, so the status was a success.
  if (error instanceof SyntaxError) return { kind: "answer", httpStatus: 201, retryAfter: null, date: null, body: "" };
  if (!(error instanceof Error) || !("status" in error) || typeof error.status !== "number") return undefined;
  const code = "code" in error ? error.code : undefined;
  // A network error of the client's HTTP library may have a status too. Its code is a word, not a number.
  if (typeof code === "string") return undefined;
  return { kind: "answer", httpStatus: error.status, retryAfter: null, date: null, body: JSON.stringify({ code }) };
}

/**
 * Limits the time of a request. The official client cannot be aborted, so an answer after the limit is ignored.
 * Twilio's callback then settles the message.
 */
async function within(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: (limit: AbortSignal) => Promise<RestAnswer>,
): Promise<RestAnswer | RestFailure> {
  if (signal?.aborted) return failure("it was called off before it was sent", true);
  const limit = new AbortController();
  let stop = (_reason: string): void => {};
  const stopped = new Promise<RestFailure>((resolve) => {
    stop = (reason) => {
      resolve(failure(reason));
      limit.abort();
    };
  });
  const callOff = (): void => stop("it was called off before Twilio answered");
  const timer = setTimeout(() => stop(`Twilio did not answer within ${timeoutMs} ms`), timeoutMs);
  signal?.addEventListener("abort", callOff);
  try {
    const answer = work(limit.signal).catch((error: unknown) => (limit.signal.aborted ? stopped : failureOf(error)));
    return await Promise.race([answer, stopped]);
  } finally {
    clearTimeout(timer);
    // Removes the listener, because a caller's signal may live as long as the process.
    signal?.removeEventListener("abort", callOff);
  }
}

function failure(reason: string, neverLeft = false): RestFailure {
  return { kind: "failure", neverLeft, reason };
}

function failureOf(error: unknown): RestFailure {
  const { code, neverLeft } = traceOf(error);
  const broke = neverLeft
    ? "no connection to Twilio could be made"
    : "the connection to Twilio broke before its answer came";
  return failure(broke + (code && ` (${code})`), neverLeft);
}

// These errors come while connecting, before any byte of the request was written.
const BEFORE_THE_REQUEST = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|\w*CERT(_\w+)?|UNABLE_TO_\w+)$/;

/**
 * The innermost code of an error, for example `ECONNRESET`, empty where there is none; and whether the request
 * certainly never left. Where several addresses were tried, the error of each address must show that.
 */
function traceOf(error: unknown): { readonly code: string; readonly neverLeft: boolean } {
  const { code, syscall, errors, cause } = fieldsIn(error);
  const own = typeof code === "string" && /^\w+$/.test(code) ? code : "";
  const inner = cause === undefined || cause === error ? { code: "", neverLeft: false } : traceOf(cause);
  const connecting = syscall === "connect" || syscall === "getaddrinfo" || BEFORE_THE_REQUEST.test(own);
  return {
    code: inner.code || own,
    neverLeft:
      Array.isArray(errors) && errors.length > 0
        ? errors.every((each) => traceOf(each).neverLeft)
        : connecting || inner.neverLeft,
  };
}

function fieldsIn(error: unknown): { code?: unknown; syscall?: unknown; errors?: unknown; cause?: unknown } {
  return typeof error === "object" && error !== null ? error : {};
}
