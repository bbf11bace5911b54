import type { FetchFunction, TwilioClient } from "./rest.ts";

interface CommonOptions {
  /**
   * The account's primary auth token, with which Twilio signs its webhooks. The REST requests use it too, unless there
   * is an API key. Give a list while one token replaces another: webhooks with any of the tokens are accepted, and
   * requests use the first token.
   */
  readonly authToken: string | readonly (string | undefined)[] | undefined;
  /**
   * The full public URL of the webhook, exactly as in Twilio's console, for example
   * `https://example.com/api/webhooks/sms`. A fragment with Twilio's retry overrides (`#rc=5&rp=all`) is also used for
   * status callbacks.
   */
  readonly webhookUrl: string | undefined;
  /**
   * Whether to accept a signature over the URL in `X-Forwarded-Proto` and `X-Forwarded-Host` too. Set it only behind a
   * proxy that sets these headers itself: otherwise any caller can set them. @default false
   */
  readonly trustForwardedHeaders?: boolean | undefined;
  /** How long a request to Twilio may take until its answer is read, in milliseconds. @default 15000 */
  readonly timeoutMs?: number | undefined;
}

/** The account's credentials. Requests go over `fetch`, so this form runs on any platform. */
export interface TwilioAccountOptions extends CommonOptions {
  /** `AC…`, also where an API key is used. */
  readonly accountSid: string | undefined;
  /** `SK…`: REST requests use this key and its secret. Signatures still need the auth token. @default none */
  readonly apiKeySid?: string | undefined;
  /** The secret of `apiKeySid`. Give both, or leave both out. @default none */
  readonly apiKeySecret?: string | undefined;
  /** A base URL other than `https://api.twilio.com`: of a region, a proxy or an emulator. @default Twilio's own */
  readonly apiUrl?: string | undefined;
  /**
   * Allows an `http:` `apiUrl` on another machine. Credentials and texts then travel unencrypted. Set it only for your
   * own network, such as a network of containers (`http://emulator:4010`). Loopback needs no permission. @default false
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

/** One account's credentials, as {@link AccountResolver} returns them. */
export type TwilioCredentials = Omit<TwilioAccountOptions, Shared> | Omit<TwilioClientOptions, Shared>;

/**
 * Finds the account that owns an address: a number, a short code, a channel address or a Messaging Service. Return
 * `undefined` where the address is not yours. Answers are cached, see {@link AccountCacheOptions}. Strangers can choose
 * the addresses that it is called with, so pass them to a database as parameters.
 */
export type AccountResolver = (
  address: string,
) => Promise<TwilioCredentials | undefined> | TwilioCredentials | undefined;

/** How long the answers of {@link AccountResolver} are cached, and how often strangers may cause a call of it. */
export interface AccountCacheOptions {
  /**
   * How long a found account is cached. A changed token takes effect after this time, and a revoked token is accepted
   * until then. `0` calls the resolver for each request. @default 60000
   */
  readonly ttlMs?: number | undefined;
  /**
   * How long an address without an account counts as unknown. A new number may be refused for this time. @default 30000
   */
  readonly missTtlMs?: number | undefined;
  /** The most found addresses in the cache, and the most unknown addresses in it. @default 10000 */
  readonly maxEntries?: number | undefined;
  /**
   * How many lookups of unknown addresses per second unverified requests may cause. Ten times as many may come at once.
   * Requests beyond that are answered 503. An address that was found before is not counted. @default 10
   */
  readonly missesPerSecond?: number | undefined;
  /** How long a lookup may take. After this time a webhook is answered 503. @default 5000 */
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
