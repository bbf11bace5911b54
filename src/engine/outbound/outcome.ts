import type { OutboundMessage } from "../../model/message.ts";
import type { RecordedDelivery, RetryTerms } from "../../storage/storage.ts";
import { type EngineContext, reportCancelled } from "../support/context.ts";

export const LONGEST_BACKOFF_MS = 900_000;
const LATER_MS = 60_000;

/**
 * The first wait of a message that the provider does not send for now. A full queue at the provider empties in minutes,
 * not seconds.
 */
export function laterMs({ backoffMs }: EngineContext["sending"]): number {
  return Math.max(backoffMs, LATER_MS);
}

/** When a message is sent again that the provider took and then failed to send; `null` where the failure is final. */
export function retryOf(
  { sending }: Pick<EngineContext, "sending">,
  { temporary }: { readonly temporary?: boolean },
): RetryTerms | null {
  return temporary === true ? { firstMs: laterMs(sending), mostMs: LONGEST_BACKOFF_MS } : null;
}

/** Reports that a message which the provider took will be sent again. */
export function reportRetried(
  { reporter }: Pick<EngineContext, "reporter">,
  { changed, message }: RecordedDelivery,
): void {
  if (!changed || message?.status !== "waiting") return;
  reporter.notice({
    kind: "retried",
    conversationId: message.conversationId,
    messageId: message.id,
    detail: `the provider took the message and did not send it, so it is sent again later: ${message.error?.reason ?? "no reason"}`,
  });
}

/** Reports what a delivery from the provider has changed. */
export function reportDelivery({ reporter }: Pick<EngineContext, "reporter">, delivery: RecordedDelivery): void {
  const { message } = delivery;
  if (message === null || delivery.outcome === "repeated") return;
  const about = { conversationId: message.conversationId, messageId: message.id };
  if (delivery.changed) {
    reporter.status(message);
    const { status, error } = message;
    const kind = status === "undelivered" ? "failed" : status;
    if (kind === "failed" || kind === "unknown" || kind === "held") {
      const unsaid = {
        failed: `the provider says ${status}`,
        unknown: "it is not known whether the provider took it",
        held: "an operator must decide",
      };
      reporter.notice({ kind, ...about, detail: error?.reason ?? unsaid[kind] });
    }
  }
  if (delivery.duplicate) {
    reporter.notice({
      kind: "duplicate",
      ...about,
      detail: `the provider has this message ${message.providerMessageIds.length} times`,
    });
  }
  if (delivery.consentChanged)
    reporter.consent({
      conversationId: message.conversationId,
      state: "opted-out",
      source: "refused-send",
      confirmation: "not-needed",
    });
  reportCancelled(reporter, delivery.cancelled);
}

/** Reports messages that the ledger has marked as `unknown`. */
export function reportUnknown(context: Pick<EngineContext, "reporter">, messages: readonly OutboundMessage[]): void {
  for (const message of messages) {
    reportDelivery(context, {
      outcome: "recorded",
      message,
      changed: true,
      duplicate: false,
      cancelled: [],
      consentChanged: false,
      nextInMs: null,
    });
  }
}
