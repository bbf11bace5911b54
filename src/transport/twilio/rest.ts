/** One text as Twilio's create call takes it, by the official client's names. */
export interface CreateMessage {
  readonly to: string;
  readonly from?: string;
  readonly messagingServiceSid?: string;
  readonly body?: string;
  readonly mediaUrl?: string[];
  /** Seconds. */
  readonly validityPeriod?: number;
  readonly statusCallback: string;
}

/**
 * What an official `twilio` client must be able to do: nothing but these two calls are made on it.
 *
 * @see https://www.twilio.com/docs/libraries/reference/twilio-node/
 */
export interface TwilioClient {
  readonly accountSid: string;
  readonly messages: {
    create(message: CreateMessage): Promise<{ readonly sid: string; readonly status: string }>;
  };
  /** Resolves to `{ statusCode, body, headers }` whatever the status. */
  request(options: { readonly method: "get"; readonly uri: string }): Promise<unknown>;
}

/** What `fetch` must be able to do: the global one, one behind a proxy agent, an emulator's. */
export type FetchFunction = (url: string, init: RequestInit) => Promise<Response>;

/** Twilio answered, with whatever status. */
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
  /** Whether it is certain that Twilio never saw the request. */
  readonly neverLeft: boolean;
  /** A sentence for a log: no number, text or secret. */
  readonly reason: string;
}

/** Twilio's REST API, one request per call: nothing is repeated, and nothing is thrown. */
export interface TwilioRest {
  readonly accountSid: string;
  /** Where `next_page_uri` and the like lead: the origin that requests may go to. */
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
  const headers = {
    Authorization: `Basic ${btoa(String.fromCharCode(...credentials))}`,
    Accept: "application/json",
  };

  function request(url: string, init: RequestInit, signal?: AbortSignal): Promise<RestAnswer | RestFailure> {
    return within(timeoutMs, signal, async (limit) => {
      const send: FetchFunction = options.fetch ?? fetch;
      const response = await send(url, {
        ...init,
        headers: { ...headers, ...init.headers },
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
    create: (message, signal) =>
      request(
        accountPath({ accountSid, apiUrl }, "Messages.json"),
        {
          method: "POST",
          headers: { "Content-Type": "application/x-www-form-urlencoded" },
          body: formOf(message).toString(),
        },
        signal,
      ),
    get: (url) => request(url, { method: "GET" }),
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

/** The fields of something that may be an object; none where it is not. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function formOf(message: CreateMessage): URLSearchParams {
  const { to, from, messagingServiceSid, body, mediaUrl, validityPeriod, statusCallback } = message;
  const form = new URLSearchParams({ To: to });
  if (from !== undefined) form.append("From", from);
  if (messagingServiceSid !== undefined) form.append("MessagingServiceSid", messagingServiceSid);
  if (body !== undefined) form.append("Body", body);
  for (const url of mediaUrl ?? []) form.append("MediaUrl", url);
  if (validityPeriod !== undefined) form.append("ValidityPeriod", String(validityPeriod));
  form.append("StatusCallback", statusCallback);
  return form;
}

/** The client throws a RestException for an HTTP answer: it has the status, and Twilio's code where there was one. */
function answerIn(error: unknown): RestAnswer | undefined {
  // The client reads the body of a success only, so the status was one.
  if (error instanceof SyntaxError) return { kind: "answer", httpStatus: 201, retryAfter: null, date: null, body: "" };
  if (!(error instanceof Error) || !("status" in error) || typeof error.status !== "number") return undefined;
  const code = "code" in error ? error.code : undefined;
  // A network error of the client's HTTP library may have a status too; its code is a word.
  if (typeof code === "string") return undefined;
  return { kind: "answer", httpStatus: error.status, retryAfter: null, date: null, body: JSON.stringify({ code }) };
}

/** The client cannot be aborted, so an answer that comes after the limit is let go: Twilio's callback will tell. */
async function within(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: (limit: AbortSignal) => Promise<RestAnswer>,
): Promise<RestAnswer | RestFailure> {
  if (signal?.aborted) return { kind: "failure", neverLeft: true, reason: "it was called off before it was sent" };
  const timeout = new AbortController();
  const limit = signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]);
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  const done = new AbortController();
  const stopped = new Promise<RestFailure>((resolve) => {
    const stop = (): void => {
      const reason = timeout.signal.aborted
        ? `Twilio did not answer within ${timeoutMs} ms`
        : "it was called off before Twilio answered";
      resolve({ kind: "failure", neverLeft: false, reason });
    };
    limit.addEventListener("abort", stop, { once: true, signal: done.signal });
  });
  try {
    const answer = work(limit).catch((error: unknown) => (limit.aborted ? stopped : failureOf(error)));
    return await Promise.race([answer, stopped]);
  } finally {
    clearTimeout(timer);
    // A caller's signal may live as long as the process: nothing of this request stays on it.
    done.abort();
  }
}

function failureOf(error: unknown): RestFailure {
  const code = codeOf(error);
  const shown = code === "" ? "" : ` (${code})`;
  return neverLeft(error)
    ? { kind: "failure", neverLeft: true, reason: `no connection to Twilio could be made${shown}` }
    : { kind: "failure", neverLeft: false, reason: `the connection to Twilio broke before its answer came${shown}` };
}

// Each of these is raised while connecting: no byte of the request was written.
const BEFORE_THE_REQUEST =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_CERT_\w+|\w*CERT_\w+|\w+_CERT(_\w+)?|UNABLE_TO_\w+)$/;

/** Whether it is certain that the request never left. Several addresses were tried: all of them must say so. */
function neverLeft(error: unknown): boolean {
  const { code, syscall, errors, cause } = fieldsIn(error);
  if (Array.isArray(errors) && errors.length > 0) return errors.every(neverLeft);
  if (syscall === "connect" || syscall === "getaddrinfo") return true;
  if (typeof code === "string" && BEFORE_THE_REQUEST.test(code)) return true;
  return cause !== undefined && cause !== error && neverLeft(cause);
}

/** The innermost code, for example `ECONNRESET`; empty where there is none. */
function codeOf(error: unknown): string {
  const { code, cause } = fieldsIn(error);
  const inner = cause === undefined || cause === error ? "" : codeOf(cause);
  return inner || (typeof code === "string" && /^\w+$/.test(code) ? code : "");
}

function fieldsIn(error: unknown): { code?: unknown; syscall?: unknown; errors?: unknown; cause?: unknown } {
  return typeof error === "object" && error !== null ? error : {};
}
