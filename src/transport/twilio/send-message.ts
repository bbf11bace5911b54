import { OwnlineError } from "../../errors.ts";
import { apiUrlFault } from "./api-url.ts";
import { codeIn, jsonObject, LOOK_FIRST, leavesOpen } from "./errors.ts";
import {
  type CreateMessage,
  type FetchFunction,
  type RestAnswer,
  type RestFailure,
  restByFetch,
  TWILIO_API_URL,
} from "./rest.ts";

/** The input of {@link sendMessage}: credentials, and one text. */
export interface SendMessageInput {
  /** `AC…`, also where an API key is used. */
  readonly accountSid: string | undefined;
  /** The account's auth token, or the secret of the API key. */
  readonly secret: string | undefined;
  /** `SK…`, where the secret belongs to an API key. */
  readonly apiKeySid?: string | undefined;
  /**
   * The text, with the names of Twilio's official client. Put your own id into the query of `statusCallback`: each
   * status brings it back, also where the answer to the send was lost.
   */
  readonly message: CreateMessage;
  readonly signal?: AbortSignal | undefined;
  /** How long the request may take until its answer is read, in milliseconds. @default 15000 */
  readonly timeoutMs?: number | undefined;
  /** A base URL other than `https://api.twilio.com`, without a slash at its end. */
  readonly apiUrl?: string | undefined;
  /** Allows an `http:` `apiUrl` on another machine, unencrypted: see the option of `twilio()`. @default false */
  readonly unsafeHttpApiUrl?: boolean | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: FetchFunction | undefined;
}

/**
 * The outcome of one request to send.
 *
 * - `accepted`: Twilio took the text; `status` is Twilio's own word, for example `queued`
 * - `refused`: Twilio refused the text. `classifyError(result)` says what to do, and `parseRetryAfter` says when
 * - `unreached`: the request never reached Twilio, so it may be repeated
 * - `unknown`: the text may have been sent. Wait until a status callback or the account's list has settled it
 *
 * A `reason` is a sentence for a log, without numbers, texts or secrets.
 */
export type SendOutcome =
  | { readonly kind: "accepted"; readonly sid: string; readonly status: string }
  | {
      readonly kind: "refused";
      readonly httpStatus: number;
      /** Twilio's code, for example 21610 after a STOP: https://www.twilio.com/docs/api/errors */
      readonly code: number | undefined;
      /** The `Retry-After` header: seconds or a date. */
      readonly retryAfter: string | null;
    }
  | { readonly kind: "unreached"; readonly reason: string }
  | { readonly kind: "unknown"; readonly code: number | undefined; readonly reason: string };

/**
 * Sends one text, once. It repeats nothing, and does not throw for an error of Twilio or the network. It is for
 * services that store their messages themselves. `twilio()` is the whole transport, with the same rules.
 *
 * @throws OwnlineError `invalid_options` where a credential is missing, or where `apiUrl` holds one or is `http:` to
 * another machine.
 * @see https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
 *
 * @example
 * ```ts
 * import { classifyError, sendMessage } from "ownline/transport/twilio";
 *
 * const result = await sendMessage({
 *   accountSid: process.env.TWILIO_ACCOUNT_SID,
 *   secret: process.env.TWILIO_AUTH_TOKEN,
 *   message: { from: "+15703251809", to: "+12345678900", body: "Your table is ready." },
 * });
 * if (result.kind === "refused") console.warn(classifyError(result).remedy);
 * ```
 */
export async function sendMessage(input: SendMessageInput): Promise<SendOutcome> {
  const { accountSid, secret, apiKeySid = accountSid, message, signal, timeoutMs = 15_000 } = input;
  if (!accountSid || !secret || !apiKeySid) {
    throw new OwnlineError(
      "invalid_options",
      "accountSid, secret or apiKeySid is empty: is an environment variable missing?",
    );
  }
  const { apiUrl = TWILIO_API_URL, unsafeHttpApiUrl = false } = input;
  const fault = apiUrlFault(apiUrl, { allowHttp: unsafeHttpApiUrl });
  if (fault !== undefined) throw new OwnlineError("invalid_options", fault);
  const rest = restByFetch({
    accountSid,
    username: apiKeySid,
    password: secret,
    apiUrl,
    timeoutMs,
    fetch: input.fetch,
  });
  return settle(await rest.create(message, signal));
}

/**
 * The outcome of a create call. Only an answer that names a message is `accepted`. Only an answer by which Twilio
 * certainly took nothing is `refused`. With any other answer the text may have been sent.
 */
export function settle(outcome: RestAnswer | RestFailure): SendOutcome {
  if (outcome.kind === "failure") {
    const { neverLeft, reason } = outcome;
    return neverLeft ? { kind: "unreached", reason } : { kind: "unknown", code: undefined, reason };
  }
  const { httpStatus, retryAfter } = outcome;
  const body = jsonObject(outcome.body);
  if (httpStatus >= 200 && httpStatus < 300 && typeof body.sid === "string" && body.sid !== "") {
    return { kind: "accepted", sid: body.sid, status: typeof body.status === "string" ? body.status : "" };
  }
  if (isRedirect(outcome)) {
    return {
      kind: "unreached",
      reason: "the server answered with a redirect: set apiUrl to Twilio's API, or leave it out",
    };
  }
  const code = codeIn(body);
  if (!leavesOpen(httpStatus, code)) return { kind: "refused", httpStatus, code, retryAfter };
  return { kind: "unknown", code, reason: `Twilio answered with HTTP ${httpStatus}: ${LOOK_FIRST}` };
}

/** Whether the answer is a redirect. Redirects are not followed, so the server that sent it took nothing. */
export function isRedirect(outcome: RestAnswer | RestFailure): boolean {
  return outcome.kind === "answer" && outcome.httpStatus >= 300 && outcome.httpStatus < 400;
}
