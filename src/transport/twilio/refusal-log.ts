import type { WebhookRequest } from "../transport.ts";

/** The settings that a refused request is compared with. */
interface Expected {
  readonly accountSid: string;
  readonly webhookUrl: string;
}

/*
 * A stranger may have written a refused request. Its path, host and parameters may contain numbers, texts and secrets,
 * and may be very long. So only their harmless parts are shown, with `…` in place of the other parts.
 */
const MAX_HOST = 80;
const MAX_SEGMENTS = 6;
const MAX_NAMES = 8;
// A word of a path, or a parameter's name. It has no row of digits that could be a phone number, and no escapes.
const WORD = /^(?!.*\d{4})[a-z][\w.-]{0,39}$/i;

/** A method, for example `PUT`: capital letters, at most 16. */
export function shownMethod(method: string): string {
  return method.slice(0, 16).replace(/[^A-Z]/g, "");
}

/**
 * Shows one of the URLs that were tried, without credentials and values. The configured URL is shown as it is. Of a URL
 * from forwarded headers only the harmless parts are shown. Of the query only the first names are shown.
 */
export function shownUrl(url: string, { webhookUrl }: Pick<Expected, "webhookUrl">): string {
  const bare = withoutQuery(url);
  const names = bare === url ? "" : shownNames(url.slice(bare.length + 1));
  if (bare === withoutQuery(webhookUrl)) return bare.replace(/^([^/?#]*:\/\/)[^/?#]*@/, "$1***@") + names;
  const made = new URL(bare);
  return shownOrigin(made) + shownPath(made.pathname) + names;
}

function withoutQuery(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? "";
}

/** Says who must do what, guessed from the request. The first cause that applies is the likeliest one. */
export function likelyCause(expected: Expected, request: WebhookRequest, params: URLSearchParams): string {
  const account = params.get("AccountSid");
  if (account !== null && account !== expected.accountSid) {
    return "Likely cause: the webhook belongs to another account or subaccount, whose auth token signed it: configure that account's token.";
  }
  const came = URL.canParse(request.url) ? new URL(request.url) : undefined;
  const configured = new URL(expected.webhookUrl);
  if (came !== undefined && came.pathname !== configured.pathname) {
    return (
      `Likely cause: it came to the path ${shownPath(came.pathname)}, but webhookUrl has ${configured.pathname}: ` +
      "set webhookUrl to exactly the URL in Twilio's console."
    );
  }
  if (came !== undefined && came.origin !== configured.origin) {
    return (
      `Likely cause: it reached this server as ${shownOrigin(came)}, and Twilio called a public URL that is not webhookUrl: ` +
      `set webhookUrl to exactly the URL in Twilio's console; or authToken is not this account's primary token.`
    );
  }
  return (
    "Likely cause: authToken is not the primary token of this account (Console, Account, API keys & tokens), " +
    "or the URL in Twilio's console is spelled differently, or a proxy or a middleware changed the parameters."
  );
}

/** `/api/webhooks/sms` as it is, `/t/+15703251809` as `/t/…`. */
function shownPath(path: string): string {
  const segments = path.split("/", MAX_SEGMENTS + 2).slice(1);
  const shown = segments
    .slice(0, MAX_SEGMENTS)
    .map((segment) => (segment === "" || WORD.test(segment) ? segment : "…"));
  return `/${shown.join("/")}${segments.length > MAX_SEGMENTS ? "/…" : ""}`;
}

/** `http://127.0.0.1:3000` as it is; a host that is long, or has a number in it, as `http://…`. */
function shownOrigin({ protocol, host }: URL): string {
  const isHarmless = host.length <= MAX_HOST && !/\d{7}/.test(host) && /^[a-z\d.:[\]_-]+$/.test(host);
  return `${/^https?:$/.test(protocol) ? protocol : "…:"}//${isHarmless ? host : "…"}`;
}

function shownNames(query: string): string {
  const names = new Set<string>();
  for (const part of query.split("&", MAX_NAMES + 1)) {
    const name = part.split("=", 1)[0] ?? "";
    if (name !== "") names.add(WORD.test(name) ? `${name}=…` : "…");
  }
  const shown = [...names];
  if (shown.length === 0) return "";
  return `?${shown.slice(0, MAX_NAMES).join("&")}${shown.length > MAX_NAMES ? "&…" : ""}`;
}
