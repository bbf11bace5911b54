import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { hook, hookNow } from "../../hook.ts";
import { newId, partIdOf } from "../../model/ids.ts";
import { wellFormed } from "../../model/well-formed.ts";
import type { InboundSnapshot } from "../../policy/policy.ts";
import { countSegments } from "../../segments/segments.ts";
import type { AutoReplyRecord, ConfirmationRecord, RecordedInbound, SendConditions } from "../../storage/storage.ts";
import type { SendRequest, Transport } from "../../transport/transport.ts";
import { conditionsOf, requestFor } from "../outbound/attempt.ts";
import { consentIn } from "../support/consent-place.ts";
import type { EngineContext } from "../support/context.ts";
import { fullCounter, isNews } from "../support/full-counter.ts";
import { trouble } from "../support/problems.ts";
import type { Route } from "../support/senders.ts";
import type { IncomingMessage, JudgedMessage, WordedReply } from "./incoming.ts";

/**
 * The auto-reply to a text, or `null`. A policy's reply (help, a confirmation of STOP on a short code) is taken before
 * `options.autoReply`. It needs no consent, because it answers the person's own keyword.
 */
export function autoReplyFor(
  context: EngineContext,
  message: IncomingMessage,
  { snapshot, verdicts, worded, pairKey }: JudgedMessage,
  route: Route,
): AutoReplyRecord | null {
  // A text from the provider's list has no webhook, so no webhook's answer can carry a reply.
  if (message.swept !== undefined) return null;
  if (!mayReply(context.transport, message)) return null;
  const answerable = verdicts.every((verdict) => verdict.answer);
  const said = worded === null ? (answerable ? configuredReply(context, snapshot) : null) : wordsOf(context, worded);
  if (said === null) return null;
  const body = wellFormed(said);
  const id = partIdOf(newId("a"), 1);
  const { line, sender } = route;
  // `options.autoReply` is checked before its repair: a text that was cut through an emoji is reported as a mistake,
  // like a control character. A policy's reply may confirm a STOP, so it is repaired and sent.
  const written = worded === null ? said : body;
  const request = { outboundId: id, attempt: 1, line, from: sender, to: message.from, body: written, media: [] };
  const author = worded === null ? "options.autoReply" : `the policy "${worded.policy}"`;
  if (!isCarried(context, request, author)) return null;
  const { encoding, segments } = countSegments(body);
  const conditions = conditionsOf(context.policies, {
    origin: "auto-reply",
    pairKey,
    conversation: { line, sender, participant: message.from },
    message: null,
  });
  return {
    id,
    body,
    media: [],
    encoding,
    segments,
    conditions: worded === null ? conditions : wordedConditions(worded, conditions),
  };
}

/**
 * A policy's reply answers the person's own keyword. So it needs no consent, and it leaves while the AI is paused too.
 * The confirmation of an opt-out is the last message to the person: no limit and no delay holds it back.
 */
function wordedConditions({ confirms }: WordedReply, conditions: SendConditions): SendConditions {
  const free = { ...conditions, consent: false, unpaused: false };
  return confirms ? { ...free, delayMs: 0, cancel: null, counters: [], rateLimit: null } : free;
}

/**
 * A confirmation that is sent within this time is presumed to fall under the person's consent:
 * https://www.ecfr.gov/current/title-47/part-64/section-64.1200 (a)(12)
 */
const CONFIRM_WITHIN_MS = 300_000;

/**
 * The confirmation of an opt-out that no webhook's answer can carry. Such an opt-out was typed in the app, was found in
 * the provider's list, or came over a transport without auto-replies. The confirmation leaves as one message. An
 * opt-out that was found too late gets none.
 */
export function confirmationFor(
  context: EngineContext,
  message: IncomingMessage,
  { worded }: JudgedMessage,
): ConfirmationRecord | null {
  if (worded?.confirms !== true || message.optOut !== null || (message.swept?.unanswered ?? null) !== null) return null;
  if (message.swept === undefined && mayReply(context.transport, message)) return null;
  const said = wordsOf(context, worded);
  if (said === null) return null;
  const body = wellFormed(said);
  const { encoding, segments } = countSegments(body);
  return { id: partIdOf(newId("s"), 1), body, media: [], encoding, segments, expiryMs: CONFIRM_WITHIN_MS };
}

/**
 * A policy's reply. A reply that is not a text is the policy's mistake: it is reported, and the person's message is
 * stored without an auto-reply.
 */
function wordsOf({ reporter }: EngineContext, { policy, reply }: WordedReply): string | null {
  if (typeof reply === "string" && reply.trim() !== "") return reply;
  reporter.error(
    new OwnlineError(
      "invalid_options",
      `the policy "${policy}" returned a reply that is not a text, or an empty one, so the message was stored without an auto-reply: return a text that is not empty, or leave reply out`,
    ),
  );
  return null;
}

/**
 * Whether the webhook's answer can carry the reply. It is checked before the commit. If the transport refused the reply
 * after the commit, the webhook of a stored message would fail, and each repetition of the webhook too.
 */
function isCarried({ transport, reporter }: EngineContext, request: SendRequest, author: string): boolean {
  try {
    transport.checkAutoReply?.(request);
    return true;
  } catch (cause) {
    const why = isOwnlineError(cause) ? cause.message : "see the cause";
    reporter.error(
      new OwnlineError(
        "invalid_options",
        `${author} gave an auto-reply that ${transport.name} cannot carry on the webhook's answer, so the message was stored without it: ${why}`,
        { cause },
      ),
    );
    return false;
  }
}

/**
 * The auto-reply of a repeated webhook, whose first answer was lost; `null` where the provider has reported about the
 * reply. A STOP, a START or a pause since then applies to the reply as to any other message.
 */
export async function replyAgain(
  context: EngineContext,
  { worded, consents }: JudgedMessage,
  { autoReply, conversation }: RecordedInbound,
): Promise<RecordedInbound["autoReply"]> {
  if (autoReply === null || autoReply.status !== "sending") return null;
  const line = conversation?.line ?? autoReply.from;
  // An earlier process may have stored the reply with another transport, or with other limits.
  if (!isCarried(context, requestFor(autoReply, 1, line), "an earlier version of this service")) return null;
  const isOut = async () => (await consentIn(context.storage, consents))?.state === "opted-out";
  // A person who has opted in since then must not get the confirmation of the opt-out.
  if (worded !== null) return !worded.confirms || (await isOut()) ? autoReply : null;
  if (conversation?.paused === true) return null;
  return (await isOut()) ? null : autoReply;
}

/** Whether the webhook's answer may carry a reply. It may not where the provider has already replied. */
export function mayReply({ capabilities }: Transport, { origin, optOut }: IncomingMessage): boolean {
  return origin === "webhook" && optOut === null && capabilities.autoReply;
}

/**
 * The reply of `options.autoReply`. Where the function fails, the error is reported, and the person's text is stored
 * without an auto-reply.
 */
function configuredReply({ autoReply, reporter }: EngineContext, snapshot: InboundSnapshot): string | null {
  if (typeof autoReply !== "function") return autoReply;
  try {
    const reply: unknown = hookNow("options.autoReply", () => autoReply(structuredClone(snapshot)));
    if (reply === null || reply === undefined) return null;
    if (typeof reply === "string" && reply.trim() !== "") return reply;
    if (reply instanceof Promise)
      hook("options.autoReply", () => reply).catch((error) => reporter.error(trouble(error)));
    reporter.error(
      new OwnlineError(
        "invalid_options",
        "options.autoReply returned a value that is not a text, or an empty text, so the person's text was stored without an auto-reply: return a text that is not empty, or null, and no promise",
      ),
    );
  } catch (error) {
    reporter.error(trouble(error));
  }
  return null;
}

/**
 * Emits a notice that says why the ledger did not take an auto-reply. The notice is `silenced` where a limit is full,
 * once per window as for the AI's answers, and else `cancelled`. It is called after the commit, when the person's text
 * is stored. So it never throws.
 */
export async function reportUnsentReply(
  context: EngineContext,
  { conditions }: AutoReplyRecord,
  worded: WordedReply | null,
  { message, conversation }: RecordedInbound,
): Promise<void> {
  // Without `worded`, the notice about the text itself already says why the text is not answered.
  if (message === null || (worded === null && !message.needsAnswer)) return;
  const { conversationId } = message;
  const reply = worded === null ? "the auto-reply" : `the reply of the policy "${worded.policy}"`;
  const report = (kind: "cancelled" | "silenced", why: string) =>
    context.reporter.notice({ kind, conversationId, messageId: null, detail: `${reply} was not sent: ${why}` });
  if (conditions.unpaused && conversation?.paused === true) return report("cancelled", "an operator has taken over");
  if (conditions.cancel !== null) return report("cancelled", conditions.cancel);
  if (conditions.delayMs > 0) {
    return report("cancelled", "a policy delays messages, and the webhook's answer cannot wait");
  }
  try {
    const full = await fullCounter(context, conditions.counters);
    // The window may have ended since the commit.
    if (full === null) return report("silenced", "a limit of a policy was full");
    if (isNews(context, full.rule.key, full.endsInMs)) report("silenced", full.rule.reason);
  } catch (error) {
    context.reporter.error(trouble(error));
    report("silenced", "a limit of a policy was full");
  }
}
