import { OwnlineError } from "../../errors.ts";

/**
 * Decoded form parameters, for example `new URLSearchParams(body)` or `{ From: "+15703251809", Body: "" }`.
 * A repeated name is a list; null and undefined count as an empty value.
 */
export type WebhookParams = URLSearchParams | Readonly<Record<string, string | readonly string[] | null | undefined>>;

export interface SignRequestInput {
  readonly authToken: string;
  /** The whole URL, query included. A fragment (`#rc=2`) is left out, credentials are kept. */
  readonly url: string;
  readonly params?: WebhookParams | undefined;
  /** A body that is not a form. Not looked at where `params` has an entry. */
  readonly rawBody?: string | Uint8Array | undefined;
}

export interface VerifyRequestInput {
  /** The primary auth token of the account, or several while one replaces another: any of them may have signed. */
  readonly authToken: string | readonly string[];
  /** The full URL as configured at Twilio, with the query that arrived; behind a proxy never the inner address. */
  readonly url: string;
  /** The decoded form of a POST. Leave it out for a GET, whose parameters are in the URL. */
  readonly params?: WebhookParams | undefined;
  /** The untouched bytes of a body that is not a form. Not looked at where `params` has an entry. */
  readonly rawBody?: string | Uint8Array | undefined;
  /** The `X-Twilio-Signature` header. */
  readonly signature: string | null | undefined;
}

/** All URLs in here show `***` in place of credentials. `triedUrls` is empty where nothing could be compared. */
export type VerifyRequestResult =
  | { readonly valid: true; readonly matchedUrl: string }
  | { readonly valid: false; readonly reason: string; readonly triedUrls: string[] };

const encoder = new TextEncoder();
// Scheme, credentials, host (IPv6 in brackets), port, rest. By hand, since URL rewrites what Twilio signed.
const PARTS = /^([a-z][a-z\d+.-]*:\/\/)([^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#]*)(:\d*)?(.*)$/is;

/**
 * The `X-Twilio-Signature` that Twilio would send: for tests, emulators and tools.
 *
 * Signs the URL as given, then every parameter by name in code-unit order; the values of a repeated name are
 * de-duplicated and sorted. For a `rawBody` whose URL has no `bodySHA256` yet, it is appended to the signed query,
 * as Twilio does. Twilio leaves credentials out for messaging: leave them out of `url` to do the same.
 *
 * @throws OwnlineError `invalid_options` when the auth token is missing or empty.
 * @see https://www.twilio.com/docs/usage/security
 */
export async function signRequest({ authToken, url, params, rawBody }: SignRequestInput): Promise<string> {
  const [bare = ""] = url.split("#", 1);
  const form = signedForm(params);
  const hash = form || rawBody === undefined || bodyHash(bare) !== undefined ? "" : await sha256(rawBody);
  const query = hash && `${bare.includes("?") ? "&" : "?"}bodySHA256=${hash}`;
  return sign(await importKey(authToken), bare + query + form);
}

/**
 * Whether Twilio signed a request with one of the auth tokens.
 *
 * - `params` with an entry: a form, signed after the URL; `bodySHA256` in the URL changes nothing about that.
 * - else `rawBody`: JSON. The URL must be signed and carry `bodySHA256`, the SHA-256 of exactly these bytes in hex.
 *   Without it nothing vouches for the body, and the request is refused.
 * - neither: a GET, or a form without entries. The URL alone is signed.
 *
 * Twilio's services do not spell a URL alike, so equivalent spellings are tried, at most 20: with and without port
 * and credentials, host in lower case, quotes and non-ASCII characters escaped or not, the query re-encoded.
 * No spelling changes what path, query or parameters mean. Every signature is compared in constant time.
 *
 * A request that does not hold, or whose URL is no URL, is a result; it never throws.
 *
 * @throws OwnlineError `invalid_options` when an auth token is missing or empty.
 * @see https://www.twilio.com/docs/usage/security
 */
export async function verifyRequest(input: VerifyRequestInput): Promise<VerifyRequestResult> {
  const { authToken, url, params, rawBody, signature } = input;
  const tokens = [authToken].flat();
  const keys = await Promise.all((tokens.length ? tokens : [""]).map(importKey));
  if (!signature) return refuse("the X-Twilio-Signature header is missing: this is probably not Twilio");
  if (!URL.canParse(url) || !PARTS.test(url)) {
    return refuse("the URL is not absolute: pass the URL in Twilio's console");
  }

  const form = signedForm(params);
  const urls = spellings(url);
  let matched: string | undefined;
  for (const candidate of urls) {
    for (const key of keys) {
      if (same(await sign(key, candidate + form), signature)) matched ??= candidate;
    }
  }

  const triedUrls = [...new Set(urls.map(mask))];
  const announced = bodyHash(url);
  // An announced body that nobody passed may not count as checked; a form never has one.
  if (!form && (rawBody !== undefined || (announced && params === undefined))) {
    if (rawBody === undefined || !same(await sha256(rawBody), announced?.toLowerCase() ?? "")) {
      return refuse(
        "bodySHA256 in the URL is missing or not that of rawBody: pass the body's untouched bytes",
        triedUrls,
      );
    }
  }
  if (matched !== undefined) return { valid: true, matchedUrl: mask(matched) };
  return refuse(
    "the signature matches no spelling of the URL: it is not the URL in Twilio's console, " +
      "the auth token is another account's, or a proxy or parser changed the parameters",
    triedUrls,
  );
}

/** The values of every name in the order of the names; null and undefined become an empty value. */
export function groupParams(params: WebhookParams): Map<string, readonly string[]> {
  const groups = new Map<string, readonly string[]>();
  if (params instanceof URLSearchParams) {
    for (const name of params.keys()) groups.set(name, params.getAll(name));
  } else {
    for (const [name, value] of Object.entries(params)) groups.set(name, [value ?? ""].flat());
  }
  return groups;
}

function refuse(reason: string, triedUrls: string[] = []): VerifyRequestResult {
  return { valid: false, reason, triedUrls };
}

async function importKey(authToken: string): Promise<CryptoKey> {
  if (!authToken) {
    throw new OwnlineError("invalid_options", "authToken is empty: pass the account's primary auth token");
  }
  return crypto.subtle.importKey("raw", encoder.encode(authToken), { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
}

async function sign(key: CryptoKey, text: string): Promise<string> {
  return btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)))));
}

async function sha256(body: string | Uint8Array): Promise<string> {
  const bytes = typeof body === "string" ? encoder.encode(body) : new Uint8Array(body);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Takes as long for a near miss as for a wild guess; only the length, which is no secret, shows. */
function same(expected: string, given: string): boolean {
  let difference = expected.length ^ given.length;
  for (let i = 0; i < expected.length; i++) difference |= expected.charCodeAt(i) ^ given.charCodeAt(i);
  return difference === 0;
}

function signedForm(params: WebhookParams = {}): string {
  const values = groupParams(params);
  // By name alone: sorted with its value, "Reason" would land after "ReasonConferenceEnded".
  return [...values.keys()]
    .toSorted()
    .flatMap((name) => [...new Set(values.get(name))].toSorted().map((value) => name + value))
    .join("");
}

/** The last one: Twilio appends its own after whatever the configured URL carries. */
function bodyHash(url: string): string | undefined {
  return /^[^?#]*\?(?:[^#]*&)?bodySHA256=([^&#]*)/.exec(url)?.[1];
}

function spellings(url: string): string[] {
  const [bare = ""] = url.split("#", 1);
  const { href, search, searchParams } = new URL(bare);
  const query = Array.from(searchParams, (pair) => pair.map(encodeURIComponent).join("=")).join("&");
  const reencoded = query ? href.replace(search, () => `?${query}`) : href;
  const found = new Set<string>();
  for (const base of [bare, href, unescaped(href), reencoded, url]) {
    const [, scheme = "", credentials = "", host = "", port = "", rest = ""] = PARTS.exec(base) ?? [];
    const otherPort = port ? "" : /^(https|wss):/i.test(scheme) ? ":443" : ":80";
    for (const user of [credentials, ""]) {
      for (const end of [port, otherPort]) found.add(scheme + user + host + end + rest);
    }
  }
  return [...found];
}

/** Quotes and non-ASCII characters only: any other escape may mean something else without it. */
function unescaped(url: string): string {
  return url.replace(/%27|(%[89a-f][\da-f])+/gi, (escaped) => {
    try {
      return decodeURIComponent(escaped);
    } catch {
      // Not UTF-8, so it stands for no character and has no other spelling.
      return escaped;
    }
  });
}

function mask(url: string): string {
  return url.replace(/^([^/?#]*:\/\/)[^/?#]*@/, "$1***@");
}
