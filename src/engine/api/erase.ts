import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { newId } from "../../model/ids.ts";
import { participantKeyOf, personOf } from "../../model/person-address.ts";
import { isMessagingService, normalizeAddress, withoutChannel } from "../../model/phone-number.ts";
import type { Erased, Storage } from "../../storage/storage.ts";

/** The person whose data is erased, on one line or on all: see `Admin.erase`. */
export interface EraseRequest {
  readonly participant: string;
  readonly line?: string;
}

/**
 * The prefixes of the addresses that one number may text from. An opt-out holds for all of them, and so does an
 * erasure.
 */
const CHANNELS = ["", "whatsapp:", "rcs:"];
/** Longer than any address that a storage holds. */
const LONGEST_ADDRESS = 255;
/** A storage holds no address with one of these characters, so a search would find nothing. */
const UNKEEPABLE = /[\p{Control}\p{Surrogate}]/u;

/** The ways in which the ledger may hold an address. */
interface Spellings {
  readonly all: readonly string[];
  /**
   * Why the address is not a number in E.164; `null` where it is one. The ledger may hold the address in both cases.
   */
  readonly refusal: OwnlineError | null;
}

/**
 * Checks the order before the storage is opened, and returns a function that erases.
 *
 * The ledger holds addresses as the provider sent them. Some are not numbers in E.164, but a name, a short code or a
 * national number. So the function also looks for the address as it is written. It refuses an address that is not a
 * number in E.164 and that the ledger does not hold, because it may be mistyped. It does not refuse a number that the
 * ledger does not hold: the result then shows 0 conversations, also where the number is mistyped.
 *
 * @throws OwnlineError `invalid_address`, also from the function that it returns; that function also throws
 * `storage_unavailable`
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
          // A failure at one address does not keep the others from being erased.
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

/** A number may have another spelling on WhatsApp than on SMS. Both spellings are erased, on every channel. */
function acrossChannels(address: string): readonly string[] {
  const numbers = [withoutChannel(address), personOf(address)];
  return numbers.flatMap((number) => {
    return number.startsWith("+") ? CHANNELS.map((channel) => participantKeyOf(channel + number)) : [address];
  });
}
