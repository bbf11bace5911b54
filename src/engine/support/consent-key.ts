import { platformHashing } from "../../hmac.ts";
import { personOf } from "../../model/person-address.ts";
import { isMessagingService, withoutChannel } from "../../model/phone-number.ts";
import type { ConsentKeys } from "../../storage/storage.ts";

/** What a call knows about the senders that a person's consent is about. */
export interface ConsentWhere {
  readonly participant: string;
  /** The number that was texted, or that a message leaves from; where a service picks one, the service. */
  readonly sender: string;
  /** The service that the message came through, as the provider says. @default none */
  readonly through?: string | null;
  /** The lines that the conversation had and has: their services are asked. */
  readonly lines: readonly (string | undefined)[];
  /**
   * Whether the call may change consent. Only then are the other numbers of a service among the keys: a service may
   * have hundreds, and each costs a digest. @default false
   */
  readonly changes?: boolean;
}

/** Where a person's word was said, or a message is to leave from. */
export interface ConsentPlace {
  readonly participant: string;
  /** Numbers, and Messaging Services among them: the first service is the one that a message came through. */
  readonly senders: readonly string[];
  /** Other numbers of these services. @default none */
  readonly siblings?: readonly string[];
  /** Whether an opt-out to any sender counts. */
  readonly coversAll: boolean;
  /** Whether an opt-out to any sender is asked although it covers one alone. @default false */
  readonly asksPerson?: boolean;
}

/** Files consent under opaque keys: the ledger can keep it when it has forgotten the person. */
export interface ConsentFiling {
  /** The same for the same line and person always: what counters are filed under. */
  key(line: string, participant: string): Promise<string>;
  /** Under which keys consent is filed and asked. */
  keys(place: ConsentPlace): Promise<ConsentKeys>;
}

/** In the place of a sender: all of them. No sender is called so. */
const ALL_SENDERS = "*";

/**
 * HMAC-SHA-256 under the ledger's own secret. The channel is left out, since an opt-out spans SMS, MMS, RCS and
 * WhatsApp of one number. A person's number that is written in two ways has one key.
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
