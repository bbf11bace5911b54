import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { newId } from "../../model/ids.ts";
import { participantKeyOf, personOf } from "../../model/person-address.ts";
import { isMessagingService, normalizeAddress, withoutChannel } from "../../model/phone-number.ts";
import type { Erased, Storage } from "../../storage/storage.ts";

/** The person to forget, on one line or on all: see `Admin.erase`. */
export interface EraseRequest {
  readonly participant: string;
  readonly line?: string;
}

/** The addresses by which one number may have texted us: consent spans them, and so does forgetting. */
const CHANNELS = ["", "whatsapp:", "rcs:"];
/** Longer than any address that a storage holds. */
const LONGEST_ADDRESS = 255;
/** A storage holds no address with one of these, so nothing can be found under it. */
const UNKEEPABLE = /[\p{Control}\p{Surrogate}]/u;

/** The ways in which the ledger may hold an address. */
interface Spellings {
  readonly all: readonly string[];
  /** Why a provider would not understand the address, `null` where it would. The ledger may hold it all the same. */
  readonly refusal: OwnlineError | null;
}

/**
 * Reads the order before anything is opened, and returns what carries it out.
 *
 * The ledger holds what the provider sent, and that is not always a number in E.164: a name, a short code, a national
 * number. So an address is looked for as it is written too. An address that is not a number, and that the ledger does
 * not hold, is refused: a number that was mistyped must not look erased.
 *
 * @throws OwnlineError `invalid_address`
 */
export function eraseOrder(order: EraseRequest): (storage: Pick<Storage, "erase">) => Promise<Erased> {
  const participant = spellingsOf(order.participant, "participant");
  if (participant.all.some(isMessagingService)) {
    throw new OwnlineError(
      "invalid_address",
      "participant is a Messaging Service, not a person: give the person's number",
    );
  }
  const line = order.line === undefined ? null : spellingsOf(order.line, "line");
  const addresses = new Set(participant.all.flatMap(acrossChannels));

  return async (storage) => {
    let conversations = 0;
    let messages = 0;
    const failures: unknown[] = [];
    for (const address of addresses) {
      for (const spelling of line?.all ?? [null]) {
        try {
          const erased = await storage.erase({ callId: newId("o"), participant: address, line: spelling });
          conversations += erased.conversations;
          messages += erased.messages;
        } catch (error) {
          // What is filed under the person's other addresses goes all the same.
          failures.push(error);
        }
      }
    }
    if (failures.length > 0) throw failures[0];
    const refusal = participant.refusal ?? line?.refusal ?? null;
    if (conversations > 0 || refusal === null) return { conversations, messages };
    throw new OwnlineError(
      "invalid_address",
      `no conversation has this address as it is written, and ${refusal.message}`,
    );
  };
}

function spellingsOf(address: unknown, name: string): Spellings {
  const written = typeof address === "string" ? address : "";
  try {
    return { all: [...new Set([normalizeAddress(address, name), written])], refusal: null };
  } catch (refusal) {
    const mayBeStored = written !== "" && written.length <= LONGEST_ADDRESS && !UNKEEPABLE.test(written);
    if (!isOwnlineError(refusal) || !mayBeStored) throw refusal;
    return { all: [written], refusal };
  }
}

/** On WhatsApp a number may be another person's than on SMS: both are forgotten. */
function acrossChannels(address: string): readonly string[] {
  const numbers = [withoutChannel(address), personOf(address)];
  return numbers.flatMap((number) => {
    return number.startsWith("+") ? CHANNELS.map((channel) => participantKeyOf(channel + number)) : [address];
  });
}
