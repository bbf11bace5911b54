import { platformHashing } from "../../hmac.ts";
import { personOf } from "../../model/person-address.ts";
import { isMessagingService, withoutChannel } from "../../model/phone-number.ts";
import type { ConsentKeys } from "../../storage/storage.ts";

/** What a call knows about the senders that a person's consent is about. */
export interface ConsentWhere {
  readonly participant: string;
  /**
   * The number that the person texted, or that a message leaves from. Where a Messaging Service picks the number, the
   * service.
   */
  readonly sender: string;
  /** The service that the message came through, as the provider says. @default none */
  readonly through?: string | null;
  /** The conversation's earlier and current lines. Consent to their services is checked too. */
  readonly lines: readonly (string | undefined)[];
  /**
   * Whether the call may change consent. Only then do the keys include the other numbers of a service: a service may
   * have hundreds, and each costs a digest. @default false
   */
  readonly changes?: boolean;
}

/** The senders that a person's keyword is about, or that a message will leave from. */
export interface ConsentPlace {
  readonly participant: string;
  /** Numbers and Messaging Services. The first service is the one that the message came through. */
  readonly senders: readonly string[];
  /** Other numbers of these services. @default none */
  readonly siblings?: readonly string[];
  /** Whether an opt-out to one sender holds for all senders. */
  readonly coversAll: boolean;
  /** Whether an opt-out to any sender is checked, although an opt-out holds for one sender only. @default false */
  readonly asksPerson?: boolean;
}

/** Makes opaque keys for consent, so that the ledger can keep consent after it has erased the person. */
export interface ConsentFiling {
  /** The key of the counters of a line and a person. It is always the same for the same two. */
  key(line: string, participant: string): Promise<string>;
  /** The keys under which consent is stored and read. */
  keys(place: ConsentPlace): Promise<ConsentKeys>;
}

/** Stands for all senders in a key. No sender has this name. */
const ALL_SENDERS = "*";

/**
 * HMAC-SHA-256 under the ledger's own secret. The channel is left out, because an opt-out holds for SMS, MMS, RCS and
 * WhatsApp of one number. Two spellings of a person's number have one key.
 */
export function consentFiling(secret: string): ConsentFiling {
  const sign = platformHashing().signer("sha256", secret, "hex");
  const key = async (line: string, participant: string): Promise<string> =>
    sign(`${withoutChannel(line)}\n${personOf(participant)}`);

  return {
    key,
    async keys({ participant, senders, siblings = [], coversAll, asksPerson = false }) {
      const all = (addresses: Iterable<string>) =>
        Promise.all(Array.from(new Set(addresses), (address) => key(address, participant)));
      const own = new Set(senders.map(withoutChannel));
      const others = siblings.map(withoutChannel).filter((address) => !own.has(address));
      return {
        own: await all(own),
        services: await all([...own].filter(isMessagingService)),
        siblings: await all(others),
        person: await key(ALL_SENDERS, participant),
        asksPerson: coversAll || asksPerson,
        stops: coversAll ? null : [...own, ...others],
      };
    },
  };
}
