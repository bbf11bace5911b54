import { OwnlineError } from "../../errors.ts";
import { apiUrlFault, UNSAFE_HTTP } from "./api-url.ts";
import {
  type FetchFunction,
  restByClient,
  restByFetch,
  TWILIO_API_URL,
  type TwilioClient,
  type TwilioRest,
} from "./rest.ts";
import { ATTEMPT_PARAMETER } from "./send.ts";

interface CommonOptions {
  /**
   * The account's primary auth token, with which Twilio signs its webhooks; the REST requests use it too unless there
   * is an API key. A list while one token replaces another: every one is accepted, the first one sends.
   */
  readonly authToken: string | readonly (string | undefined)[] | undefined;
  /**
   * The full public URL of the webhook, exactly as in Twilio's console, for example
   * `https://example.com/api/webhooks/sms`. A fragment with Twilio's retry overrides (`#rc=5&rp=all`) is passed on.
   */
  readonly webhookUrl: string | undefined;
  /**
   * Also accept a signature over the URL in `X-Forwarded-Proto` and `X-Forwarded-Host`. Only behind a proxy that sets
   * them itself: otherwise the caller writes them. @default false
   */
  readonly trustForwardedHeaders?: boolean | undefined;
  /** How long a request to Twilio may take, its answer read, in milliseconds. @default 15000 */
  readonly timeoutMs?: number | undefined;
}

/** The account's credentials: requests go over `fetch`, so this form runs on any platform. */
export interface TwilioAccountOptions extends CommonOptions {
  /** `AC…`, also where an API key is used. */
  readonly accountSid: string | undefined;
  /** `SK…`: REST requests are made with this key and its secret. Signatures still need the auth token. @default none */
  readonly apiKeySid?: string | undefined;
  /** The secret of `apiKeySid`; both are given, or neither. @default none */
  readonly apiKeySecret?: string | undefined;
  /** Another base URL than `https://api.twilio.com`: a region, a proxy, an emulator. @default Twilio's own */
  readonly apiUrl?: string | undefined;
  /**
   * Allows an `http:` `apiUrl` on another machine. Credentials and texts then travel unencrypted: only for a network of
   * your own, such as that of containers (`http://emulator:4010`). Loopback needs no permission. @default false
   */
  readonly unsafeHttpApiUrl?: boolean | undefined;
  /** @default the global `fetch` */
  readonly fetch?: FetchFunction | undefined;
  readonly client?: never;
  readonly account?: never;
  readonly accounts?: never;
}

/** The official client of the service, with its own credentials, edge, region and HTTP agent. */
export interface TwilioClientOptions extends CommonOptions {
  /** `twilio(accountSid, …)` of the package `twilio`. */
  readonly client: TwilioClient;
  readonly accountSid?: never;
  readonly apiKeySid?: never;
  readonly apiKeySecret?: never;
  readonly apiUrl?: never;
  readonly unsafeHttpApiUrl?: never;
  readonly fetch?: never;
  readonly account?: never;
  readonly accounts?: never;
}

type Shared = "webhookUrl" | "trustForwardedHeaders" | "timeoutMs" | "account" | "accounts";

/** One account's credentials, as {@link AccountResolver} answers them. */
export type TwilioCredentials = Omit<TwilioAccountOptions, Shared> | Omit<TwilioClientOptions, Shared>;

/**
 * Finds the account that owns an address of ours: a number, a short code, a channel address or a Messaging Service.
 * `undefined` where the address is not yours. Answers are cached, see {@link AccountCacheOptions}. It is asked with
 * addresses that strangers chose, so pass them to a database as parameters.
 */
export type AccountResolver = (
  address: string,
) => Promise<TwilioCredentials | undefined> | TwilioCredentials | undefined;

/** How long answers of {@link AccountResolver} are kept, and how often strangers may cause one. */
export interface AccountCacheOptions {
  /** How long a found account counts: a changed token takes effect after this. @default 60000 */
  readonly ttlMs?: number | undefined;
  /** How long an address without an account counts as unknown: so long a new number may be refused. @default 30000 */
  readonly missTtlMs?: number | undefined;
  /** The most found addresses that are kept, and the most unknown ones. @default 10000 */
  readonly maxEntries?: number | undefined;
  /**
   * How many lookups of unknown addresses a second unverified requests may cause, and ten times as many at once.
   * Further ones are answered 503. An address that was found before is not counted. @default 10
   */
  readonly missesPerSecond?: number | undefined;
  /** How long a lookup may take; then a webhook is answered 503. @default 5000 */
  readonly timeoutMs?: number | undefined;
}

/** {@link AccountCacheOptions} with every default filled in. */
export type AccountCacheSettings = Readonly<Record<keyof AccountCacheOptions, number>>;

/** Several accounts, or subaccounts, behind one webhook. */
export interface TwilioTenantOptions extends Pick<CommonOptions, "webhookUrl" | "trustForwardedHeaders" | "timeoutMs"> {
  readonly account: AccountResolver;
  readonly accounts?: AccountCacheOptions | undefined;
  readonly accountSid?: never;
  readonly authToken?: never;
  readonly apiKeySid?: never;
  readonly apiKeySecret?: never;
  readonly apiUrl?: never;
  readonly fetch?: never;
  readonly client?: never;
}

export type TwilioOptions = TwilioAccountOptions | TwilioClientOptions | TwilioTenantOptions;

/** The options of a service with one account. */
type SingleOptions = TwilioAccountOptions | TwilioClientOptions;

/** The options of several accounts, checked. */
export interface TenantSettings {
  readonly webhookUrl: string;
  readonly trustForwardedHeaders: boolean;
  readonly resolver: AccountResolver;
  readonly cache: AccountCacheSettings;
  /**
   * What the resolver answered, as an account.
   *
   * @throws OwnlineError `invalid_options`
   */
  accountOf(credentials: unknown): Pick<TwilioSettings, "rest" | "accountSid" | "authTokens">;
}

/** The options, checked and with their defaults. */
export interface TwilioSettings {
  readonly rest: TwilioRest;
  readonly accountSid: string;
  readonly authTokens: readonly string[];
  readonly webhookUrl: string;
  readonly trustForwardedHeaders: boolean;
}

const NAMES: ReadonlySet<string> = new Set([
  "accountSid",
  "authToken",
  "apiKeySid",
  "apiKeySecret",
  "webhookUrl",
  "apiUrl",
  UNSAFE_HTTP,
  "fetch",
  "client",
  "trustForwardedHeaders",
  "timeoutMs",
]);
const ACCOUNT_ONLY = ["accountSid", "apiKeySid", "apiKeySecret", "apiUrl", UNSAFE_HTTP, "fetch"] as const;
const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_TIMEOUT_MS = 600_000;
const CONSOLE = "Twilio's console, Account, API keys & tokens";

/**
 * Checks the options of `twilio()` and settles their defaults.
 *
 * @throws OwnlineError `invalid_options`, with every mistake, each by its option's name and with its remedy.
 */
export function parseOptions(options: SingleOptions): TwilioSettings {
  const mistakes: string[] = [];
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) mistakes.push(`${name} is not an option: remove it, or correct its spelling`);
  }
  const authTokens = parseTokens(options.authToken, mistakes);
  const webhookUrl = parseWebhookUrl(options.webhookUrl, mistakes);
  const timeoutMs = parseTimeout(options.timeoutMs, mistakes);
  const trustForwardedHeaders = parseTrust(options.trustForwardedHeaders, mistakes);
  const connect =
    options.client === undefined
      ? parseAccount(options, authTokens[0] ?? "", timeoutMs, mistakes)
      : parseClient(options, timeoutMs, mistakes);

  if (mistakes.length > 0) throw startError(mistakes);
  const rest = connect();
  return {
    rest,
    accountSid: rest.accountSid,
    authTokens,
    webhookUrl,
    trustForwardedHeaders,
  };
}

const CACHE_DEFAULTS: AccountCacheSettings = {
  ttlMs: 60_000,
  missTtlMs: 30_000,
  maxEntries: 10_000,
  missesPerSecond: 10,
  timeoutMs: 5000,
};
const TENANT_NAMES: ReadonlySet<string> = new Set([
  "account",
  "accounts",
  "webhookUrl",
  "trustForwardedHeaders",
  "timeoutMs",
]);

/**
 * Checks the options of `twilio({ account })`.
 *
 * @throws OwnlineError `invalid_options`, with every mistake, each by its option's name and with its remedy.
 */
export function parseTenantOptions(options: TwilioTenantOptions): TenantSettings {
  const mistakes: string[] = [];
  for (const name of Object.keys(options)) {
    if (TENANT_NAMES.has(name)) continue;
    mistakes.push(
      NAMES.has(name)
        ? `${name} goes without account, which returns it for each address: leave one of them out`
        : `${name} is not an option: remove it, or correct its spelling`,
    );
  }
  const resolver: unknown = options.account;
  if (typeof resolver !== "function") {
    mistakes.push("account must be a function: (address) => credentials, or undefined where the address is not yours");
  }
  const webhookUrl = parseWebhookUrl(options.webhookUrl, mistakes);
  const timeoutMs = parseTimeout(options.timeoutMs, mistakes);
  const trustForwardedHeaders = parseTrust(options.trustForwardedHeaders, mistakes);
  const cache: Record<keyof AccountCacheOptions, number> = { ...CACHE_DEFAULTS };
  for (const [name, value] of Object.entries(options.accounts ?? {})) {
    if (!isCacheName(name)) mistakes.push(`accounts.${name} is not an option: remove it, or correct its spelling`);
    else if (value === undefined) continue;
    else if (
      typeof value !== "number" ||
      !Number.isFinite(value) ||
      value < 0 ||
      (value === 0 && !name.endsWith("tlMs"))
    ) {
      mistakes.push(`accounts.${name} must be a number above 0`);
    } else cache[name] = value;
  }
  if (mistakes.length > 0) throw startError(mistakes);
  return {
    webhookUrl,
    trustForwardedHeaders,
    resolver: options.account,
    cache,
    accountOf(credentials) {
      if (typeof credentials !== "object" || credentials === null || "account" in credentials) {
        throw new OwnlineError(
          "invalid_options",
          "account of twilio() must return credentials, { accountSid, authToken } or { client, authToken }, or undefined where the address is not yours",
        );
      }
      // Checked by name and kind right there.
      const given = { ...credentials, webhookUrl, timeoutMs } as SingleOptions;
      try {
        return parseOptions(given);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message.split("\n").slice(1).join(" ") : "see the cause";
        const message = `account of twilio() returned credentials that cannot be used: ${why}`;
        throw new OwnlineError("invalid_options", message, { cause });
      }
    },
  };
}

function isCacheName(name: string): name is keyof AccountCacheOptions {
  return Object.hasOwn(CACHE_DEFAULTS, name);
}

function startError(mistakes: readonly string[]): OwnlineError {
  return new OwnlineError("invalid_options", `twilio() cannot start:\n${mistakes.map((one) => `- ${one}`).join("\n")}`);
}

function parseTimeout(timeoutMs: number = DEFAULT_TIMEOUT_MS, mistakes: string[]): number {
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_TIMEOUT_MS) {
    mistakes.push(`timeoutMs must be a whole number of milliseconds from 1 to ${MAX_TIMEOUT_MS}`);
  }
  return timeoutMs;
}

function parseTrust(trust: unknown = false, mistakes: string[]): boolean {
  if (typeof trust !== "boolean") mistakes.push("trustForwardedHeaders must be true or false");
  return trust === true;
}

function parseTokens(authToken: SingleOptions["authToken"], mistakes: string[]): string[] {
  const tokens = Array.isArray(authToken) ? authToken : [authToken];
  if (tokens.length === 0) mistakes.push(`authToken is an empty list: pass the primary auth token (${CONSOLE})`);
  return tokens.map((token: unknown, index) => {
    if (typeof token === "string" && token.trim() === token && token !== "") return token;
    const name = Array.isArray(authToken) ? `authToken[${index}]` : "authToken";
    mistakes.push(`${name} ${faultOf(token)}: pass the account's primary auth token (${CONSOLE})`);
    return "";
  });
}

function parseWebhookUrl(webhookUrl: unknown, mistakes: string[]): string {
  const remedy = "pass the full public URL of the webhook, for example https://example.com/api/webhooks/sms";
  if (typeof webhookUrl !== "string" || webhookUrl.trim() !== webhookUrl || webhookUrl === "") {
    mistakes.push(`webhookUrl ${faultOf(webhookUrl)}: ${remedy}`);
    return "";
  }
  const url = URL.canParse(webhookUrl) ? new URL(webhookUrl) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:") || url.hostname === "") {
    mistakes.push(`webhookUrl is no http or https URL: ${remedy}`);
  } else if (url.hostname.includes("_")) {
    mistakes.push("webhookUrl has an underscore in its host name, and Twilio calls no such host: use another name");
  } else if (url.searchParams.has(ATTEMPT_PARAMETER)) {
    mistakes.push(
      `webhookUrl has ${ATTEMPT_PARAMETER} in its query, which status callbacks need: rename the parameter`,
    );
  }
  return webhookUrl;
}

function parseAccount(
  options: TwilioAccountOptions,
  authToken: string,
  timeoutMs: number,
  mistakes: string[],
): () => TwilioRest {
  const { accountSid, apiKeySid, apiKeySecret, apiUrl = TWILIO_API_URL } = options;
  if (typeof accountSid !== "string" || !/^AC\w+$/.test(accountSid)) {
    const key = typeof accountSid === "string" && accountSid.startsWith("SK");
    mistakes.push(
      key
        ? "accountSid is an API key's SID (SK…): pass the account's (AC…), and the key as apiKeySid and apiKeySecret"
        : `accountSid ${accountSid ? "is no account SID" : faultOf(accountSid)}: pass the one that begins with AC (${CONSOLE})`,
    );
  }
  if (apiKeySid !== undefined && !/^SK\w+$/.test(apiKeySid)) {
    mistakes.push(
      `apiKeySid ${apiKeySid ? "is no API key" : "is empty"}: pass the SID that begins with SK (${CONSOLE})`,
    );
  }
  if ((apiKeySid === undefined) !== (apiKeySecret === undefined) || apiKeySecret === "") {
    const missing = apiKeySid === undefined ? "apiKeySid" : "apiKeySecret";
    mistakes.push(`${missing} is missing: pass both apiKeySid and apiKeySecret, or neither`);
  }
  const allowHttp: unknown = options.unsafeHttpApiUrl ?? false;
  if (typeof allowHttp !== "boolean") mistakes.push(`${UNSAFE_HTTP} must be true or false`);
  const fault = apiUrlFault(apiUrl, { allowHttp: allowHttp === true });
  if (fault !== undefined) mistakes.push(fault);
  if (options.fetch !== undefined && typeof options.fetch !== "function") mistakes.push("fetch must be a function");
  return () =>
    restByFetch({
      accountSid: accountSid ?? "",
      username: apiKeySid ?? accountSid ?? "",
      password: apiKeySecret ?? authToken,
      apiUrl: apiUrl.replace(/\/+$/, ""),
      timeoutMs,
      fetch: options.fetch,
    });
}

function parseClient(options: TwilioClientOptions, timeoutMs: number, mistakes: string[]): () => TwilioRest {
  const { client } = options;
  if (typeof client?.messages?.create !== "function" || !client.accountSid) {
    mistakes.push("client must be a client of the package twilio, with an account SID: twilio(accountSid, authToken)");
  }
  for (const name of ACCOUNT_ONLY) {
    if (options[name] !== undefined)
      mistakes.push(`${name} goes without client, which has its own: leave one of them out`);
  }
  return () => restByClient(client, timeoutMs);
}

function faultOf(value: unknown): string {
  if (value === undefined || value === null) return "is missing";
  if (value === "") return "is empty";
  return typeof value === "string" ? "has spaces around it" : "is no text";
}
