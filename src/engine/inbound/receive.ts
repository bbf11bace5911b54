import { newId } from "../../model/ids.ts";
import { wellFormed, wellFormedMedia } from "../../model/well-formed.ts";
import type { InboundSnapshot, InboundVerdict } from "../../policy/policy.ts";
import type { ConsentChange, InboundRecord, RecordedInbound } from "../../storage/storage.ts";
import { consentIn } from "../support/consent-place.ts";
import { type EngineContext, reportCancelled } from "../support/context.ts";
import { verdictsOf } from "../support/verdicts.ts";
import { autoReplyFor, confirmationFor, mayReply, replyAgain, reportUnsentReply } from "./auto-reply.ts";
import type { IncomingMessage, JudgedMessage, SweptMessage } from "./incoming.ts";

/**
 * Stores a text from a webhook or from `simulate()`. When it returns, one commit has stored the text, its change of
 * consent, its due time and its auto-reply. It never sends anything.
 *
 * @throws OwnlineError `storage_unavailable`, `storage_corrupt`: the caller must not acknowledge the text;
 * `invalid_options` where a policy or the resolver of senders throws.
 */
export async function receive(context: EngineContext, incoming: IncomingMessage): Promise<RecordedInbound> {
  const message = wellFormedMessage(incoming);
  return record(context, message, await judge(context, message));
}

/**
 * Stores a text that was found in the provider's list. Returns `null` where the text is left to its webhook for now.
 * Only a webhook can opt a person in and carry an auto-reply, and the webhook of a text that is already stored changes
 * nothing.
 *
 * @throws OwnlineError as `receive`
 */
export async function receiveSwept(
  context: EngineContext,
  found: IncomingMessage & { readonly swept: SweptMessage },
): Promise<RecordedInbound | null> {
  const message = wellFormedMessage(found);
  const judged = await judge(context, message);
  if (message.swept.isYoung && (await losesByHaste(context, message, judged))) return null;
  return record(context, message, judged);
}

/** Lone surrogates are replaced here, once, so that policies, the ledger and the AI all see the same text. */
function wellFormedMessage<Incoming extends IncomingMessage>(message: Incoming): Incoming {
  return { ...message, body: wellFormed(message.body), media: wellFormedMedia(message.media) };
}

async function losesByHaste(
  { storage, transport }: EngineContext,
  message: IncomingMessage,
  { verdicts, consents }: JudgedMessage,
): Promise<boolean> {
  const consent = wishIn(verdicts);
  const filed = await consentIn(storage, consents);
  // A STOP is stored at once, also where its confirmation fails. It is left to its webhook only where a START was
  // stored after the STOP was texted. That START may be the older text, and only the order of the webhooks shows it.
  if (consent === "opted-out") return filed?.state === "opted-in" && filed.changedAt > (message.occurredAt ?? 0);
  if (mayReply(transport, message) && verdicts.some(({ reply }) => reply !== undefined)) return true;
  // A START is left to its webhook, whether the person has opted out or not: the STOP that was texted before it may be
  // stored later. A YES that is answered is an ordinary text, and is stored.
  if (consent === "opted-in" && verdicts.some(({ answer }) => !answer)) return true;
  // A person who has opted out gets no answer. The webhook of an earlier START may still come, or this text may be a
  // START in a word that only the provider knows.
  return filed?.state === "opted-out";
}

async function judge(context: EngineContext, message: IncomingMessage): Promise<JudgedMessage> {
  const { senders } = context;
  const route = await senders.routeInbound(message.to, message.service);
  const { line, sender } = route ?? { line: message.to, sender: message.to };
  const snapshot: InboundSnapshot = {
    origin: message.origin,
    from: message.from,
    to: sender,
    line,
    body: message.body,
    media: message.media,
    optOut: message.optOut,
    fromOwnSender: (await senders.route(message.from)) !== null,
  };
  const judgements = context.policies.flatMap((policy) =>
    verdictsOf(
      [policy],
      (one) => one.inbound?.({ ...snapshot, media: snapshot.media.map((item) => ({ ...item })) }),
      ({ answer }) => typeof answer === "boolean",
    ).map((verdict) => ({ policy: policy.name, verdict })),
  );
  const replies = judgements.filter(({ verdict }) => (verdict.reply ?? null) !== null);
  const wish = wishIn(judgements.map(({ verdict }) => verdict));
  const isOptOut = wish === "opted-out";
  const confirmation = isOptOut ? replies.find(({ verdict }) => verdict.consent === "opted-out") : undefined;
  const replied = confirmation ?? replies[0];
  const reply: unknown = replied?.verdict.reply;
  // `wordsOf` reports a promise as the policy's mistake. A rejection before that report must not end the process.
  if (reply instanceof Promise) reply.catch(() => {});
  return {
    route,
    line,
    sender,
    snapshot,
    verdicts: judgements.map(({ verdict }) => verdict),
    worded: replied === undefined ? null : { policy: replied.policy, reply, confirms: replied === confirmation },
    pairKey: await context.consentKey(line, message.from),
    consents: await context.consents({
      participant: message.from,
      sender,
      through: message.service,
      lines: [line],
      changes: wish !== undefined,
    }),
  };
}

async function record(
  context: EngineContext,
  message: IncomingMessage,
  judged: JudgedMessage,
): Promise<RecordedInbound> {
  const { storage, reporter, burst } = context;
  const { route, line, sender, verdicts, worded, pairKey, consents } = judged;
  const silent = verdicts.find((verdict) => !verdict.answer);
  const consent = consentOf(message, verdicts);
  const isOutAlready = worded?.confirms === true && (await consentIn(storage, consents))?.state === "opted-out";
  const autoReply = route === null || isOutAlready ? null : autoReplyFor(context, message, judged, route);
  const confirmation = route === null || isOutAlready ? null : confirmationFor(context, message, judged);
  const arrival: InboundRecord = {
    callId: newId("o"),
    key: message.key,
    messageId: newId("m"),
    conversationId: newId("c"),
    scope: context.scope,
    line,
    sender,
    participant: message.from,
    consentKey: pairKey,
    consents,
    origin: message.origin,
    providerMessageId: message.providerMessageId,
    body: message.body,
    media: message.media,
    occurredAt: message.occurredAt,
    needsAnswer: silent === undefined && route !== null && !message.swept?.unanswered,
    debounceMs: burst.quietMs,
    maxWaitMs: burst.maxWaitMs,
    consent,
    autoReply,
    ...(confirmation === null ? {} : { confirmation }),
  };
  const recorded = await storage.recordInbound(arrival);
  if (recorded.outcome === "repeated") return { ...recorded, autoReply: await replyAgain(context, judged, recorded) };
  if (recorded.outcome !== "recorded" || recorded.message === null) return recorded;

  reporter.message(recorded.message);
  if (recorded.autoReply !== null) reporter.message(recorded.autoReply);
  if (recorded.confirmation !== undefined) reporter.message(recorded.confirmation);
  const isConfirmed = recorded.autoReply !== null || recorded.confirmation !== undefined;
  const isUnconfirmed = recorded.consentChanged && worded?.confirms === true && !isConfirmed;
  if (recorded.consentChanged && consent !== null) {
    reporter.consent({
      conversationId: recorded.message.conversationId,
      state: consent.state,
      source: consent.source,
      confirmation: isUnconfirmed ? "not-sent" : worded?.confirms === true ? "sent" : "not-needed",
    });
  }
  reportCancelled(reporter, recorded.cancelled);
  if (autoReply !== null && recorded.autoReply === null) await reportUnsentReply(context, autoReply, worded, recorded);
  if (!recorded.message.needsAnswer) {
    const reason =
      route === null
        ? strangerReason(message.to)
        : (silent?.reason ?? message.swept?.unanswered ?? "the person has opted out");
    reporter.notice({
      kind: "not-answered",
      conversationId: recorded.message.conversationId,
      messageId: recorded.message.id,
      detail: isUnconfirmed ? `${reason}; ${unconfirmedReason(message)}` : reason,
    });
  }
  return recorded;
}

/** Why ownline sent no confirmation for an opt-out that the provider does not confirm. */
function unconfirmedReason({ swept }: IncomingMessage): string {
  return swept !== undefined
    ? "no confirmation was sent, because the text was found too late"
    : "no confirmation was sent on the webhook's answer";
}

/**
 * A number that is longer than any short code and has no plus sign. Only Twilio's API version 2008-08-01 writes such
 * numbers.
 */
const NATIONAL = /^\d{9,15}$/;

/** Why a message to a number that is not a configured sender is not answered, and who must change what. */
function strangerReason(to: string): string {
  return NATIONAL.test(to)
    ? "it came to a number in national format, without a plus sign and the country code: Twilio's API version 2008-08-01 writes numbers so, and replies to them fail. Set the API version of the number, or of its TwiML app, to 2010-04-01 in Twilio's console (ApiVersion in its API), and keep the number in E.164 in senders"
    : "it came to a number that is not among the configured senders: add it to senders, or point its webhook elsewhere";
}

/** Whether the provider itself blocks the person, as the verdict about consent says. */
function blocksIn(verdicts: readonly InboundVerdict[]): boolean {
  return verdicts.find(({ consent }) => consent !== undefined)?.providerBlocks === true;
}

function wishIn(verdicts: readonly InboundVerdict[]): InboundVerdict["consent"] {
  return verdicts.find(({ consent }) => consent !== undefined)?.consent;
}

/**
 * The change of consent by a text; `null` where there is none. A text from the provider's list can only opt out: an old
 * START does not opt in, and an old STOP does not replace a START that came after it.
 */
function consentOf(message: IncomingMessage, verdicts: readonly InboundVerdict[]): ConsentChange | null {
  const state = wishIn(verdicts);
  if (state === undefined || (message.swept !== undefined && state === "opted-in")) return null;
  // A user of the app can enter the number of another person. So only a text from the phone opts in, and a policy
  // cannot change that.
  if (message.origin === "simulated" && state === "opted-in") return null;
  const source = message.optOut === null ? "word" : "provider";
  const isLate = message.swept !== undefined && message.occurredAt !== null;
  const blocked = blocksIn(verdicts);
  return {
    state,
    source,
    ...(isLate ? { unlessSince: message.occurredAt } : {}),
    ...(blocked && { [state === "opted-out" ? "providerBlocks" : "whereBlocked"]: true }),
  };
}
