import { spellingsOf } from "../../model/person-address.ts";
import type { FindQuery, FoundMessages, Transport } from "../../transport/transport.ts";

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
