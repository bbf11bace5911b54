import type { FetchFunction, TwilioClient } from "./rest.ts";

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
  /**
   * How long a found account counts: a changed token takes effect after this, and a revoked one is accepted until then.
   * `0` asks at each request. @default 60000
   */
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
export type SingleOptions = TwilioAccountOptions | TwilioClientOptions;
