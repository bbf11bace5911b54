import { OwnlineError } from "../../errors.ts";
import type { Conversation } from "../../model/conversation.ts";
import { firstMessageIdOf, newId } from "../../model/ids.ts";
import type { OutboundMessage } from "../../model/message.ts";
import type { RecordedDelivery } from "../../storage/storage.ts";
import { reportUnknown } from "../outbound/outcome.ts";
import { consentsNow } from "../support/consent-place.ts";
import { type EngineContext, reportCancelled } from "../support/context.ts";
import { findInList } from "../support/provider-list.ts";
import type { Scheduler } from "../worker/wake-ups.ts";
import type { Worker } from "../worker/worker.ts";
import { checkedDecision, checkedId } from "./inputs.ts";

/** The decisions that the ledger and the provider leave to an operator. */
export interface Repair {
  /**
   * Decides about a message that is `held` or `unknown`: `sent` where the operator has seen that it left, `resend`, or
   * `drop`. The messages that waited for it can then leave. Later parts of the same reply that were cancelled with it
   * stay cancelled.
   *
   * @throws OwnlineError `not_found`; `invalid_state` where the message is in another state, which the error names;
   * `storage_corrupt` where a row that the decision needs cannot be read
   */
  resolve(messageId: string, decision: "sent" | "resend" | "drop"): Promise<OutboundMessage>;
  /**
   * Has the AI answer the texts of a turn again that ended with the fallback text or as `failed`. Call it when the
   * cause of the failure is repaired. Idempotent: a second call for a requeued turn has no further effect.
   *
   * @throws OwnlineError `not_found`; `opted_out`; `invalid_state` where the turn did not end in one of these ways, or
   * where a later turn has answered since; `storage_corrupt` where a row that the call needs cannot be read
   */
  requeue(turnId: string): Promise<Conversation>;
  /**
   * Call it after a restore of the ledger from a backup, before `start()` or `processDue()`. Messages that the backup
   * has as unsent may have left since. All of them become `unknown`, and the engine looks for each in the provider's
   * list before it sends the message again. Texts that came since the backup are found in the provider's list, from the
   * backup's last sweep on (a day back where there was none). Where the list shows that such a text was answered, the
   * text is stored and not answered again.
   *
   * A text that the backup has as unanswered is answered, also where it was answered between backup and restore.
   *
   * It may be repeated: call it until it succeeds.
   *
   * @throws OwnlineError `invalid_state` after `start()` or `processDue()`; `transport_unavailable` where the
   * provider's list could not be read; `storage_unavailable`
   */
  recover(): Promise<Recovered>;
}

export interface Recovered {
  /** Messages that are now `unknown`. */
  readonly markedUnknown: number;
  /** Texts that the backup did not have. */
  readonly swept: number;
}

const MARK_LIMIT = 100;
const DAY_MS = 86_400_000;

export interface RepairParts {
  readonly worker: Worker;
  readonly scheduler: Scheduler;
  open(): Promise<unknown>;
  /** Whether this process has already worked on due messages and turns. */
  worked(): boolean;
}

export function createRepair(context: EngineContext, { worker, scheduler, open, worked }: RepairParts): Repair {
  const { storage, scope, transport, reporter, sending } = context;

  const reportResolved = (
    delivery: RecordedDelivery,
    message: OutboundMessage,
    dropped: boolean,
    detail: string,
  ): void => {
    reporter.status(message);
    const { conversationId, id: messageId } = message;
    reporter.notice({ kind: dropped ? "dropped" : "resolved", conversationId, messageId, detail });
    reportCancelled(reporter, delivery.cancelled);
  };

  return {
    async resolve(messageId, decision) {
      checkedId(messageId, "resolve", "the message's id");
      const reason = reasonFor(checkedDecision(decision));
      await open();
      const delivery = await storage.resolve({
        callId: newId("o"),
        outboundId: messageId,
        attempts: null,
        from: ["unknown", "held"],
        decision,
        reason,
        expiryMs: sending.expiryMs,
      });
      const { message } = delivery;
      if (message === null) {
        throw new OwnlineError(
          "not_found",
          "there is no outbound message with this id: it was erased, it is a person's text, or the id is another ledger's",
        );
      }
      if (delivery.outcome === "repeated") {
        throw new OwnlineError(
          "invalid_state",
          `the message is "${message.status}", so there is nothing to decide: only a message that is "held" or "unknown" can be resolved`,
        );
      }
      reportResolved(delivery, message, decision === "drop", reason);
      worker.wake();
      await scheduler.schedule(undefined, 0);
      return message;
    },

    async requeue(turnId) {
      checkedId(turnId, "requeue", "the turn's id");
      await open();
      const story = await storage.story(firstMessageIdOf(turnId));
      const consents = story === null ? {} : { consents: await consentsNow(context, story.conversation) };
      const order = { callId: newId("o"), turnId, ...consents };
      const { outcome, conversation } = await storage.requeueTurn(order);
      switch (outcome) {
        case "requeued":
          break;
        case "newer":
          throw new OwnlineError(
            "invalid_state",
            "a later turn has answered this conversation since, so the turn was not requeued: write to the person with send() instead",
          );
        case "not-failed":
          throw new OwnlineError(
            "invalid_state",
            "the turn was not requeued: only a turn that ended with the fallback text or as failed can be requeued",
          );
        case "opted-out":
          throw new OwnlineError("opted_out", "this person has texted STOP since, so the turn was not requeued");
        case "unmatched":
          throw new OwnlineError(
            "not_found",
            "there is no turn with this id: it was erased, or the id is another ledger's",
          );
        default:
          throw outcome satisfies never;
      }
      if (conversation === null) throw new OwnlineError("not_found", "the turn's conversation was erased");
      worker.wake();
      await scheduler.schedule(undefined, 0);
      return conversation;
    },

    async recover() {
      if (worked()) {
        throw new OwnlineError(
          "invalid_state",
          "recover() was called after start() or processDue(), so this process may already have sent a message twice. Restart the process, and call recover() first",
        );
      }
      await open();
      let markedUnknown = 0;
      for (;;) {
        const messages = await storage.markUnknown({ scope, callId: newId("o"), limit: MARK_LIMIT, lookInMs: 0 });
        reportUnknown(context, messages);
        markedUnknown += messages.length;
        if (messages.length === 0) break;
      }
      const { found, missed } = await worker.sweepNow({
        firstLookBackMs: DAY_MS,
        async isAnswered({ from, to, occurredAt }) {
          if (occurredAt === null) return false;
          const { messages } = await findInList(transport, { from: to, to: from, since: occurredAt });
          return messages.length > 0;
        },
      });
      if (missed > 0) {
        throw new OwnlineError(
          "transport_unavailable",
          `the provider's list could not be read to its end for ${missed} sender(s); the error event says why. Call recover() again in two minutes. Call start() only when recover() has succeeded`,
          { retryable: true },
        );
      }
      return { markedUnknown, swept: found };
    },
  };
}

function reasonFor(decision: "sent" | "resend" | "drop"): string {
  switch (decision) {
    case "sent":
      return "an operator has decided that it left";
    case "resend":
      return "an operator has decided to send it again";
    case "drop":
      return "an operator has dropped it";
    default:
      throw decision satisfies never;
  }
}
