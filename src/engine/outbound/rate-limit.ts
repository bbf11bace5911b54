import { OwnlineError } from "../../errors.ts";
import { hookNow } from "../../hook.ts";
import type { OutboundMessage } from "../../model/message.ts";
import { isMessagingService, isTollFree } from "../../model/phone-number.ts";
import type { CounterCondition, RateLimitCondition } from "../../storage/storage.ts";
import { DEFAULT_SCOPE } from "../options/parse-options.ts";
import type { EngineContext } from "../support/context.ts";

/** How many segments a provider takes from one sender in a second: https://www.twilio.com/docs/api/errors/21611 */
const LONG_CODE_PER_SECOND = 1;
const SHORT_CODE_PER_SECOND = 100;
/** The usual rate of a toll-free number without a higher agreed rate. Twilio's reference names no figure. */
const TOLL_FREE_PER_SECOND = 3;
/** A WhatsApp sender's first limit; Twilio raises it on request. */
const WHATSAPP_PER_SECOND = 80;

const SHORT_CODE = /^\d{3,8}$/;

/**
 * The message's condition in its sender's rate limit, which all processes share. The message costs the time that the
 * provider needs for its segments. At a sender without a rate a message costs nothing, but the sender backs off like
 * the others when the provider asks for it. `null` where the rate limit is off.
 *
 * @throws OwnlineError `invalid_options` where the function in `sending.rateLimit` throws or returns no rate
 */
export function rateLimitOf(
  { sending }: Pick<EngineContext, "sending">,
  message: Pick<OutboundMessage, "from" | "segments">,
  ownRate: number | undefined,
): RateLimitCondition | null {
  const { rateLimit } = sending;
  if (rateLimit === false) return null;
  const rate = ownRate ?? (rateLimit === "by-kind" ? rateOfKind(message.from) : rateBy(rateLimit, message.from));
  // Channels count messages, not segments.
  const units = message.from.includes(":") ? 1 : Math.max(1, message.segments);
  return {
    key: rateLimitKeyOf(message.from),
    costMs: rate === null ? 0 : Math.ceil((units * 1000) / rate),
    reason: "the sender has reached its rate limit, and earlier messages wait before this one",
  };
}

/** The name of a sender's rate limit in the ledger. */
export function rateLimitKeyOf(sender: string): string {
  return `rateLimit:${sender}`;
}

/** The counter of `sending.perSecond`, for each second; none where the option is not set. */
export function accountCounters({
  sending,
  scope,
}: Pick<EngineContext, "sending" | "scope">): readonly CounterCondition[] {
  if (sending.perSecond === null) return [];
  const reason = "the account sends as many messages a second as options.sending.perSecond allows";
  const key = scope === DEFAULT_SCOPE ? "rateLimit" : `rateLimit@${scope}`;
  return [{ key, windowMs: 1000, max: sending.perSecond, charge: 1, full: "wait", reason }];
}

function rateOfKind(sender: string): number | null {
  // Twilio spreads a Messaging Service's messages over its numbers, and queues them itself.
  if (isMessagingService(sender)) return null;
  if (sender.includes(":")) return sender.startsWith("whatsapp:") ? WHATSAPP_PER_SECOND : null;
  if (SHORT_CODE.test(sender)) return SHORT_CODE_PER_SECOND;
  return isTollFree(sender) ? TOLL_FREE_PER_SECOND : LONG_CODE_PER_SECOND;
}

function rateBy(rateLimit: (sender: string) => number | null, sender: string): number | null {
  const rate: unknown = hookNow("options.sending.rateLimit", () => rateLimit(sender));
  if (rate === null || (typeof rate === "number" && rate > 0)) return rate;
  throw new OwnlineError(
    "invalid_options",
    "options.sending.rateLimit returned a value that is not a rate: return a number of segments per second above 0, or null for no limit",
  );
}
