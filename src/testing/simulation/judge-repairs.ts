import { participantKeyOf } from "../../model/person-address.ts";
import type { AccuseNow, Terms } from "./accusation.ts";
import { type AttemptEntry, type Book, hasEvidence, type MessageEntry } from "./book.ts";
import type { Observation } from "./observations.ts";
import { short } from "./world.ts";

/** The policy or an operator decides about a message that is `unknown`. */
export function enterResolution(
  book: Book,
  observation: Observation & { kind: "resolved" },
  terms: Terms,
  accuse: AccuseNow,
): void {
  const message: MessageEntry | undefined = book.messages.get(observation.outboundId);
  const last: AttemptEntry | undefined = message?.attempts.at(-1);
  if (message === undefined || last === undefined) {
    accuse("once", "a message was settled that never left");
    return;
  }
  const wasHeld = message.decisions.at(-1) === "hold";
  message.decisions.push(observation.decision);
  message.waits = observation.decision === "resend";
  message.sentAgainByPerson = message.waits && observation.byPerson;
  // A message that is sent again gets a new expiry.
  if (message.waits)
    message.expiresAtMs = Math.max(message.expiresAtMs, observation.atMs + terms.settings.sending.expiryMs);
  const name = short(message.id);
  if (message.conversation.erased) accuse("erasure", `${name} of an erased person was settled`);
  if (message.attempts.some(hasEvidence)) accuse("evidence", `${name} was given up although there was evidence of it`);
  // An operator may know more, and may decide before the window is over.
  if (observation.byPerson || wasHeld) return;
  if (observation.atMs - last.claimedAtMs < terms.settings.sending.unknownWindowMs && last.answer !== "retry") {
    accuse("evidence", `${name} was given up before its window was over`);
  }
}

/** A message may have left after the backup was made: it gets one more attempt, or its open attempt becomes unknown. */
export function enterMarkedUnknown(
  book: Book,
  observation: Observation & { kind: "marked-unknown" },
  accuse: AccuseNow,
): void {
  const message = book.messages.get(observation.outboundId);
  if (message === undefined) {
    accuse("traces", `${short(observation.outboundId)} is marked as unknown, and was never committed`);
    return;
  }
  message.waits = false;
  for (const { reservations } of book.rateLimits.values()) reservations.delete(message.id);
  if (observation.attempt === message.attempts.length) return;
  const hand = { handedOver: false, answer: null, reported: [], overtook: [], throttled: false, gaveUp: false };
  message.attempts.push({ claimedAtMs: observation.atMs, ...hand });
}

/** An operator requeues a turn, so that the AI answers its texts again. */
export function enterRequeue(
  book: Book,
  observation: Observation & { kind: "requeued" },
  terms: Terms,
  accuse: AccuseNow,
): void {
  const conversation = book.conversations.get(observation.conversationId);
  if (conversation === undefined) {
    accuse("traces", "a turn was requeued in a conversation that was never begun");
    return;
  }
  if (terms.usualPolicies && book.optedOut.has(conversation.consentKey)) {
    accuse("consent", `turn ${short(observation.turnId)} was requeued although its person has opted out`);
  }
  conversation.everHandled = true;
  const answered = conversation.texts.findLastIndex((text) => text.turnId !== null);
  const last = conversation.texts[answered]?.turnId;
  if (
    last !== observation.turnId &&
    last !== undefined &&
    conversation.texts.some((text) => text.turnId === observation.turnId)
  ) {
    accuse("one turn", `turn ${short(observation.turnId)} was requeued although a later one has answered since`);
  }
  for (const text of conversation.texts) if (text.turnId === observation.turnId) text.turnId = null;
}

/** An operator takes over, or hands back. */
export function enterPause(book: Book, observation: Observation & { kind: "paused" }): void {
  const conversation = book.conversations.get(observation.conversationId);
  if (conversation === undefined || conversation.paused === observation.paused) return;
  conversation.paused = observation.paused;
  conversation.everHandled = true;
  if (observation.paused) {
    conversation.lease = null;
    for (const message of conversation.messages) message.metPause = true;
  } else if (observation.skipUnanswered) {
    for (const text of conversation.texts) text.excused = true;
  }
}

/** A person was erased: texts from them and messages to them must not appear again. */
export function enterErasure(book: Book, { participant }: Observation & { kind: "erased" }): void {
  for (const conversation of book.conversations.values()) {
    if (participantKeyOf(conversation.participant) !== participantKeyOf(participant)) continue;
    conversation.erased = true;
    conversation.lease = null;
    for (const text of conversation.texts) text.excused = true;
  }
}
