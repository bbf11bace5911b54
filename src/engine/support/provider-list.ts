import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { spellingsOf } from "../../model/person-address.ts";
import type { FindQuery, FoundMessages, Transport, UnreadableEntry } from "../../transport/transport.ts";
import type { EngineContext } from "./context.ts";
import { firstTime } from "./problems.ts";

/**
 * Reads a sender's messages to one person from the provider's list. It asks under each spelling of the person's number,
 * because the list shows a message under the spelling that it was sent to.
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
    // A message that no list shows was not there when the provider answered the first list.
    asOf: moments.reduce((one, other) => (one === null || other === null ? null : Math.min(one, other))),
  };
}

/** The error for a list that was not read. A transport throws an `OwnlineError`; any other error is wrapped in one. */
export function listTrouble(transport: string, error: unknown): OwnlineError {
  if (isOwnlineError(error) && error.party === "transport") return error;
  const message = `the transport (${transport}) could not read the provider's list; it is asked again; see the cause`;
  return new OwnlineError("transport_unavailable", message, { cause: error, retryable: true });
}

/** Reports the entries of a list that cannot be read, each once for each `list`. The other entries are used. */
export type ReportUnreadable = (list: string, found: Pick<FoundMessages, "unreadable">) => void;

export function createUnreadableReport({
  transport,
  reporter,
}: Pick<EngineContext, "transport" | "reporter">): ReportUnreadable {
  const isNew = firstTime();
  return (list, { unreadable = [] }) => {
    for (const entry of unreadable) {
      if (isNew(`${list} ${entry.providerMessageId ?? entry.reason}`))
        reporter.error(unreadableEntry(transport.name, entry));
    }
  };
}

function unreadableEntry(transport: string, { providerMessageId, reason }: UnreadableEntry): OwnlineError {
  const which = providerMessageId === null ? "an entry" : `the entry ${providerMessageId}`;
  const message = `the transport (${transport}) cannot read ${which} of the provider's list: ${reason}. The other entries are read, and this one is read again for as long as it is recent; look the message up at the provider`;
  return new OwnlineError("transport_unavailable", message, { retryable: true });
}
