import { OwnlineError } from "../../errors.ts";
import { type Hashing, platformHashing, type Signer } from "../../hmac.ts";

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
  /** A body that is not a form. It is ignored where `params` has an entry. */
  readonly rawBody?: string | Uint8Array | undefined;
}

export interface VerifyRequestInput {
  /** The account's primary auth token, or several tokens while one replaces another: each of them may have signed. */
  readonly authToken: string | readonly string[];
  /** The full URL as configured at Twilio, with the query that arrived. Behind a proxy, never the inner address. */
  readonly url: string;
  /** The decoded form of a POST. Leave it out for a GET, whose parameters are in the URL. */
  readonly params?: WebhookParams | undefined;
  /**
   * The untouched bytes of a POST's body: JSON, or a form that is not decoded yet. They are ignored where `params` has
   * an entry.
   */
  readonly rawBody?: string | Uint8Array | undefined;
  /** The `X-Twilio-Signature` header. */
  readonly signature: string | null | undefined;
}

/** All its URLs show `***` in place of credentials. `triedUrls` is empty where nothing could be compared. */
export type VerifyRequestResult =
  | { readonly valid: true; readonly matchedUrl: string }
  | { readonly valid: false; readonly reason: string; readonly triedUrls: string[] };

/** What {@link matchSignature} compares. */
export interface MatchInput {
  readonly authTokens: readonly string[];
  /** Absolute URLs, the likeliest first. */
  readonly urls: readonly string[];
  /** The result of {@link signedForm}. It is the same for all URLs of a request. */
  readonly form: string;
  readonly signature: string;
}

/** The given URL that matched, and the spelling of it that was signed. */
export interface SignatureMatch {
  readonly url: string;
  readonly spelling: string;
}

const decoder = new TextDecoder();
/** The most tokens whose imported keys are cached. A service with more accounts imports some keys again. */
const MAX_KEYS = 1000;
// Scheme, credentials, host (IPv6 in brackets), port, rest. `URL` would change what Twilio signed.
const PARTS = /^([a-z][a-z\d+.-]*:\/\/)([^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#]*)(:\d*)?(.*)$/is;

/**
 * Makes the `X-Twilio-Signature` that Twilio would send. It is for tests, emulators and tools.
 *
 * Signs the URL as given, then every parameter by name in code-unit order; the values of a repeated name are
 * de-duplicated and sorted. For a `rawBody` whose URL has no `bodySHA256` yet, the hash is appended to the signed
 * query, as Twilio does. Twilio signs messaging webhooks without the URL's credentials: leave them out of `url` to do
 * the same.
 *
 * @throws OwnlineError `invalid_options` when the auth token is missing or empty.
 * @see https://www.twilio.com/docs/usage/security
 */
export function signRequest(input: SignRequestInput): Promise<string> {
  return signWith(platformHashing(), input);
}

/** {@link signRequest} with the given hash functions. */
export async function signWith(
  hashing: Hashing,
  { authToken, url, params, rawBody }: SignRequestInput,
): Promise<string> {
  const [bare = ""] = url.split("#", 1);
  const form = signedForm(params);
  const hash = form || rawBody === undefined || bodyHash(bare) !== undefined ? "" : await hashing.sha256(rawBody);
  const query = hash && `${bare.includes("?") ? "&" : "?"}bodySHA256=${hash}`;
  return signerOf(hashing, authToken)(bare + query + form);
}

/**
 * Whether Twilio signed a request with one of the auth tokens.
 *
 * - `params` with an entry: a form, signed after the URL, also where the URL has `bodySHA256`.
 * - else `rawBody` whose URL carries `bodySHA256`: JSON. The URL must be signed, and `bodySHA256` must be the SHA-256
 *   of exactly these bytes in hex.
 * - else `rawBody`: it is read as a form, whose parameters are signed after the URL. JSON without `bodySHA256` is
 *   therefore refused, because no signature covers it.
 * - with neither: a GET, or a form without entries. Only the URL is signed.
 *
 * Twilio's services spell the same URL in different ways, so equivalent spellings are tried, at most 20: with and
 * without port and credentials, host in lower case, quotes and non-ASCII characters escaped or not, the query
 * re-encoded. No spelling changes what path, query or parameters mean. The likeliest spelling comes first, and the
 * first match ends the search. Every signature is compared in constant time.
 *
 * For a signature that does not match, and for a URL that cannot be read, it returns a result and does not throw. The
 * time that it takes grows linearly with the URL and the body. Limit their size before you call it.
 *
 * A signature proves who sent the request, not that the request is new: see {@link parseWebhook} for how to recognise a
 * repetition.
 *
 * @throws OwnlineError `invalid_options` when an auth token is missing or empty.
 * @see https://www.twilio.com/docs/usage/security
 */
export function verifyRequest(input: VerifyRequestInput): Promise<VerifyRequestResult> {
  return verifyWith(platformHashing(), input);
}

/** {@link verifyRequest} with the given hash functions. */
export async function verifyWith(hashing: Hashing, input: VerifyRequestInput): Promise<VerifyRequestResult> {
  const { authToken, url, params, rawBody, signature } = input;
  const authTokens = typeof authToken === "string" ? [authToken] : authToken;
  checkTokens(authTokens);
  if (!signature) return refuse("the X-Twilio-Signature header is missing: this is probably not Twilio");
  if (!URL.canParse(url) || !PARTS.test(url)) {
    return refuse("the URL is not absolute: pass the URL in Twilio's console");
  }

  let form = signedForm(params);
  let readAs = "";
  if (form === "" && (rawBody !== undefined || (params === undefined && bodyHash(url) !== undefined))) {
    if (rawBody === undefined) {
      return refuse("bodySHA256 in the URL announces a body: pass its untouched bytes as rawBody", triedFor(url));
    }
    if (!(await hashes(hashing, url, rawBody))) {
      form = signedForm(formIn(rawBody));
      readAs =
        ". bodySHA256 in the URL is missing or not that of rawBody, so rawBody was read as a form and not as JSON";
      // The signature of an empty form covers only the URL. That URL may have been signed for another body.
      if (form === "" && bodyHash(url) !== undefined) {
        return refuse("bodySHA256 in the URL is not that of rawBody: pass the body's untouched bytes", triedFor(url));
      }
    }
  }
  const matched = await matchSignature(hashing, { authTokens, urls: [url], form, signature });
  if (matched !== undefined) return { valid: true, matchedUrl: mask(matched.spelling) };
  return refuse(
    "the signature matches no spelling of the URL: it is not the URL in Twilio's console, " +
      `the auth token is another account's, or a proxy or parser changed the parameters${readAs}`,
    triedFor(url),
  );
}

/** Finds the URL, and its spelling, that one of the tokens signed; `undefined` where none did. */
export async function matchSignature(hashing: Hashing, input: MatchInput): Promise<SignatureMatch | undefined> {
  const { authTokens, urls, form, signature } = input;
  const signers = authTokens.map((token) => signerOf(hashing, token));
  const tried = new Set<string>();
  for (const url of urls) {
    for (const spelling of spellings(url)) {
      if (tried.has(spelling)) continue;
      tried.add(spelling);
      for (const sign of signers) {
        const made = sign(spelling + form);
        if (same(typeof made === "string" ? made : await made, signature)) return { url, spelling };
      }
    }
  }
  return undefined;
}

/** The values of every name in the order of the names; null and undefined become an empty value. */
export function groupParams(params: WebhookParams): Map<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  if (params instanceof URLSearchParams) {
    for (const [name, value] of params) {
      const values = groups.get(name);
      if (values === undefined) groups.set(name, [value]);
      else values.push(value);
    }
  } else {
    for (const [name, value] of Object.entries(params)) groups.set(name, [value ?? ""].flat());
  }
  return groups;
}

/** The signed text of a form: each name with its value, sorted by name, without separators. Empty without entries. */
export function signedForm(params: WebhookParams = {}): string {
  return signedGroups(groupParams(params));
}

/** {@link signedForm} of grouped parameters. */
export function signedGroups(values: ReadonlyMap<string, readonly string[]>): string {
  let text = "";
  // Sorted by name alone: sorted together with its value, "Reason" could come after "ReasonConferenceEnded".
  for (const name of [...values.keys()].toSorted()) {
    const own = values.get(name) ?? [];
    if (own.length === 1) text += name + own[0];
    else for (const value of [...new Set(own)].toSorted()) text += name + value;
  }
  return text;
}

/** Whether the URL's `bodySHA256` is the hash of these bytes. */
export async function hashes(hashing: Hashing, url: string, rawBody: string | Uint8Array): Promise<boolean> {
  const announced = bodyHash(url);
  return announced !== undefined && same(await hashing.sha256(rawBody), announced.toLowerCase());
}

function formIn(rawBody: string | Uint8Array): URLSearchParams {
  return new URLSearchParams(typeof rawBody === "string" ? rawBody : decoder.decode(rawBody));
}

function refuse(reason: string, triedUrls: string[] = []): VerifyRequestResult {
  return { valid: false, reason, triedUrls };
}

function checkTokens(authTokens: readonly string[]): void {
  if (authTokens.length > 0 && !authTokens.includes("")) {
    if (authTokens.every((token) => typeof token === "string")) return;
  }
  throw new OwnlineError("invalid_options", "authToken is empty: pass the account's primary auth token");
}

const keys = new WeakMap<Hashing, Map<string, Signer>>();

/** The signer of a token. The token's key is imported once. */
function signerOf(hashing: Hashing, authToken: string): Signer {
  checkTokens([authToken]);
  const known = keys.get(hashing) ?? new Map<string, Signer>();
  keys.set(hashing, known);
  let signer = known.get(authToken);
  if (signer === undefined) {
    signer = hashing.signer("sha1", authToken, "base64");
    for (const oldest of known.keys()) {
      if (known.size < MAX_KEYS) break;
      known.delete(oldest);
    }
    known.set(authToken, signer);
  }
  return signer;
}

/** Compares in a time that depends only on the length, which is not secret, and not on where the texts differ. */
function same(expected: string, given: string): boolean {
  let difference = expected.length ^ given.length;
  for (let i = 0; i < expected.length; i++) difference |= expected.charCodeAt(i) ^ given.charCodeAt(i);
  return difference === 0;
}

/** The last `bodySHA256` of the URL: Twilio appends its own after the query of the configured URL. */
function bodyHash(url: string): string | undefined {
  return url.includes("bodySHA256=") ? /^[^?#]*\?(?:[^#]*&)?bodySHA256=([^&#]*)/.exec(url)?.[1] : undefined;
}

/** The spellings of a URL, the likeliest first. They are made one by one, because the first one usually matches. */
function* spellings(url: string): Generator<string> {
  const [bare = ""] = url.split("#", 1);
  yield* variantsOf(bare);
  const { href, search, searchParams } = new URL(bare);
  yield* variantsOf(href);
  yield* variantsOf(unescaped(href));
  const query = Array.from(searchParams, (pair) => pair.map(encodeURIComponent).join("=")).join("&");
  if (query) yield* variantsOf(href.replace(search, () => `?${query}`));
  yield* variantsOf(url);
}

function* variantsOf(url: string): Generator<string> {
  if (!url.includes("@")) yield url;
  const [, scheme = "", credentials = "", host = "", port = "", rest = ""] = PARTS.exec(url) ?? [];
  const otherPort = port ? "" : /^(https|wss):/i.test(scheme) ? ":443" : ":80";
  // Twilio's documentation says that messaging leaves the credentials out.
  for (const user of credentials ? ["", credentials] : [""]) {
    for (const end of [port, otherPort]) yield scheme + user + host + end + rest;
  }
}

function triedFor(url: string): string[] {
  return [...new Set(Array.from(spellings(url), mask))];
}

/** Decodes only quotes and non-ASCII characters. Other characters may change their meaning without the escape. */
function unescaped(url: string): string {
  return url.replace(/%27|(%[89a-f][\da-f])+/gi, (escaped) => {
    try {
      return decodeURIComponent(escaped);
    } catch {
      // The bytes are not UTF-8, so they have no other spelling.
      return escaped;
    }
  });
}

function mask(url: string): string {
  return url.replace(/^([^/?#]*:\/\/)[^/?#]*@/, "$1***@");
}
