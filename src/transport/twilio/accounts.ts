import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { reasonOf } from "../../thrown.ts";
import type { TwilioSettings } from "./options/account.ts";
import type { AccountCacheSettings, AccountResolver } from "./options.ts";

/** One account: {@link TwilioSettings} without the settings that all accounts share. */
export type Account = Pick<TwilioSettings, "rest" | "accountSid" | "authTokens">;

/** Finds the account that owns a sender. */
export interface Accounts {
  /**
   * The account of an address; `undefined` where the address is not a tenant's. `unverified` says that a stranger may
   * have chosen the address. Such lookups are limited. The limit never refuses a known address.
   *
   * @throws OwnlineError `transport_unavailable` (retryable) where the resolver throws or hangs, or where strangers
   * have used up the lookups; `invalid_options` where the resolver returns something that is not credentials
   */
  find(address: string, how?: { readonly unverified?: boolean }): Promise<Account | undefined>;
}

interface Entry {
  readonly account: Account | undefined;
  readonly until: number;
}

/** The addresses of Twilio are much shorter. */
const MAX_ADDRESS_LENGTH = 256;
/** How many lookups of unknown addresses may come at once, as a number of seconds of `missesPerSecond`. */
const BURST_SECONDS = 10;

/**
 * Caches the answers of `account`, also those without an account. Requests for the same address share one call. Unknown
 * addresses have their own cache, so that they replace no known address. A lookup that a stranger may have caused costs
 * a token, and a found account returns the token. So the lookups of strangers are limited, and those of tenants are
 * not.
 */
export function createAccounts(
  resolver: AccountResolver,
  accountOf: (credentials: unknown) => Account,
  options: AccountCacheSettings,
  now: () => number = () => performance.now(),
): Accounts {
  const { ttlMs, missTtlMs, maxEntries, missesPerSecond, timeoutMs } = options;
  const hits = new Map<string, Entry>();
  const misses = new Map<string, Entry>();
  const asking = new Map<string, Promise<Account | undefined>>();
  const burst = Math.max(1, missesPerSecond * BURST_SECONDS);
  let tokens = burst;
  let filledAt = now();

  const takeToken = (): void => {
    const at = now();
    tokens = Math.min(burst, tokens + ((at - filledAt) / 1000) * missesPerSecond);
    filledAt = at;
    if (tokens < 1) {
      throw unavailable(
        "requests about too many unknown numbers came, so this request's number is not looked up: the provider's retry sends the request again. A number that was found before is not affected; raise accounts.missesPerSecond of twilio() if the new numbers are yours",
      );
    }
    tokens -= 1;
  };

  const keep = (address: string, account: Account | undefined): void => {
    const [map, other, forMs] = account === undefined ? [misses, hits, missTtlMs] : [hits, misses, ttlMs];
    other.delete(address);
    map.delete(address);
    map.set(address, { account, until: now() + forMs });
    const [oldest] = map.size > maxEntries ? map.keys() : [];
    if (oldest !== undefined) map.delete(oldest);
  };

  const ask = async (address: string): Promise<Account | undefined> => {
    const found: unknown = await within(timeoutMs, async () => resolver(address));
    const account = found === undefined || found === null ? undefined : accountOf(found);
    keep(address, account);
    return account;
  };

  return {
    async find(address, { unverified = false } = {}) {
      if (address.length > MAX_ADDRESS_LENGTH) return undefined;
      const known = hits.get(address);
      const entry = known ?? misses.get(address);
      if (entry !== undefined && now() < entry.until) return entry.account;
      const shared = asking.get(address);
      if (shared !== undefined) return shared;
      const isCharged = unverified && known === undefined;
      if (isCharged) takeToken();
      const answer = ask(address).finally(() => asking.delete(address));
      asking.set(address, answer);
      const account = await answer;
      if (isCharged && account !== undefined) tokens = Math.min(burst, tokens + 1);
      return account;
    },
  };
}

async function within<Result>(timeoutMs: number, work: () => Promise<Result>): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const why = `the function account of twilio() did not answer within ${timeoutMs} ms: check what it calls, such as your database`;
      reject(unavailable(why));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    if (isOwnlineError(error)) throw error;
    throw unavailable(
      `the function account of twilio() threw an error (${reasonOf(error)}): check what it calls; see the cause`,
      error,
    );
  } finally {
    clearTimeout(timer);
  }
}

function unavailable(message: string, cause?: unknown): OwnlineError {
  return new OwnlineError("transport_unavailable", message, { retryable: true, cause });
}
