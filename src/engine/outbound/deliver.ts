import { OwnlineError } from "../../errors.ts";
import { newId } from "../../model/ids.ts";
import type { ClaimedSend, ConsentKeys, DueMessage, SendConditions, SendResultRecord } from "../../storage/storage.ts";
import type { SendRequest, SendResult } from "../../transport/transport.ts";
import { abortQuietly } from "../support/abort.ts";
import { consentsOf, consentWhere } from "../support/consent-place.ts";
import { type EngineContext, reportCancelled } from "../support/context.ts";
import { trouble } from "../support/problems.ts";
import { retrying } from "../support/retrying.ts";
import type { Route } from "../support/senders.ts";
import { conditionsOf, requestFor, UNJUDGED } from "./attempt.ts";
import { LONGEST_BACKOFF_MS, laterMs, reportDelivery } from "./outcome.ts";
import { accountCounters, rateLimitKeyOf, rateLimitOf } from "./rate-limit.ts";
import { LOOK_MS } from "./reconcile.ts";
import type { UnknownLines } from "./unknown-lines.ts";

const UNJUDGED_WAIT_MS = 60_000;
/** After an abort, a transport has this time to report whether the provider took the message. */
const CALLED_OFF_MS = 2000;

/** Sends one message that is due, if the send admission lets it. */
export type Deliver = (due: Due, signal: AbortSignal) => Promise<Delivered>;

type Due = Pick<DueMessage, "message" | "conversation">;

export interface Delivered {
  /** Whether the message was claimed or cancelled. */
  readonly done: boolean;
  /** When this message, or the next one of its conversation, is due; `null` where no such time is known. */
  readonly nextInMs: number | null;
}

/**
 * Makes the function that alone calls `transport.send`.
 *
 * @throws OwnlineError `storage_unavailable`: the function that it returns throws it
 */
export function createDeliver(context: EngineContext, unknownLines: UnknownLines): Deliver {
  return (due, signal) => send(context, due, signal, unknownLines);
}

async function send(
  context: EngineContext,
  due: Due,
  signal: AbortSignal,
  unknownLines: UnknownLines,
): Promise<Delivered> {
  const { storage, clock, reporter, worker } = context;
  const askedAt = clock.now();
  const callId = newId("o");
  const judged = await admissionOf(context, due);
  if (judged === null) {
    const done = await unknownLines.setAside(due.message, due.conversation.line, signal);
    return { done, nextInMs: done ? 0 : null };
  }
  const { conditions, consents } = judged;
  // The claim is repeated until the process stops. If its answer was lost, the message is in `sending`, and no other
  // worker may touch it.
  const claimed = await retrying(context, { signal }, () =>
    storage.claimSend({
      callId,
      scope: context.scope,
      workerId: context.workerId,
      leaseMs: worker.leaseMs,
      outboundId: due.message.id,
      orderWaitMs: context.sending.orderWaitMs,
      expiryMs: context.sending.expiryMs,
      conditions,
      consents,
    }),
  );
  if (claimed.outcome === "cancelled") reportCancelled(reporter, claimed.messages);
  if (claimed.outcome !== "claimed") return notDelivered(claimed);
  reportClaimed(context, claimed);

  const request = requestFor(claimed.message, claimed.attempt, due.conversation.line, {
    validityMs: context.sending.validityMs,
    signal,
  });
  // If this process froze since `askedAt`, its lease may have expired, and another worker may have marked the message
  // as unknown.
  const tooLate = clock.now() - askedAt >= worker.leaseMs;
  const result: SendResult = tooLate
    ? notSent("the process stood still for longer than its lease, so the message was not handed over")
    : await handOver(context, request, signal);
  if (result.kind === "refused" && (result.refusal === "configuration" || result.wholeAccount)) {
    reporter.error(new OwnlineError("transport_rejected", result.error.reason, errorCode(result.error.code)));
  }
  const recordCallId = newId("o");
  const recorded = resultRecordOf(context, claimed.message.from, claimed.attempt, result);
  const optsOut = recorded.kind === "refused" && recorded.next === "opt-out";
  const changed = optsOut ? await consentsOf(context, due, { changes: true }) : consents;
  const delivery = await retrying(context, { signal }, () =>
    storage.recordSend({
      callId: recordCallId,
      outboundId: claimed.message.id,
      attempt: claimed.attempt,
      result: recorded,
      consents: changed,
    }),
  );
  reportDelivery(context, delivery);
  return { done: true, nextInMs: delivery.nextInMs };
}

function notDelivered(claimed: Exclude<ClaimedSend, { readonly outcome: "claimed" }>): Delivered {
  switch (claimed.outcome) {
    case "cancelled":
      return { done: true, nextInMs: claimed.nextInMs };
    case "waiting":
      return { done: false, nextInMs: claimed.retryInMs };
    case "gone":
      return { done: false, nextInMs: null };
    default:
      return claimed satisfies never;
  }
}

/**
 * What the ledger checks before the message leaves. Where a policy or the resolver fails, the message waits: it must
 * not leave before the policies have judged it. `null` where the sender is not one of this process's senders; then no
 * policy is asked.
 */
async function admissionOf(context: EngineContext, due: Due): Promise<Admission | null> {
  const { conversation, message } = due;
  let conditions = UNJUDGED;
  let route: Route | null = null;
  try {
    route = await context.senders.routeInbound(message.from, conversation.line);
    if (route === null) return null;
    // An opt-out, a pause and the policies do not hold back the confirmation of an opt-out.
    if (message.origin !== "system") {
      const pairKey = await context.consentKey(conversation.line, conversation.participant);
      conditions = conditionsOf(context.policies, { origin: message.origin, pairKey, conversation, message });
    }
    const judged = {
      ...conditions,
      // A message that is delayed for longer than the expiry is cancelled at its expiry.
      delayMs: Math.min(conditions.delayMs, context.sending.expiryMs),
      counters: [...conditions.counters, ...accountCounters(context)],
      // A confirmation does not wait for the sender's other messages: it would come too late.
      rateLimit: message.origin === "system" ? null : rateLimitOf(context, message, route.ratePerSecond),
    };
    return { conditions: judged, consents: await context.consents(consentWhere(due, route)) };
  } catch (error) {
    context.reporter.error(trouble(error));
  }
  const waiting = { ...conditions, delayMs: Math.max(conditions.delayMs, UNJUDGED_WAIT_MS) };
  return { conditions: waiting, consents: await context.consents(consentWhere(due, route)) };
}

interface Admission {
  readonly conditions: SendConditions;
  readonly consents: ConsentKeys;
}

async function handOver(context: EngineContext, request: SendRequest, signal: AbortSignal): Promise<SendResult> {
  const over = new AbortController();
  try {
    return await Promise.race([context.transport.send(request), calledOff(context, signal, over.signal)]);
  } catch (error) {
    // A transport must not throw. If it throws, the provider may or may not have taken the message.
    context.reporter.error(
      new OwnlineError(
        "transport_unavailable",
        `the transport (${context.transport.name}) threw instead of returning a result; its message counts as unknown; see the cause`,
        {
          cause: error,
          retryable: true,
        },
      ),
    );
    return {
      kind: "unknown",
      error: { code: null, reason: "the transport threw, so it is not known whether the provider took it" },
    };
  } finally {
    abortQuietly(over);
  }
}

/**
 * Resolves to `unknown` some time after the abort. A transport that ignores its signal must not keep the process from
 * ending.
 */
function calledOff({ clock }: EngineContext, signal: AbortSignal, over: AbortSignal): Promise<SendResult> {
  return new Promise((resolve) => {
    const giveUp = async () => {
      await clock.sleep(CALLED_OFF_MS, { signal: over });
      const reason = "the process stopped before an answer came, so it is not known whether the provider took it";
      resolve({ kind: "unknown", error: { code: null, reason } });
    };
    if (signal.aborted) void giveUp();
    else signal.addEventListener("abort", () => void giveUp(), { once: true, signal: over });
  });
}

function resultRecordOf(
  { sending }: EngineContext,
  from: string,
  attempt: number,
  result: SendResult,
): SendResultRecord {
  switch (result.kind) {
    case "accepted":
      return { kind: "accepted", providerMessageId: result.providerMessageId, status: result.status };
    case "unknown":
      return { kind: "unknown", lookInMs: Math.min(LOOK_MS, sending.unknownWindowMs), error: result.error };
    case "refused": {
      const { error, refusal } = result;
      const again = refusal === "retry-now" || refusal === "retry-later" || result.wholeAccount;
      if (again) {
        const firstMs = refusal === "retry-now" ? sending.backoffMs : laterMs(sending);
        const backoffMs = Math.min(firstMs * 2 ** Math.min(attempt - 1, 20), LONGEST_BACKOFF_MS);
        // The wait never exceeds the expiry, even if the provider asks for longer: later messages wait for this one.
        const retryInMs = Math.min(Math.max(result.retryAfterMs ?? 0, backoffMs), sending.expiryMs);
        // All processes back off when they send from this number.
        const isTooFast = result.tooFast === true && sending.rateLimit !== false;
        const backOff = isTooFast ? { backOff: { key: rateLimitKeyOf(from), forMs: retryInMs } } : {};
        return { kind: "refused", next: "retry", retryInMs, error, ...backOff };
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

function errorCode(code: number | null): { providerCode?: number } {
  return code === null ? {} : { providerCode: code };
}

function reportClaimed({ reporter }: EngineContext, claimed: ClaimedSend & { outcome: "claimed" }): void {
  const { message, overtook } = claimed;
  reporter.status(message);
  for (const earlier of overtook) {
    reporter.notice({
      kind: "overtaken",
      conversationId: message.conversationId,
      messageId: earlier,
      detail: "a later message no longer waited for this one; the person may see them in another order",
    });
  }
}
