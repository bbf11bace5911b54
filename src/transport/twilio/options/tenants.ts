import { OwnlineError } from "../../../errors.ts";
import { isLiteral, mistakesError } from "../../../unknown-fields.ts";
import type {
  AccountCacheOptions,
  AccountCacheSettings,
  AccountResolver,
  SingleOptions,
  TwilioTenantOptions,
} from "../options.ts";
import { readOptions, SINGLE_NAMES, type TwilioSettings } from "./account.ts";
import { readNames, readShared } from "./shared.ts";

/** The options of several accounts, checked. */
export interface TenantSettings {
  readonly webhookUrl: string;
  readonly trustForwardedHeaders: boolean;
  readonly resolver: AccountResolver;
  readonly cache: AccountCacheSettings;
  /**
   * Makes an account of the credentials that the resolver returned.
   *
   * @throws OwnlineError `invalid_options`
   */
  accountOf(credentials: unknown): Pick<TwilioSettings, "rest" | "accountSid" | "authTokens">;
}

const CACHE_DEFAULTS: AccountCacheSettings = {
  ttlMs: 60_000,
  missTtlMs: 30_000,
  maxEntries: 10_000,
  missesPerSecond: 10,
  timeoutMs: 5000,
};
const TENANT_NAMES: readonly string[] = ["account", "accounts", "webhookUrl", "trustForwardedHeaders", "timeoutMs"];

/**
 * Checks the options of `twilio({ account })`.
 *
 * @throws OwnlineError `invalid_options`, with every mistake, each by its option's name and with its remedy.
 */
export function parseTenantOptions(options: TwilioTenantOptions): TenantSettings {
  const mistakes: string[] = [];
  // An instance of a class may have other fields.
  if (isLiteral(options)) readNames(options, [...TENANT_NAMES, ...SINGLE_NAMES], mistakes);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || TENANT_NAMES.includes(name) || !SINGLE_NAMES.includes(name)) continue;
    mistakes.push(
      `${name} cannot be given together with account, which returns it for each address: leave one of them out`,
    );
  }
  const resolver: unknown = options.account;
  if (typeof resolver !== "function") {
    mistakes.push("account must be a function: (address) => credentials, or undefined where the address is not yours");
  }
  const { webhookUrl, timeoutMs, trustForwardedHeaders } = readShared(options, mistakes);
  const cache = readCache(options.accounts, mistakes);
  if (mistakes.length > 0) throw mistakesError("twilio() cannot start", mistakes);
  return {
    webhookUrl,
    trustForwardedHeaders,
    resolver: (address) => options.account(address),
    cache,
    accountOf(credentials) {
      if (typeof credentials !== "object" || credentials === null || "account" in credentials) {
        throw new OwnlineError(
          "invalid_options",
          "the function account of twilio() must return credentials, { accountSid, authToken } or { client, authToken }, or undefined where the address is not yours",
        );
      }
      const faults: string[] = [];
      // `readOptions` checks the names and types of the fields.
      const settle = readOptions({ ...credentials, webhookUrl, timeoutMs } as SingleOptions, faults);
      if (faults.length > 0)
        throw mistakesError("the function account of twilio() returned credentials that cannot be used", faults);
      return settle();
    },
  };
}

function readCache(accounts: unknown = {}, mistakes: string[]): AccountCacheSettings {
  const cache: Record<keyof AccountCacheOptions, number> = { ...CACHE_DEFAULTS };
  if (typeof accounts !== "object" || accounts === null) {
    mistakes.push("accounts must be an object of options, such as { ttlMs: 60_000 }: or leave it out");
    return cache;
  }
  readNames(accounts, Object.keys(CACHE_DEFAULTS), mistakes, "accounts.");
  for (const [name, value] of Object.entries(accounts)) {
    if (value === undefined || !isCacheName(name)) continue;
    // A time of 0 means no caching, which is allowed. A limit of 0 would allow no lookup.
    const mayBeZero = name === "ttlMs" || name === "missTtlMs";
    if (typeof value === "number" && Number.isFinite(value) && (value > 0 || (mayBeZero && value === 0))) {
      cache[name] = value;
    } else mistakes.push(`accounts.${name} must be a number ${mayBeZero ? "from 0 on" : "above 0"}`);
  }
  return cache;
}

function isCacheName(name: string): name is keyof AccountCacheOptions {
  return Object.hasOwn(CACHE_DEFAULTS, name);
}
