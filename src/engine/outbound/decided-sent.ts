import type { OutboundMessage } from "../../model/message.ts";
import type { Storage, UnknownAttempt } from "../../storage/storage.ts";

const PAGE_MESSAGES = 500;

/**
 * Attempts that a person has decided to be sent (`resolve(id, "sent")`), for messages with the same words as this one,
 * in the same conversation. The provider has an entry for each, and no id in the ledger says which: so such an entry
 * must not prove that another message left.
 *
 * Read after {@link Storage.competingAttempts}: an attempt that a person decides about meanwhile stands in both, and in neither
 * the other way round. Reads the whole conversation, since an old message may have been sent again lately.
 *
 * @returns oldest attempt first
 * @throws OwnlineError `storage_unavailable`
 */
export async function decidedSent(storage: Storage, message: OutboundMessage): Promise<readonly UnknownAttempt[]> {
  const { conversationId } = message;
  const found: UnknownAttempt[] = [];
  let before = Number.MAX_SAFE_INTEGER;
  for (;;) {
    const page = await storage.messages({ conversationId, before, limit: PAGE_MESSAGES });
    for (const other of page) {
      before = other.seq;
      if (other.direction === "outbound" && mayHoldOne(other, message))
        found.push(...(await within(storage, other.id)));
    }
    if (page.length < PAGE_MESSAGES) break;
  }
  return found.toSorted((a, b) => a.startedAt - b.startedAt);
}

/** As much as the provider's list can tell apart: of pictures it shows how many. */
function mayHoldOne(other: OutboundMessage, { id, body, media }: OutboundMessage): boolean {
  const isAlike = other.id !== id && other.body === body && other.media.length === media.length;
  return isAlike && other.origin !== "auto-reply" && other.providerMessageIds.length < other.attempts;
}

/** A provider's answer, callback or list brings an id; only a person's decision makes an attempt accepted without one. */
async function within(storage: Storage, messageId: string): Promise<readonly UnknownAttempt[]> {
  const story = await storage.story(messageId);
  const attempts = story?.attempts ?? [];
  return attempts
    .filter(({ status, providerMessageId }) => status === "accepted" && providerMessageId === null)
    .map(({ outboundId, attempt, startedAt }) => ({ outboundId, attempt, startedAt }));
}
