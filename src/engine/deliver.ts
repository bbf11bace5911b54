import { OwnlineError } from "../errors.ts";
import { newId } from "../model/ids.ts";
import type { OutboundMessage } from "../model/message.ts";
import type { ClaimedSend, DueMessage, SendConditions, SendResultRecord } from "../storage/storage.ts";
import type { SendRequest, SendResult } from "../transport/transport.ts";
import { conditionsOf } from "./conditions.ts";
import { type EngineContext, tellCancelled } from "./context.ts";
import { trouble } from "./heart.ts";
import { persist } from "./persist.ts";
import { requestFor } from "./request.ts";
import { tellFact } from "./status.ts";

const LONGEST_BACKOFF_MS = 900_000;
/** A refusal for now (a full queue, congestion) is asked about again after minutes, not seconds. */
const LATER_MS = 60_000;
const UNJUDGED_WAIT_MS = 60_000;
const UNJUDGED: SendConditions = {
  consent: false,
  unpaused: false,
  delayMs: 0,
  cancel: null,
  counters: [],
  pace: null,
};
/** What a transport gets to report how far it came, once it was called off. */
const CALLED_OFF_MS = 2000;

/**
 * Does what is due about one message of the outbox: sends it, or settles it when no witness spoke. The only caller of
 * `transport.send`. Returns whether anything was done.
 *
 * @throws OwnlineError `storage_unavailable`
 */
export async function deliver(context: EngineContext, due: DueMessage, signal: AbortSignal): Promise<boolean> {
  return due.message.status === "unknown" ? settle(context, due.message, signal) : send(context, due, signal);
}

async function send(context: EngineContext, due: DueMessage, signal: AbortSignal): Promise<boolean> {
  const { storage, clock, tell, worker } = context;
  const askedAt = clock.now();
  const op = newId("o");
  const conditions = await gate(context, due);
  // Not given up while this process lives: a claim whose answer was lost is in `sending`, and nobody else may touch it.
  const claimed = await persist(context, { signal }, () =>
    storage.claimSend({
      op,
      workerId: context.workerId,
      leaseMs: worker.leaseMs,
      outboundId: due.message.id,
      orderWaitMs: context.sending.orderWaitMs,
      conditions,
    }),
  );
  if (claimed.outcome === "cancelled") tellCancelled(tell, claimed.messages);
  if (claimed.outcome !== "claimed") return claimed.outcome === "cancelled";
  tellClaimed(context, claimed);

  const request = requestFor(claimed.message, claimed.attempt, due.conversation.line, {
    validityMs: context.sending.validityMs,
    signal,
  });
  // A process that froze since it asked may have been declared dead, and its message judged to be unknown.
  const tooLate = clock.now() - askedAt >= worker.leaseMs;
  const result: SendResult = tooLate
    ? notSent("the process stood still for longer than its lease, so the message was not handed over")
    : await handOver(context, request, signal);
  if (result.kind === "refused" && (result.refusal === "configuration" || result.wholeAccount)) {
    tell.error(new OwnlineError("carrier_rejected", `${result.error.reason}`, errorCode(result.error.code)));
  }
  const recordOp = newId("o");
  const fact = await persist(context, { signal }, () =>
    storage.recordSend({
      op: recordOp,
      outboundId: claimed.message.id,
      attempt: claimed.attempt,
      result: factOf(context, claimed.attempt, result),
    }),
  );
  tellFact(context, fact);
  return true;
}

/** What nobody could judge, because a policy or the resolver failed, waits: neither sent unjudged nor lost. */
async function gate(context: EngineContext, due: DueMessage): Promise<SendConditions> {
  const { conversation, message, consentKey } = due;
  let conditions = UNJUDGED;
  try {
    conditions = conditionsOf(context.policies, {
      origin: message.origin,
      pairKey: consentKey,
      conversation,
      message,
    });
    const configured = (await context.senders.routeInbound(message.from, conversation.line)) !== null;
    // Nothing waits longer than for its expiry: it is looked at then, and cancelled.
    if (configured) return { ...conditions, delayMs: Math.min(conditions.delayMs, context.sending.expiryMs) };
    context.tell.error(
      new OwnlineError(
        "unknown_sender",
        `message ${message.id} waits: its sender is no longer configured. Add the number to senders again, or let the message expire`,
      ),
    );
  } catch (error) {
    context.tell.error(trouble(error));
  }
  return { ...conditions, delayMs: Math.max(conditions.delayMs, UNJUDGED_WAIT_MS) };
}

async function handOver(context: EngineContext, request: SendRequest, signal: AbortSignal): Promise<SendResult> {
  const over = new AbortController();
  try {
    return await Promise.race([context.transport.send(request), calledOff(context, signal, over.signal)]);
  } catch (error) {
    // A transport must not throw; if one does, nobody knows how far it came.
    context.tell.error(
      new OwnlineError(
        "carrier_unavailable",
        `the transport (${context.transport.name}) threw instead of returning a result; the message is treated as unknown; see the cause`,
        {
          cause: error,
          retryable: true,
        },
      ),
    );
    return {
      kind: "unknown",
      error: { code: null, reason: "the transport threw, so nobody knows whether the carrier took it" },
    };
  } finally {
    over.abort();
  }
}

/** A transport that does not heed its signal must not keep the process from ending. */
function calledOff({ clock }: EngineContext, signal: AbortSignal, over: AbortSignal): Promise<SendResult> {
  return new Promise((resolve) => {
    const giveUp = async () => {
      await clock.sleep(CALLED_OFF_MS, { signal: over });
      const reason = "the process stopped before the carrier had answered, so nobody knows whether it took it";
      resolve({ kind: "unknown", error: { code: null, reason } });
    };
    if (signal.aborted) void giveUp();
    else signal.addEventListener("abort", () => void giveUp(), { once: true, signal: over });
  });
}

function factOf({ sending }: EngineContext, attempt: number, result: SendResult): SendResultRecord {
  switch (result.kind) {
    case "accepted":
      return { kind: "accepted", carrierId: result.carrierId, status: result.status };
    case "unknown":
      return { kind: "unknown", lookInMs: sending.unknownWindowMs, error: result.error };
    case "refused": {
      const { error, refusal } = result;
      const again = refusal === "retry-now" || refusal === "retry-later" || result.wholeAccount;
      if (again) {
        const firstMs = refusal === "retry-now" ? sending.backoffMs : Math.max(sending.backoffMs, LATER_MS);
        const backoffMs = Math.min(firstMs * 2 ** Math.min(attempt - 1, 20), LONGEST_BACKOFF_MS);
        // Never beyond its expiry, however long the carrier wants to be left alone: others wait behind it.
        const retryInMs = Math.min(Math.max(result.retryAfterMs ?? 0, backoffMs), sending.expiryMs);
        return { kind: "refused", next: "retry", retryInMs, error };
      }
      return { kind: "refused", next: refusal === "opted-out" ? "opt-out" : "fail", retryInMs: 0, error };
    }
    default:
      return result satisfies never;
  }
}

function notSent(reason: string): SendResult {
  return {
    kind: "refused",
    refusal: "retry-now",
    wholeAccount: false,
    retryAfterMs: null,
    error: { code: null, reason },
  };
}

function errorCode(code: number | null): { carrierCode?: number } {
  return code === null ? {} : { carrierCode: code };
}

function tellClaimed({ tell }: EngineContext, claimed: ClaimedSend & { outcome: "claimed" }): void {
  const { message, overtook } = claimed;
  tell.status(message);
  for (const earlier of overtook) {
    tell.notice({
      kind: "overtaken",
      conversationId: message.conversationId,
      messageId: earlier,
      detail: "a later message did not wait for it any longer; the person may see them in another order",
    });
  }
}

async function settle(context: EngineContext, message: OutboundMessage, signal: AbortSignal): Promise<boolean> {
  const decision = context.sending.unknown;
  const reasons = {
    resend: "no witness spoke for it within the window, so it is sent again; the person may get it twice",
    hold: "no witness spoke for it within the window; a person must decide whether it is sent again",
    drop: "no witness spoke for it within the window, and the policy is to drop it",
  } as const;
  const reason = reasons[decision];
  const op = newId("o");
  const fact = await persist(context, { signal }, () =>
    context.storage.resolve({
      op,
      outboundId: message.id,
      attempts: message.attempts,
      from: ["unknown"],
      decision,
      reason,
      expiryMs: context.sending.expiryMs,
    }),
  );
  if (fact.changed && decision === "resend") {
    context.tell.notice({
      kind: "resent",
      conversationId: message.conversationId,
      messageId: message.id,
      detail: reason,
    });
  }
  tellFact(context, fact);
  return fact.changed;
}
