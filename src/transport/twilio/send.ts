import type { ProviderStatus } from "../../model/delivery-status.ts";
import type { MessageError } from "../../model/message.ts";
import { isMessagingService } from "../../model/phone-number.ts";
import type { RefusalClass, SendRequest, SendResult } from "../transport.ts";
import { classifyError, parseRetryAfter } from "./errors.ts";
import type { CreateMessage, RestAnswer, RestFailure } from "./rest.ts";
import { isRedirect, settle } from "./send-message.ts";

/** The query parameter that names the attempt of a status callback: `ownline=<outbound id>.<attempt>`. */
export const ATTEMPT_PARAMETER = "ownline";

// A rate or a queue of the sender is full: https://www.twilio.com/docs/api/errors/30022 and others.
const TOO_FAST: ReadonlySet<number> = new Set([14107, 20429, 21611, 30001, 30022, 63017, 63018]);

// https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
const LONGEST_VALIDITY_S = 36_000;

// The credentials are wrong, or the account is closed or suspended: Twilio refuses every message of the account.
const WHOLE_ACCOUNT: ReadonlySet<number> = new Set([20003, 20005, 20006, 30002]);

/**
 * The URL to which Twilio posts the statuses of one attempt: the webhook's URL with the attempt in its query. A
 * fragment stays at the end, because it carries the retry overrides (`#rc=5&rp=all`).
 *
 * @see https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
 */
export function statusCallbackUrl(
  webhookUrl: string,
  { outboundId, attempt }: Pick<SendRequest, "outboundId" | "attempt">,
): string {
  const [bare = "", ...fragment] = webhookUrl.split("#");
  const joint = !bare.includes("?") ? "?" : /[?&]$/.test(bare) ? "" : "&";
  const query = `${ATTEMPT_PARAMETER}=${encodeURIComponent(outboundId)}.${attempt}`;
  return [`${bare}${joint}${query}`, ...fragment].join("#");
}

/** The attempt in the query of a status callback; nulls where the query names none. */
export function attemptOf(query: URLSearchParams): {
  readonly outboundId: string | null;
  readonly attempt: number | null;
} {
  const [, outboundId, attempt] = /^(.+)\.(\d{1,9})$/.exec(query.get(ATTEMPT_PARAMETER) ?? "") ?? [];
  return outboundId === undefined ? { outboundId: null, attempt: null } : { outboundId, attempt: Number(attempt) };
}

/**
 * A send as Twilio's create call takes it. Where the line is a Messaging Service, the call names the service and the
 * conversation's number, so that replies keep that number.
 *
 * @see https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
 */
export function createMessage(request: SendRequest, webhookUrl: string): CreateMessage {
  const { line, from, to, body, media, validityMs } = request;
  const service = [line, from].find(isMessagingService);
  return {
    to,
    ...(isMessagingService(from) ? {} : { from }),
    ...(service === undefined ? {} : { messagingServiceSid: service }),
    ...(body === "" ? {} : { body }),
    ...(media.length === 0 ? {} : { mediaUrl: media.map(({ url }) => url) }),
    ...(validityMs === undefined ? {} : { validityPeriod: validityPeriodOf(validityMs) }),
    statusCallback: statusCallbackUrl(webhookUrl, request),
  };
}

/** The outcome of a create call, as the port's {@link SendResult}. */
export function sendResult(outcome: RestAnswer | RestFailure, nowMs: number): SendResult {
  const settled = settle(outcome);
  switch (settled.kind) {
    case "accepted": {
      const { sid, status } = settled;
      return {
        kind: "accepted",
        providerMessageId: sid,
        status: providerStatus(status) ?? "accepted",
        rawStatus: status,
      };
    }
    case "unknown":
      return { kind: "unknown", error: { code: settled.code ?? null, reason: settled.reason } };
    case "unreached": {
      // A redirect concerns every message of the account, not only this one.
      const wholeAccount = isRedirect(outcome);
      const error = { code: null, reason: settled.reason };
      return refused(wholeAccount ? "configuration" : "retry-later", error, { wholeAccount });
    }
    case "refused": {
      const { httpStatus, code, retryAfter } = settled;
      const found = classifyError(settled);
      const error = { code: code ?? null, reason: `Twilio answered with HTTP ${httpStatus}: ${found.remedy}` };
      if (found.class === "ambiguous") return { kind: "unknown", error };
      // Twilio did not process the request: https://www.twilio.com/docs/api/errors/20429
      const refusal = httpStatus === 429 && code === undefined ? "retry-now" : found.class;
      const wholeAccount = httpStatus === 401 || (code !== undefined && WHOLE_ACCOUNT.has(code));
      const tooFast = httpStatus === 429 || (code !== undefined && TOO_FAST.has(code));
      return refused(refusal, error, { wholeAccount, retryAfterMs: parseRetryAfter(retryAfter, nowMs), tooFast });
    }
    default:
      return settled satisfies never;
  }
}

function refused(
  refusal: RefusalClass,
  error: MessageError,
  more: {
    readonly wholeAccount?: boolean;
    readonly retryAfterMs?: number | undefined;
    readonly tooFast?: boolean;
  } = {},
): SendResult {
  const { wholeAccount = false, retryAfterMs = null, tooFast = false } = more;
  return { kind: "refused", refusal, wholeAccount, retryAfterMs, tooFast, error };
}

/**
 * Twilio's status as ownline's status; undefined for a status that is not known here, or that is of an inbound text.
 *
 * @see https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
 */
export function providerStatus(raw: string): ProviderStatus | undefined {
  switch (raw) {
    case "accepted":
    case "scheduled":
    case "queued":
    case "sending":
      return "accepted";
    case "sent":
      return "sent";
    case "delivered":
    case "partially_delivered":
    case "read":
      return "delivered";
    case "undelivered":
      return "undelivered";
    case "failed":
    case "canceled":
      return "failed";
    default:
      return undefined;
  }
}

/** Whole seconds, rounded down, so that the period is never longer than `validityMs`. Twilio's least is 1 s. */
function validityPeriodOf(validityMs: number): number {
  return Math.min(Math.max(1, Math.floor(validityMs / 1000)), LONGEST_VALIDITY_S);
}
