import { platformHashing } from "../../hmac.ts";
import type {
  ReceivedMessage,
  ReceivedWebhook,
  StatusCallback,
  WebhookRejection,
  WebhookRequest,
} from "../transport.ts";
import { failureOf } from "./errors.ts";
import { likelyCause, shownMethod, shownUrl } from "./refusal-log.ts";
import { attemptOf, providerStatus } from "./send.ts";
import { groupParams, hashes, matchSignature, signedGroups } from "./signature.ts";
import { type InboundWebhook, parseGroups, type StatusWebhook } from "./webhook.ts";

/** The account that a request names, and the tokens that may have signed the request. */
export interface Claimed {
  readonly accountSid: string;
  readonly authTokens: readonly string[];
}

interface UrlOptions {
  readonly webhookUrl: string;
  readonly trustForwardedHeaders: boolean;
}

/** One account, or `claim`, which finds the account by the parameters of a request that is not verified yet. */
export type ReceiveOptions = UrlOptions &
  (Claimed | { readonly claim: (params: URLSearchParams) => Promise<Claimed | WebhookRejection> });

const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";

/** Twilio sends well under 200 parameters, also for a message with ten media. */
const MAX_PARAMETERS = 200;

/**
 * Verifies a request against the configured webhook URL, and reads it. Of the request's own URL only the query is used,
 * which is signed. Its host and path are not trusted, unless the forwarded headers are.
 *
 * The cost of an unsigned request grows linearly with its size: see `test/transport/twilio/growth.test.ts`.
 *
 * @see https://www.twilio.com/docs/usage/security#validating-requests
 */
export async function receive(options: ReceiveOptions, request: WebhookRequest): Promise<ReceivedWebhook> {
  const method = request.method.toUpperCase();
  if (method !== "POST" && method !== "GET") {
    return reject(
      405,
      "Webhooks arrive by POST or GET.",
      `a ${shownMethod(method)} request came to the webhook; Twilio sends POST or GET, so it came from elsewhere`,
    );
  }
  const signature = request.headers.get("X-Twilio-Signature");
  if (!signature) {
    return reject(
      400,
      "The X-Twilio-Signature header is missing.",
      "a request without an X-Twilio-Signature header came to the webhook: it is not from Twilio, or a proxy strips the header",
    );
  }
  const contentType = (request.headers.get("Content-Type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (method === "POST" && contentType !== FORM && contentType !== JSON_TYPE) {
    return reject(
      415,
      `The content type must be ${FORM}.`,
      "a webhook came with a content type that Twilio does not use: a proxy probably rewrote the request, or it is not from Twilio",
    );
  }
  const isForm = method === "POST" && contentType === FORM;
  const query = queryOf(request.url);
  if (parametersIn(query) + (isForm ? parametersIn(request.body) : 0) > MAX_PARAMETERS) {
    return reject(
      413,
      `A webhook has at most ${MAX_PARAMETERS} parameters.`,
      `a webhook came with more than ${MAX_PARAMETERS} parameters, and its signature was not checked; Twilio sends fewer, so it came from elsewhere`,
    );
  }

  const hashing = platformHashing();
  const params = isForm ? new URLSearchParams(request.body) : undefined;
  const claimed = "claim" in options ? await options.claim(params ?? new URLSearchParams(query.slice(1))) : options;
  if ("kind" in claimed) return claimed;
  const { accountSid, authTokens } = claimed;
  const groups = groupParams(params ?? {});
  const urls = candidates(options, request, query);
  const signed =
    method === "POST" && !isForm ? await filterAsync(urls, (url) => hashes(hashing, url, request.body)) : urls;
  const match = await matchSignature(hashing, { authTokens, urls: signed, form: signedGroups(groups), signature });
  if (match === undefined) {
    const cause = likelyCause(
      { accountSid, webhookUrl: options.webhookUrl },
      request,
      params ?? new URLSearchParams(query.slice(1)),
    );
    return reject(
      403,
      "The signature does not match.",
      `a webhook's signature does not match. Tried: ${urls.map((url) => shownUrl(url, options)).join(" , ")} with ${authTokens.length} auth token(s). ${cause}`,
    );
  }
  if (method === "POST" && !isForm) {
    return {
      kind: "ignored",
      reason: "a JSON webhook, which Messaging does not send",
      log: "a signed JSON webhook was acknowledged and ignored: Twilio Event Streams, or another product of Twilio, posts to this URL. ownline reads only the webhooks of Programmable Messaging: give the Event Streams sink another URL",
    };
  }
  const signedQuery = new URLSearchParams(queryOf(match.url).slice(1));
  return read(params === undefined ? groupParams(signedQuery) : groups, signedQuery);
}

/** Counts the parameters without parsing them, at most up to one more than is allowed. */
function parametersIn(form: string): number {
  let count = form === "" ? 0 : 1;
  for (let at = form.indexOf("&"); at !== -1 && count <= MAX_PARAMETERS; at = form.indexOf("&", at + 1)) count += 1;
  return count;
}

// A proxy writes a scheme, and a host with or without a port. Other characters could change the URL's path.
const SCHEME = /^https?$/i;
const HOST = /^(?:[a-z\d._-]{1,253}|\[[\da-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** The URLs that Twilio may have called, the likeliest first. */
function candidates(
  { webhookUrl, trustForwardedHeaders }: UrlOptions,
  request: WebhookRequest,
  query: string,
): string[] {
  const configured = webhookUrl.split("#", 1)[0] ?? "";
  // The query comes from the request: a status callback has the attempt in it, and a GET has all its parameters in it.
  const urls = [configured.split("?", 1)[0] + query];
  if (query === "") urls.push(configured);
  if (trustForwardedHeaders && URL.canParse(request.url)) {
    const { protocol, host, pathname } = new URL(request.url);
    const scheme = firstOf(request.headers.get("X-Forwarded-Proto")) ?? protocol.slice(0, -1);
    const publicHost = firstOf(request.headers.get("X-Forwarded-Host")) ?? host;
    if (SCHEME.test(scheme) && HOST.test(publicHost)) urls.push(`${scheme}://${publicHost}${pathname}${query}`);
  }
  return [...new Set(urls)].filter((url) => URL.canParse(url));
}

function firstOf(header: string | null): string | undefined {
  return header?.split(",", 1)[0]?.trim() || undefined;
}

function queryOf(url: string): string {
  const bare = url.split("#", 1)[0] ?? "";
  const start = bare.indexOf("?");
  return start === -1 ? "" : bare.slice(start);
}

function read(params: ReadonlyMap<string, readonly string[]>, query: URLSearchParams): ReceivedWebhook {
  const webhook = parseGroups(params);
  switch (webhook.kind) {
    case "inbound":
      return { kind: "inbound", message: inboundText(webhook) };
    case "status":
      return statusCallback(webhook, query);
    case "unsupported":
      if (webhook.remedy === null) return { kind: "ignored", reason: webhook.reason };
      return reject(
        400,
        "This is not a webhook of Twilio's Programmable Messaging.",
        `a signed webhook was refused and not stored: ${webhook.reason}. ${webhook.remedy}`,
      );
    default:
      return webhook satisfies never;
  }
}

function inboundText(webhook: InboundWebhook): ReceivedMessage {
  return {
    // The key contains the webhook's own account, because the parent account's token may sign a subaccount's webhook.
    key: `${webhook.accountSid}:${webhook.messageSid}`,
    providerMessageId: webhook.messageSid,
    from: webhook.from,
    to: webhook.to,
    service: webhook.messagingServiceSid ?? null,
    body: webhook.body,
    media: webhook.media,
    optOut: webhook.optOut ?? null,
    occurredAt: null,
  };
}

function statusCallback({ messageSid, status, errorCode }: StatusWebhook, query: URLSearchParams): ReceivedWebhook {
  const known = providerStatus(status);
  if (known === undefined) {
    return { kind: "ignored", reason: "a status callback whose status is new, or of a text that came in" };
  }
  const callback: StatusCallback = {
    ...attemptOf(query),
    providerMessageId: messageSid,
    status: known,
    rawStatus: status,
    ...failureOf(known, status, errorCode),
  };
  return { kind: "status", callback };
}

function reject(httpStatus: WebhookRejection["httpStatus"], reason: string, log: string): WebhookRejection {
  return { kind: "rejected", httpStatus, reason, log };
}

async function filterAsync<Item>(items: readonly Item[], isWanted: (item: Item) => Promise<boolean>): Promise<Item[]> {
  const wanted: Item[] = [];
  for (const item of items) if (await isWanted(item)) wanted.push(item);
  return wanted;
}
