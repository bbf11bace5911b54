import { newId } from "../model/ids.ts";
import type { RecordedFact, StatusRecord } from "../storage/storage.ts";
import type { StatusReport } from "../transport/transport.ts";
import { consentsOf } from "./consent-place.ts";
import { type EngineContext, tellCancelled } from "./context.ts";
import { retryOf, tellRetried } from "./retry.ts";

/**
 * Records what the carrier reports about a message of ours.
 *
 * @throws OwnlineError `storage_unavailable`: the report must not be acknowledged then.
 */
export async function recordReport(context: EngineContext, report: StatusReport): Promise<RecordedFact> {
  const fact = (await isForeign(context, report)) ? UNMATCHED : await recordOf(context, report);
  if (fact.outcome === "unmatched") {
    context.tell.notice({
      kind: "unmatched-status",
      conversationId: null,
      messageId: null,
      detail: `the carrier reported "${report.rawStatus}" about a message that the ledger does not know; something else sends through this webhook, or the message was erased`,
    });
    return fact;
  }
  tellFact(context, fact);
  tellRetried(context, fact);
  return fact;
}

async function recordOf(context: EngineContext, report: StatusReport): Promise<RecordedFact> {
  const { outboundId, attempt, carrierId, status, rawStatus, error, optOut } = report;
  const retry = retryOf(context, report);
  const record = { outboundId, attempt, carrierId, status, rawStatus, error, retry };
  const write = (change: Pick<StatusRecord, "optOut" | "consents">) =>
    context.storage.recordStatus({ op: newId("o"), ...record, ...change });
  if (!optOut) return write({ optOut });
  // The message says which senders the opt-out is about. A report without its id finds it by the provider's.
  const named = outboundId === null ? null : await context.storage.story(outboundId);
  if (named !== null) return write({ optOut, consents: await consentsOf(context, named, { changes: true }) });
  const found = await write({ optOut: false });
  const story = found.message === null ? null : await context.storage.story(found.message.id);
  if (story === null) return found;
  const fact = await write({ optOut, consents: await consentsOf(context, story, { changes: true }) });
  const { outcome, changed } = found;
  return { ...fact, outcome, changed, cancelled: [...found.cancelled, ...fact.cancelled] };
}

/**
 * Whether a report speaks for another sender than the one it comes from: its sender's account may know that sender's
 * token, and nothing else.
 */
async function isForeign({ storage }: EngineContext, { sender, outboundId }: StatusReport): Promise<boolean> {
  if (sender === undefined) return false;
  // Whose message it is cannot be told.
  if (outboundId === null) return true;
  const story = await storage.story(outboundId);
  if (story === null || story.message.direction === "inbound") return false;
  const { from } = story.message;
  return from !== sender.from && from !== sender.service && story.conversation.line !== sender.service;
}

const UNMATCHED: RecordedFact = {
  outcome: "unmatched",
  message: null,
  changed: false,
  duplicate: false,
  cancelled: [],
  consentChanged: false,
  nextInMs: null,
};

/** A fact that has changed its message, and nothing else. */
export const CHANGED = {
  outcome: "recorded",
  changed: true,
  duplicate: false,
  cancelled: [],
  consentChanged: false,
  nextInMs: null,
} as const;

/** Tells what a fact from the carrier has changed. */
export function tellFact({ tell }: Pick<EngineContext, "tell">, fact: RecordedFact): void {
  const { message } = fact;
  if (message === null || fact.outcome === "repeated") return;
  const about = { conversationId: message.conversationId, messageId: message.id };
  if (fact.changed) {
    tell.status(message);
    const { status, error } = message;
    const kind = status === "undelivered" ? "failed" : status;
    if (kind === "failed" || kind === "unknown" || kind === "held") {
      const unsaid = {
        failed: `the carrier says ${status}`,
        unknown: "nobody knows whether the carrier took it",
        held: "a person must decide",
      };
      tell.notice({ kind, ...about, detail: error?.reason ?? unsaid[kind] });
    }
  }
  if (fact.duplicate) {
    tell.notice({
      kind: "duplicate",
      ...about,
      detail: `the carrier has this message ${message.carrierIds.length} times`,
    });
  }
  if (fact.consentChanged)
    tell.consent({
      conversationId: message.conversationId,
      state: "opted-out",
      source: "refused-send",
      confirmation: "not-needed",
    });
  tellCancelled(tell, fact.cancelled);
}
