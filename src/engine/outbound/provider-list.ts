import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { spellingsOf } from "../../model/person-address.ts";
import type { FindQuery, FoundMessages, Transport, UnreadableEntry } from "../../transport/transport.ts";

/**
 * What the provider's list shows of a sender's messages to one person, under each spelling of the person's number: an
 * entry stands under the one that its message was sent to.
 *
 * @throws OwnlineError as `Transport.find`
 */
export async function findInList(
  transport: Pick<Transport, "find">,
  { to, ...query }: FindQuery & { readonly to: string },
): Promise<FoundMessages> {
  const lists = await Promise.all(spellingsOf(to).map((spelling) => transport.find({ ...query, to: spelling })));
  // A transport may show an entry under both spellings.
  const entries = new Map(lists.flatMap(({ messages }) => messages).map((entry) => [entry.providerMessageId, entry]));
  const moments = lists.map(({ asOf }) => asOf);
  return {
    messages: [...entries.values()].toSorted((one, other) => other.createdAt - one.createdAt),
    unreadable: lists.flatMap(({ unreadable = [] }) => unreadable),
    // What no list shows was not there when the first one was answered.
    asOf: moments.reduce((one, other) => (one === null || other === null ? null : Math.min(one, other))),
  };
}

/** A transport throws errors of ours; one that throws anything else has still not read the list. */
export function listTrouble(transport: string, error: unknown): OwnlineError {
  if (isOwnlineError(error) && error.party === "transport") return error;
  const message = `the transport (${transport}) could not read the provider's list; it is asked again; see the cause`;
  return new OwnlineError("transport_unavailable", message, { cause: error, retryable: true });
}

/** One entry of the provider's list that makes no sense: the others count all the same. */
export function unreadableEntry(transport: string, { providerMessageId, reason }: UnreadableEntry): OwnlineError {
  const which = providerMessageId === null ? "an entry" : `the entry ${providerMessageId}`;
  const message = `the transport (${transport}) cannot read ${which} of the provider's list: ${reason}. The other entries are read, and this one is read again for as long as it is recent; look the message up at the provider`;
  return new OwnlineError("transport_unavailable", message, { retryable: true });
}
