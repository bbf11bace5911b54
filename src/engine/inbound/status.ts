import { newId } from "../../model/ids.ts";
import type { RecordedDelivery, StatusRecord } from "../../storage/storage.ts";
import type { StatusCallback } from "../../transport/transport.ts";
import { reportDelivery, reportRetried, retryOf } from "../outbound/outcome.ts";
import { consentsOf } from "../support/consent-place.ts";
import type { EngineContext } from "../support/context.ts";

/**
 * Records a status callback about a message that this service sent. Returns `null` where the ledger does not know the
 * message, or where the callback came for another sender than the message's.
 *
 * @throws OwnlineError `storage_unavailable`, `storage_corrupt`: the caller must not acknowledge the callback.
 */
export async function recordCallback(
  context: EngineContext,
  callback: StatusCallback,
): Promise<RecordedDelivery | null> {
  const delivery = (await isForeign(context, callback)) ? null : await recordOf(context, callback);
  if (delivery === null || delivery.outcome === "unmatched") {
    context.reporter.notice({
      kind: "unmatched-status",
      conversationId: null,
      messageId: null,
      detail: `the provider reported "${callback.rawStatus}" about a message that the ledger does not know; something else sends through this webhook, or the message was erased`,
    });
    return null;
  }
  reportDelivery(context, delivery);
  reportRetried(context, delivery);
  return delivery;
}

async function recordOf(context: EngineContext, callback: StatusCallback): Promise<RecordedDelivery> {
  const { outboundId, attempt, providerMessageId, status, rawStatus, error, optOut } = callback;
  const retry = retryOf(context, callback);
  const record = { outboundId, attempt, providerMessageId, status, rawStatus, error, retry };
  const write = (change: Pick<StatusRecord, "optOut" | "consents">) =>
    context.storage.recordStatus({ callId: newId("o"), ...record, ...change });
  if (!optOut) return write({ optOut });
  // The stored message says which senders the opt-out is about. A callback without the ledger's id of the message finds
  // it by the provider message id.
  const named = outboundId === null ? null : await context.storage.story(outboundId);
  if (named !== null) return write({ optOut, consents: await consentsOf(context, named, { changes: true }) });
  const found = await write({ optOut: false });
  const story = found.message === null ? null : await context.storage.story(found.message.id);
  if (story === null) return found;
  const delivery = await write({ optOut, consents: await consentsOf(context, story, { changes: true }) });
  const { outcome, changed } = found;
  return { ...delivery, outcome, changed, cancelled: [...found.cancelled, ...delivery.cancelled] };
}

/**
 * Whether a callback is about another sender's message. The account that signed the callback may know only the token of
 * its own sender, so it may report about that sender's messages alone.
 */
async function isForeign({ storage }: EngineContext, { sender, outboundId }: StatusCallback): Promise<boolean> {
  if (sender === undefined) return false;
  // Without the message's id, nothing shows whose message it is.
  if (outboundId === null) return true;
  const story = await storage.story(outboundId);
  if (story === null || story.message.direction === "inbound") return false;
  const { from } = story.message;
  return from !== sender.from && from !== sender.service && story.conversation.line !== sender.service;
}
