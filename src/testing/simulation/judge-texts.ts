import { participantKeyOf } from "../../model/person-address.ts";
import type { AccuseNow, Terms } from "./accusation.ts";
import type { Book, ConversationEntry, TextEntry } from "./book.ts";
import type { Delivery } from "./deliveries.ts";

/** A text was recorded for the first time. */
export function enterText(book: Book, delivery: Delivery & { kind: "text" }, terms: Terms, accuse: AccuseNow): void {
  const conversation = book.conversation(delivery.conversationId, delivery.consentKey, delivery.participant);
  const first = book.texts.get(delivery.key);
  if (first?.conversation.erased === true)
    accuse("erasure", `${delivery.key} was stored again after its person was erased`);
  else if (first !== undefined) accuse("once", `${delivery.key} was stored twice`);
  const unansweredSinceMs = openTexts(conversation)[0]?.delivery.atMs ?? delivery.atMs;
  const text = { delivery, unansweredSinceMs, turnId: null, excused: !delivery.needsAnswer, conversation };
  conversation.texts.push(text);
  book.texts.set(delivery.key, text);
  const optedInAtMs = book.optedInAtMs.get(delivery.consentKey);
  const isOutlived =
    delivery.unlessSinceMs !== null && optedInAtMs !== undefined && optedInAtMs > delivery.unlessSinceMs;
  if (delivery.consent === "opted-out" && !isOutlived) book.optOut(delivery.consentKey, conversation);
  if (delivery.consent === "opted-in") {
    book.optedOut.delete(delivery.consentKey);
    book.optedInAtMs.set(delivery.consentKey, delivery.atMs);
  }
  enterConfirmation(book, delivery, conversation, accuse);
  judgeSwept(book, delivery, terms, accuse);
  judgeHaste(book, delivery, terms, accuse);
  if (!terms.usualPolicies) return;
  const isOut = book.optedOut.has(delivery.consentKey);
  if (isOut && delivery.needsAnswer) accuse("consent", `${delivery.key} of a person who opted out waits for an answer`);
  if (!isOut && !delivery.needsAnswer && delivery.body.startsWith("text") && !mayStayUnanswered(book, delivery, terms))
    accuse("no silence", `${delivery.key} was stored as a text that needs no answer`);
  if (/^(STOP|START|HELP)$/.test(delivery.body) && delivery.needsAnswer)
    accuse("consent", `${delivery.body} waits for an answer`);
  if ((delivery.body === "STOP") !== (delivery.consent === "opted-out"))
    accuse("consent", `${delivery.body} changed the consent to ${delivery.consent}`);
  if (delivery.sweptSinceMs !== null && delivery.consent === "opted-in")
    accuse("consent", "an old START opted a person in");
  // The confirmation of the opt-out itself is the only message that may leave.
  if (delivery.autoReplyId !== null && isOut && delivery.body !== "STOP")
    accuse("consent", "an auto-reply went to a person who opted out");
}

/** An opt-out without a webhook is confirmed by one message, which expires after five minutes. */
function enterConfirmation(
  book: Book,
  { confirmationId: id, atMs, consent, key }: Delivery & { kind: "text" },
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
function judgeHaste(book: Book, delivery: Delivery & { kind: "text" }, { settings }: Terms, accuse: AccuseNow): void {
  if (delivery.body !== "START" || delivery.sweptSinceMs === null || settings.sweep === null) return;
  const waitMs = Math.min(300_000, settings.sweep.overlapMs / 2);
  if (book.optedOut.has(delivery.consentKey) && delivery.atMs - delivery.sweptSinceMs < waitMs)
    accuse("consent", `${delivery.key}, a START, was taken from the list while its webhook could still come`);
}

/** A text from the provider's list must be answered while it is young. Later it is only stored and shown. */
function judgeSwept(book: Book, delivery: Delivery & { kind: "text" }, { settings }: Terms, accuse: AccuseNow): void {
  const listedAtMs = book.texted.get(delivery.key)?.listedAtMs ?? null;
  if (delivery.sweptSinceMs === null || settings.sweep === null) return;
  if (listedAtMs === null) accuse("sweep", `${delivery.key} was swept, and the provider's list never showed it`);
  else if (delivery.needsAnswer && listedAtMs - delivery.sweptSinceMs > settings.sweep.answerWithinMs) {
    accuse("sweep", `${delivery.key} was answered, though it was too old when the list first showed it`);
  }
}

/** Whether a text was found too late or, after a restore, is already answered by the provider's list. */
function mayStayUnanswered(book: Book, delivery: Delivery & { kind: "text" }, { settings }: Terms): boolean {
  const sinceMs = delivery.sweptSinceMs;
  if (sinceMs === null || settings.sweep === null) return false;
  if (delivery.atMs - sinceMs > settings.sweep.answerWithinMs) return true;
  return book.everRecovered && (book.lastTakenMs.get(participantKeyOf(delivery.participant)) ?? 0) >= sinceMs;
}

/** The texts that wait for an answer, by their places. */
export function openTexts(conversation: ConversationEntry): readonly TextEntry[] {
  return conversation.texts.filter((text) => !text.excused && text.turnId === null);
}
