import { OwnlineError } from "../errors.ts";
import { hook, hookNow } from "../hook.ts";
import { newId, partIdOf } from "../model/ids.ts";
import type { InboundOrigin, Media } from "../model/message.ts";
import type { InboundSnapshot, InboundVerdict } from "../policy/policy.ts";
import { countSegments } from "../segments/segments.ts";
import type { AutoReplyRecord, ConsentChange, RecordedInbound } from "../storage/storage.ts";
import type { Transport } from "../transport/transport.ts";
import { conditionsOf } from "./conditions.ts";
import { type EngineContext, tellCancelled } from "./context.ts";
import { trouble } from "./heart.ts";
import type { Route } from "./senders.ts";
import { verdictsOf } from "./verdicts.ts";

/** A text from a person, by whichever way it came. */
export interface IncomingText {
  /** Unique for ever; a text with a known key is the same text. */
  readonly key: string;
  readonly origin: InboundOrigin;
  readonly carrierId: string | null;
  readonly from: string;
  readonly to: string;
  readonly service: string | null;
  readonly body: string;
  readonly media: readonly Media[];
  readonly optOut: InboundSnapshot["optOut"];
  readonly occurredAt: number | null;
  /** Set where the text was found in the carrier's list, since its webhook never came. */
  readonly swept?: SweptText;
}

export interface SweptText {
  /** Why it is not answered, `null` where it is. */
  readonly unanswered: string | null;
  /** Whether its webhook may still come. */
  readonly isYoung: boolean;
}

/** A text as the policies judge it. */
interface JudgedText {
  readonly route: Route | null;
  readonly line: string;
  readonly sender: string;
  readonly snapshot: InboundSnapshot;
  readonly verdicts: readonly InboundVerdict[];
  readonly consentKey: string;
}

/**
 * The one door in, for webhooks and simulated texts alike. When it returns, the text is committed, with everything
 * that follows from it at once: consent, due time, auto-reply. It never sends anything.
 *
 * @throws OwnlineError `storage_unavailable`: nothing may be acknowledged then; `invalid_options` where a policy or the
 * resolver of senders throws.
 */
export async function receive(context: EngineContext, text: IncomingText): Promise<RecordedInbound> {
  return record(context, text, await judge(context, text));
}

/**
 * The same for a text that was found in the carrier's list. `null` where it is left to its webhook for now: the list
 * opts nobody in and carries no reply, and the webhook of a text that is stored already changes nothing any more.
 *
 * @throws OwnlineError as `receive`
 */
export async function receiveSwept(
  context: EngineContext,
  text: IncomingText & { readonly swept: SweptText },
): Promise<RecordedInbound | null> {
  const judged = await judge(context, text);
  if (text.swept.isYoung && (await losesByHaste(context, text, judged))) return null;
  return record(context, text, judged);
}

async function losesByHaste(
  { storage, transport }: EngineContext,
  text: IncomingText,
  { verdicts, consentKey }: JudgedText,
): Promise<boolean> {
  const consent = wishIn(verdicts);
  const filed = await storage.consent(consentKey);
  // A STOP counts at once, whatever becomes of its confirmation: unless a START has come since. That one may have been
  // texted before it and come late; only a webhook's order tells.
  if (consent === "opted-out") return filed?.state === "opted-in" && filed.changedAt > (text.occurredAt ?? 0);
  if (mayReply(transport, text) && verdicts.some(({ reply }) => reply !== undefined)) return true;
  // Whatever the consent is now: the STOP before a START may come after it. A YES is an everyday answer.
  if (consent === "opted-in" && verdicts.some(({ answer }) => !answer)) return true;
  // Nobody is answered who has opted out: the START before this text may still be on its way, or this text be one, by a
  // word that the carrier alone knows.
  return filed?.state === "opted-out";
}

async function judge(context: EngineContext, text: IncomingText): Promise<JudgedText> {
  const { senders } = context;
  const route = await senders.routeInbound(text.to, text.service);
  const { line, sender } = route ?? { line: text.to, sender: text.to };
  const snapshot: InboundSnapshot = {
    origin: text.origin,
    from: text.from,
    to: sender,
    line,
    body: text.body,
    media: text.media,
    optOut: text.optOut,
    fromOwnSender: (await senders.route(text.from)) !== null,
  };
  const verdicts = verdictsOf(
    context.policies,
    (policy) => policy.inbound?.(snapshot),
    ({ answer }) => typeof answer === "boolean",
  );
  return { route, line, sender, snapshot, verdicts, consentKey: await context.consentKey(line, text.from) };
}

async function record(context: EngineContext, text: IncomingText, judged: JudgedText): Promise<RecordedInbound> {
  const { storage, tell, burst } = context;
  const { route, line, sender, snapshot, verdicts, consentKey } = judged;
  const silent = verdicts.find((verdict) => !verdict.answer);
  const consent = consentOf(text, verdicts);
  const recorded = await storage.recordInbound({
    key: text.key,
    messageId: newId("m"),
    conversationId: newId("c"),
    line,
    sender,
    participant: text.from,
    consentKey,
    origin: text.origin,
    carrierId: text.carrierId,
    body: text.body,
    media: text.media,
    occurredAt: text.occurredAt,
    needsAnswer: silent === undefined && route !== null && !text.swept?.unanswered,
    debounceMs: burst.quietMs,
    maxWaitMs: burst.maxWaitMs,
    consent,
    autoReply: route === null ? null : autoReplyFor(context, text, snapshot, verdicts, route, consentKey),
  });
  if (recorded.outcome === "repeated") return { ...recorded, autoReply: await replyAgain(context, judged, recorded) };
  if (recorded.outcome !== "recorded" || recorded.message === null) return recorded;

  tell.message(recorded.message);
  if (recorded.autoReply !== null) tell.message(recorded.autoReply);
  if (recorded.consentChanged && consent !== null) {
    tell.consent({
      conversationId: recorded.message.conversationId,
      state: consent.state,
      source: consent.source,
    });
  }
  tellCancelled(tell, recorded.cancelled);
  if (!recorded.message.needsAnswer) {
    const reason =
      route === null
        ? "it came to a number that is not among the configured senders: add it to senders, or point its webhook elsewhere"
        : (silent?.reason ?? text.swept?.unanswered ?? "the person has opted out");
    tell.notice({
      kind: "not-answered",
      conversationId: recorded.message.conversationId,
      messageId: recorded.message.id,
      detail: reason,
    });
  }
  return recorded;
}

function wishIn(verdicts: readonly InboundVerdict[]): InboundVerdict["consent"] {
  return verdicts.find(({ consent }) => consent !== undefined)?.consent;
}

/**
 * A text that was found late changes consent one way only: nobody is opted in by an old START, and an old STOP does not
 * outlive the START that followed it.
 */
function consentOf(text: IncomingText, verdicts: readonly InboundVerdict[]): ConsentChange | null {
  const state = wishIn(verdicts);
  if (state === undefined || (text.swept !== undefined && state === "opted-in")) return null;
  const source = text.optOut === null ? "word" : "carrier";
  const isLate = text.swept !== undefined && text.occurredAt !== null;
  return { state, source, ...(isLate ? { unlessSince: text.occurredAt } : {}) };
}

/**
 * A policy's own words (help, a confirmation of STOP on a short code) outrank the configured auto-reply and need no
 * consent: they answer the very word.
 */
function autoReplyFor(
  context: EngineContext,
  text: IncomingText,
  snapshot: InboundSnapshot,
  verdicts: readonly InboundVerdict[],
  route: Route,
  pairKey: string,
): AutoReplyRecord | null {
  // There is no webhook to answer where the text was found in a list.
  if (text.swept !== undefined) return null;
  if (!mayReply(context.transport, text)) return null;
  const worded = verdicts.find((verdict) => verdict.reply !== undefined)?.reply;
  const answerable = verdicts.every((verdict) => verdict.answer);
  const body = worded ?? (answerable ? configuredReply(context, snapshot) : null);
  if (body === null) return null;
  const { encoding, segments } = countSegments(body);
  const conditions = conditionsOf(context.policies, {
    origin: "auto-reply",
    pairKey,
    conversation: { line: route.line, sender: route.sender, participant: text.from },
    message: null,
  });
  return {
    id: partIdOf(newId("a"), 1),
    body,
    media: [],
    encoding,
    segments,
    conditions: worded === undefined ? conditions : { ...conditions, consent: false, unpaused: false },
  };
}

/**
 * The auto-reply of a webhook that comes again: its first answer was lost, unless the carrier has reported about the
 * reply. What has happened since counts for it as for any other message.
 */
async function replyAgain(
  { storage }: EngineContext,
  { verdicts, consentKey }: JudgedText,
  { autoReply, conversation }: RecordedInbound,
): Promise<RecordedInbound["autoReply"]> {
  if (autoReply === null || autoReply.status !== "sending") return null;
  if (verdicts.some(({ reply }) => reply !== undefined)) return autoReply;
  if (conversation?.paused === true) return null;
  return (await storage.consent(consentKey))?.state === "opted-out" ? null : autoReply;
}

/** Where the carrier has replied already, nobody else does. */
function mayReply({ capabilities }: Transport, { origin, optOut }: IncomingText): boolean {
  return origin === "webhook" && optOut === null && capabilities.autoReply;
}

/** A mistake in the function costs its own words, never the person's text. */
function configuredReply({ autoReply, tell }: EngineContext, snapshot: InboundSnapshot): string | null {
  if (typeof autoReply !== "function") return autoReply;
  try {
    const reply: unknown = hookNow("options.autoReply", () => autoReply(snapshot));
    if (reply === null || reply === undefined) return null;
    if (typeof reply === "string" && reply.trim() !== "") return reply;
    if (reply instanceof Promise) hook("options.autoReply", () => reply).catch((error) => tell.error(trouble(error)));
    tell.error(
      new OwnlineError(
        "invalid_options",
        "options.autoReply returned neither a text nor null, so the text was stored without an auto-reply: return a text that is not empty, and no promise",
      ),
    );
  } catch (error) {
    tell.error(trouble(error));
  }
  return null;
}
