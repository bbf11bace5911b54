import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { reasonOf } from "../../thrown.ts";
import type { TwilioSettings } from "./options/account.ts";
import type { AccountCacheSettings, AccountResolver } from "./options.ts";

/** An account as its credentials make it: {@link TwilioSettings} without what all accounts share. */
export type Account = Pick<TwilioSettings, "rest" | "accountSid" | "authTokens">;

/** Finds the account of a number of ours. */
export interface Accounts {
  /**
   * The account of an address; `undefined` where it is not a tenant's. `unverified` says that a stranger may have
   * chosen the address: such lookups are bounded, and a known address is never refused for them.
   *
   * @throws OwnlineError `transport_unavailable` (retryable) where the resolver throws or hangs, or where strangers have
   * used up the lookups; `invalid_options` where it returns what cannot be credentials
   */
  find(address: string, how?: { readonly unverified?: boolean }): Promise<Account | undefined>;
}

interface Entry {
  readonly account: Account | undefined;
  readonly until: number;
}

/** An address of Twilio's is far shorter. */
const MAX_ADDRESS_LENGTH = 256;
/** How many lookups of unknown addresses may come at once, in seconds of their rate. */
const BURST_SECONDS = 10;

/**
 * Caches what `account` answers, found or not, and shares one call among all who ask for an address meanwhile. Unknown
 * addresses are kept apart, so that they push no known one out. A lookup that a stranger caused costs a token, which a
 * found account gives back: so strangers are bounded, and tenants are not.
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
        "requests about too many unknown numbers came, so this one is not looked up: the provider's retry brings it again. A number that was found before is not affected; raise accounts.missesPerSecond of twilio() if the new numbers are yours",
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
      const why = `account of twilio() did not answer within ${timeoutMs} ms: check what it asks, such as your database`;
      reject(unavailable(why));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    if (isOwnlineError(error)) throw error;
    throw unavailable(
      `account of twilio() threw an error (${reasonOf(error)}): check what it asks; see the cause`,
      error,
    );
  } finally {
    clearTimeout(timer);
  }
}

function unavailable(message: string, cause?: unknown): OwnlineError {
  return new OwnlineError("transport_unavailable", message, { retryable: true, cause });
}
