import type { InboundText, ReceivedWebhook, StatusReport, WebhookRejection, WebhookRequest } from "../transport.ts";
import { classifyError } from "./errors.ts";
import { attemptOf, carrierStatus } from "./send.ts";
import { verifyRequest } from "./signature.ts";
import { type InboundWebhook, parseWebhook, type StatusWebhook } from "./webhook.ts";

export interface ReceiveOptions {
  readonly accountSid: string;
  readonly authTokens: readonly string[];
  readonly webhookUrl: string;
  readonly trustForwardedHeaders: boolean;
}

/** What Twilio may have signed, read from the request. */
interface SignedParts {
  readonly params: URLSearchParams | undefined;
  readonly rawBody: string | undefined;
}

const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";

/**
 * Verifies a request against the configured webhook URL and reads it. The host and path that the request says it
 * came to are not believed, unless the forwarded headers are trusted: only its query is, and that is signed.
 *
 * @see https://www.twilio.com/docs/usage/security#validating-requests
 */
export async function receive(options: ReceiveOptions, request: WebhookRequest): Promise<ReceivedWebhook> {
  const method = request.method.toUpperCase();
  if (method !== "POST" && method !== "GET") {
    return reject(
      405,
      "Webhooks arrive by POST or GET.",
      `a ${method.replace(/[^A-Z]/g, "")} request came to the webhook; Twilio sends POST or GET, so it came from elsewhere`,
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
      "a signed webhook came with a content type that Twilio does not use: a proxy probably rewrote the request",
    );
  }

  const parts = method === "GET" ? { params: undefined, rawBody: undefined } : partsOf(request, contentType);
  const urls = candidates(options, request);
  for (const url of urls) {
    const result = await verifyRequest({ authToken: options.authTokens, url, ...parts, signature });
    if (!result.valid) continue;
    if (parts.rawBody !== undefined)
      return { kind: "ignored", reason: "a JSON webhook, which Messaging does not send" };
    const query = new URLSearchParams(queryOf(url).slice(1));
    return read(options, parts.params ?? query, query);
  }
  const cause = likelyCause(options, request, parts.params ?? new URLSearchParams(queryOf(request.url).slice(1)));
  return reject(
    403,
    "The signature does not match.",
    `a webhook's signature does not match. Tried: ${urls.map(shown).join(" , ")} with ${options.authTokens.length} auth token(s). ${cause}`,
  );
}

function partsOf({ body }: WebhookRequest, contentType: string): SignedParts {
  if (contentType === FORM) return { params: new URLSearchParams(body), rawBody: undefined };
  return { params: undefined, rawBody: body };
}

/** The URLs that Twilio may have called, the likeliest first. */
function candidates({ webhookUrl, trustForwardedHeaders }: ReceiveOptions, request: WebhookRequest): string[] {
  const configured = webhookUrl.split("#", 1)[0] ?? "";
  const query = queryOf(request.url);
  // The query is the request's own: a callback's carries the attempt, a GET's everything.
  const urls = [configured.split("?", 1)[0] + query];
  if (query === "") urls.push(configured);
  if (trustForwardedHeaders && URL.canParse(request.url)) {
    const { protocol, host, pathname } = new URL(request.url);
    const scheme = firstOf(request.headers.get("X-Forwarded-Proto")) ?? protocol.slice(0, -1);
    const publicHost = firstOf(request.headers.get("X-Forwarded-Host")) ?? host;
    urls.push(`${scheme}://${publicHost}${pathname}${query}`);
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

function read(options: ReceiveOptions, params: URLSearchParams, query: URLSearchParams): ReceivedWebhook {
  const webhook = parseWebhook(params);
  switch (webhook.kind) {
    case "inbound":
      return { kind: "inbound", text: inboundText(webhook, options.accountSid) };
    case "status":
      return statusReport(webhook, query);
    case "unsupported":
      return { kind: "ignored", reason: webhook.reason };
    default:
      return webhook satisfies never;
  }
}

function inboundText(webhook: InboundWebhook, accountSid: string): InboundText {
  return {
    // A subaccount's webhook may be signed with the parent's token, so its own account stands in the key.
    key: `${webhook.accountSid ?? accountSid}:${webhook.messageSid}`,
    carrierId: webhook.messageSid,
    from: webhook.from,
    to: webhook.to,
    service: webhook.messagingServiceSid ?? null,
    body: webhook.body,
    media: webhook.media,
    optOut: webhook.optOut ?? null,
    occurredAt: null,
  };
}

function statusReport({ messageSid, status, errorCode }: StatusWebhook, query: URLSearchParams): ReceivedWebhook {
  const known = carrierStatus(status);
  if (known === undefined) {
    return { kind: "ignored", reason: "a status callback whose status is new, or of a text that came in" };
  }
  const failed = known === "failed" || known === "undelivered";
  const found = errorCode === undefined ? undefined : classifyError({ code: errorCode });
  const reason = found?.remedy ?? (status === "canceled" ? "it was canceled at Twilio" : "Twilio gave no reason");
  const report: StatusReport = {
    ...attemptOf(query),
    carrierId: messageSid,
    status: known,
    rawStatus: status,
    error: failed || errorCode !== undefined ? { code: errorCode ?? null, reason } : null,
    optOut: found?.class === "opted-out",
  };
  return { kind: "status", report };
}

/** Who must do what, guessed from what can be seen. The first that applies is the likeliest. */
function likelyCause(options: ReceiveOptions, request: WebhookRequest, params: URLSearchParams): string {
  const account = params.get("AccountSid");
  if (account !== null && account !== options.accountSid) {
    return "Likely cause: it is of another account or subaccount, whose auth token signed it: configure that account's token.";
  }
  const came = URL.canParse(request.url) ? new URL(request.url) : undefined;
  const configured = new URL(options.webhookUrl);
  if (came !== undefined && came.pathname !== configured.pathname) {
    return (
      `Likely cause: it came to the path ${came.pathname}, but webhookUrl has ${configured.pathname}: ` +
      "set webhookUrl to exactly the URL in Twilio's console."
    );
  }
  if (came !== undefined && came.origin !== configured.origin) {
    return (
      `Likely cause: it reached this server as ${came.origin}, and Twilio called a public URL that is not webhookUrl: ` +
      `set webhookUrl to exactly the URL in Twilio's console; or authToken is not this account's primary token.`
    );
  }
  return (
    "Likely cause: authToken is not the primary token of this account (Console, Account, API keys & tokens), " +
    "or the URL in Twilio's console is spelled differently, or something on the way changed the parameters."
  );
}

/** A GET's query holds numbers and the text: only the names are shown. */
function shown(url: string): string {
  const query = queryOf(url);
  const names = [...new Set(new URLSearchParams(query.slice(1)).keys())].map((name) => `${name}=…`).join("&");
  const bare = query === "" ? url : url.slice(0, -query.length);
  return bare.replace(/^([^/?#]*:\/\/)[^/?#]*@/, "$1***@") + (names && `?${names}`);
}

function reject(httpStatus: WebhookRejection["httpStatus"], reason: string, log: string): WebhookRejection {
  return { kind: "rejected", httpStatus, reason, log };
}
