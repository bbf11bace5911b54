import { participantKeyOf } from "../../model/person-address.ts";
import type { AccuseNow, Terms } from "./accusation.ts";
import type { Book, ConversationEntry, TextEntry } from "./book.ts";
import type { Observation } from "./observations.ts";

/** A text was recorded for the first time. */
export function enterText(
  book: Book,
  observation: Observation & { kind: "text" },
  terms: Terms,
  accuse: AccuseNow,
): void {
  const conversation = book.conversation(observation.conversationId, observation.consentKey, observation.participant);
  const first = book.texts.get(observation.key);
  if (first?.conversation.erased === true)
    accuse("erasure", `${observation.key} was stored again after its person was erased`);
  else if (first !== undefined) accuse("once", `${observation.key} was stored twice`);
  const unansweredSinceMs = openTexts(conversation)[0]?.observation.atMs ?? observation.atMs;
  const text = { observation, unansweredSinceMs, turnId: null, excused: !observation.needsAnswer, conversation };
  conversation.texts.push(text);
  book.texts.set(observation.key, text);
  const optedInAtMs = book.optedInAtMs.get(observation.consentKey);
  const isOutlived =
    observation.unlessSinceMs !== null && optedInAtMs !== undefined && optedInAtMs > observation.unlessSinceMs;
  if (observation.consent === "opted-out" && !isOutlived) book.optOut(observation.consentKey, conversation);
  if (observation.consent === "opted-in") {
    book.optedOut.delete(observation.consentKey);
    book.optedInAtMs.set(observation.consentKey, observation.atMs);
  }
  enterConfirmation(book, observation, conversation, accuse);
  judgeSwept(book, observation, terms, accuse);
  judgeHaste(book, observation, terms, accuse);
  if (!terms.usualPolicies) return;
  const isOut = book.optedOut.has(observation.consentKey);
  if (isOut && observation.needsAnswer)
    accuse("consent", `${observation.key} of a person who opted out waits for an answer`);
  if (
    !isOut &&
    !observation.needsAnswer &&
    observation.body.startsWith("text") &&
    !mayStayUnanswered(book, observation, terms)
  )
    accuse("no silence", `${observation.key} was stored as a text that needs no answer`);
  if (/^(STOP|START|HELP)$/.test(observation.body) && observation.needsAnswer)
    accuse("consent", `${observation.body} waits for an answer`);
  if ((observation.body === "STOP") !== (observation.consent === "opted-out"))
    accuse("consent", `${observation.body} changed the consent to ${observation.consent}`);
  if (observation.sweptSinceMs !== null && observation.consent === "opted-in")
    accuse("consent", "an old START opted a person in");
  // The confirmation of the opt-out itself is the only message that may leave.
  if (observation.autoReplyId !== null && isOut && observation.body !== "STOP")
    accuse("consent", "an auto-reply went to a person who opted out");
}

/** An opt-out without a webhook is confirmed by one message, which expires after five minutes. */
function enterConfirmation(
  book: Book,
  { confirmationId: id, atMs, consent, key }: Observation & { kind: "text" },
  conversation: ConversationEntry,
  accuse: AccuseNow,
): void {
  if (id === null) return;
  if (consent !== "opted-out") accuse("consent", `${key} was confirmed, and is not an opt-out`);
  book.write([id], conversation, null, atMs, 300_000);
  const message = book.messages.get(id);
  if (message !== undefined) message.confirms = true;
}

/** An acknowledged START counts. If the list brings it first, its webhook changes nothing any more. */
function judgeHaste(
  book: Book,
  observation: Observation & { kind: "text" },
  { settings }: Terms,
  accuse: AccuseNow,
): void {
  if (observation.body !== "START" || observation.sweptSinceMs === null || settings.sweep === null) return;
  const waitMs = Math.min(300_000, settings.sweep.overlapMs / 2);
  if (book.optedOut.has(observation.consentKey) && observation.atMs - observation.sweptSinceMs < waitMs)
    accuse("consent", `${observation.key}, a START, was taken from the list while its webhook could still come`);
}

/** A text from the provider's list must be answered while it is young. Later it is only stored and shown. */
function judgeSwept(
  book: Book,
  observation: Observation & { kind: "text" },
  { settings }: Terms,
  accuse: AccuseNow,
): void {
  const listedAtMs = book.texted.get(observation.key)?.listedAtMs ?? null;
  if (observation.sweptSinceMs === null || settings.sweep === null) return;
  if (listedAtMs === null) accuse("sweep", `${observation.key} was swept, and the provider's list never showed it`);
  else if (observation.needsAnswer && listedAtMs - observation.sweptSinceMs > settings.sweep.answerWithinMs) {
    accuse("sweep", `${observation.key} was answered, though it was too old when the list first showed it`);
  }
}

/** Whether a text was found too late or, after a restore, is already answered by the provider's list. */
function mayStayUnanswered(book: Book, observation: Observation & { kind: "text" }, { settings }: Terms): boolean {
  const sinceMs = observation.sweptSinceMs;
  if (sinceMs === null || settings.sweep === null) return false;
  if (observation.atMs - sinceMs > settings.sweep.answerWithinMs) return true;
  return book.everRecovered && (book.lastTakenMs.get(participantKeyOf(observation.participant)) ?? 0) >= sinceMs;
}

/** The texts that wait for an answer, by their places. */
export function openTexts(conversation: ConversationEntry): readonly TextEntry[] {
  return conversation.texts.filter((text) => !text.excused && text.turnId === null);
}
