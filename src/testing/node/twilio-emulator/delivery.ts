import { OwnlineError } from "../../../errors.ts";
import type { Caller } from "./caller.ts";
import type { FaultPlan } from "./faults.ts";
import type { EmulatedMessage, EmulatedStatus, Ledger } from "./ledger.ts";

/** @see https://www.twilio.com/docs/api/errors/30036 */
const EXPIRED = 30036;

/** The final status of a text that Twilio took. */
export interface EmulatedOutcome {
  readonly status: "sent" | "delivered" | "undelivered" | "failed" | "read";
  /** Twilio's code, for example 30003. */
  readonly errorCode?: number;
}

const OUTCOMES: ReadonlySet<unknown> = new Set<EmulatedOutcome["status"]>([
  "sent",
  "delivered",
  "undelivered",
  "failed",
  "read",
]);

/**
 * Checks the outcome that a test gives for a message.
 *
 * @throws OwnlineError `invalid_options` for a status that is not final, and for any other value
 */
export function checkOutcome(outcome: unknown): void {
  const { status, errorCode }: { status?: unknown; errorCode?: unknown } =
    typeof outcome === "object" && outcome !== null ? outcome : {};
  if (!OUTCOMES.has(status)) {
    throw new OwnlineError(
      "invalid_options",
      `setOutcome() takes { status } of ${[...OUTCOMES].join(", ")}, for example { status: "undelivered", errorCode: 30003 }. A message that stays queued needs the emulator's option statuses: "manual"`,
    );
  }
  if (errorCode !== undefined && !Number.isInteger(errorCode)) {
    throw new OwnlineError(
      "invalid_options",
      "setOutcome() takes an errorCode that is a number of Twilio's, such as 30003",
    );
  }
}

export interface DeliveryOptions {
  readonly ledger: Ledger;
  readonly faults: FaultPlan;
  readonly call: Caller;
  readonly outcomeOf: (message: EmulatedMessage) => EmulatedOutcome;
  /** Waits between two statuses. */
  readonly pause: () => Promise<void>;
}

export interface Delivery {
  /** Gives a message one status after the other, up to its outcome, and posts each status to its callback. */
  run(sid: string): Promise<void>;
  /** Gives a message one status and posts it. */
  report(sid: string, status: EmulatedStatus, errorCode?: number): Promise<void>;
}

/**
 * Plans the statuses that follow the creation of a message.
 *
 * @see https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
 */
export function createDelivery({ ledger, faults, call, outcomeOf, pause }: DeliveryOptions): Delivery {
  async function post(message: EmulatedMessage): Promise<void> {
    if (message.statusCallback === null) return;
    const subject = { from: message.from, to: message.to, body: message.body };
    const fault = faults.take(subject, "drop-callback", "duplicate-callback");
    if (fault?.kind === "drop-callback") return;
    for (let left = fault?.kind === "duplicate-callback" ? 2 : 1; left > 0; left--) {
      const { response, failure } = await call(message.statusCallback, "POST", callbackParams(ledger, message));
      if (response === null) ledger.alert(11205, `the status callback was not answered: ${failure}`, message.sid);
      else if (response.status >= 400) {
        ledger.alert(11200, `the status callback was answered with HTTP ${response.status}`, message.sid);
      }
    }
  }

  function advance(sid: string, status: EmulatedStatus, errorCode: number | undefined): EmulatedMessage {
    const before = ledger.get(sid);
    const from = before?.from ?? senderFor(before);
    const sentAt = before?.sentAt ?? (status === "sent" || status === "delivered" ? ledger.now() : null);
    return ledger.update(sid, { status, from, sentAt, errorCode: errorCode ?? null });
  }

  /** A Messaging Service picks its number when it takes the message from its queue. */
  function senderFor(message: EmulatedMessage | undefined): string | null {
    const service = message?.messagingServiceSid;
    return service ? (ledger.services.get(service)?.senders[0] ?? null) : null;
  }

  /** Twilio fails a message that has waited for longer than its validity period. */
  const isExpired = ({ createdAt, validityMs }: EmulatedMessage): boolean =>
    validityMs !== null && ledger.now() - createdAt > validityMs;

  return {
    async run(sid) {
      const message = ledger.get(sid);
      if (message === undefined) return;
      const steps = stepsTo(message.status, outcomeOf(message));
      const subject = { from: message.from, to: message.to, body: message.body };
      const reordered = message.statusCallback !== null && faults.take(subject, "reorder-callbacks") !== undefined;
      const late: EmulatedMessage[] = [];
      for (const { status, errorCode } of steps) {
        await pause();
        // The message was cancelled or deleted meanwhile, so no status follows.
        const current = ledger.get(sid);
        if (current === undefined || current.status === "canceled") return;
        const expired = status === "sent" && isExpired(current);
        const now = expired ? advance(sid, "failed", EXPIRED) : advance(sid, status, errorCode);
        if (reordered) late.unshift(now);
        else await post(now);
        if (expired) break;
      }
      for (const state of late) await post(state);
    },
    async report(sid, status, errorCode) {
      await post(advance(sid, status, errorCode));
    },
  };
}

interface Step {
  readonly status: EmulatedStatus;
  readonly errorCode?: number;
}

/** The initial status has no callback, so it is not in this list. */
function stepsTo(initial: EmulatedStatus, outcome: EmulatedOutcome): Step[] {
  const queued: Step[] = initial === "accepted" ? [{ status: "queued" }] : [];
  switch (outcome.status) {
    case "sent":
      return [...queued, { status: "sent" }];
    case "failed":
      return [...queued, outcome];
    case "delivered":
    case "undelivered":
      return [...queued, { status: "sent" }, outcome];
    case "read":
      return [...queued, { status: "sent" }, { status: "delivered" }, outcome];
    default:
      return outcome.status satisfies never;
  }
}

function callbackParams(ledger: Ledger, message: EmulatedMessage): Record<string, string> {
  return {
    ApiVersion: "2010-04-01",
    AccountSid: ledger.accountSid,
    MessageSid: message.sid,
    MessageStatus: message.status,
    SmsSid: message.sid,
    SmsStatus: message.status,
    From: message.from ?? "",
    To: message.to,
    ...(message.messagingServiceSid === null ? {} : { MessagingServiceSid: message.messagingServiceSid }),
    ...(message.errorCode === null ? {} : { ErrorCode: String(message.errorCode) }),
  };
}
