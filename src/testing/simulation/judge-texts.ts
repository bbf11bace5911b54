import { participantKeyOf } from "../../model/person-address.ts";
import type { Book, ConversationEntry, TextEntry } from "./book.ts";
import type { Fact } from "./facts.ts";
import type { AccuseNow, Terms } from "./judge-course.ts";

/** A text was recorded for the first time. */
export function enterText(book: Book, fact: Fact & { kind: "text" }, terms: Terms, accuse: AccuseNow): void {
  const conversation = book.conversation(fact.conversationId, fact.consentKey, fact.participant);
  const first = book.texts.get(fact.key);
  if (first?.conversation.erased === true) accuse("erasure", `${fact.key} was forgotten, and stored again`);
  else if (first !== undefined) accuse("once", `${fact.key} was stored twice`);
  const pendingSinceMs = openTexts(conversation)[0]?.fact.atMs ?? fact.atMs;
  const text = { fact, pendingSinceMs, turnId: null, excused: !fact.needsAnswer, conversation };
  conversation.texts.push(text);
  book.texts.set(fact.key, text);
  const optedInAtMs = book.optedInAtMs.get(fact.consentKey);
  const isOutlived = fact.unlessSinceMs !== null && optedInAtMs !== undefined && optedInAtMs > fact.unlessSinceMs;
  if (fact.consent === "opted-out" && !isOutlived) book.optOut(fact.consentKey, conversation);
  if (fact.consent === "opted-in") {
    book.optedOut.delete(fact.consentKey);
    book.optedInAtMs.set(fact.consentKey, fact.atMs);
  }
  enterConfirmation(book, fact, conversation, accuse);
  judgeSwept(book, fact, terms, accuse);
  judgeHaste(book, fact, terms, accuse);
  if (!terms.usualPolicies) return;
  const isOut = book.optedOut.has(fact.consentKey);
  if (isOut && fact.needsAnswer) accuse("consent", `${fact.key} of a person who opted out waits for an answer`);
  if (!isOut && !fact.needsAnswer && fact.body.startsWith("text") && !mayStayUnanswered(book, fact, terms))
    accuse("no silence", `${fact.key} was stored as not to be answered`);
  if (/^(STOP|START|HELP)$/.test(fact.body) && fact.needsAnswer) accuse("consent", `${fact.body} waits for an answer`);
  if ((fact.body === "STOP") !== (fact.consent === "opted-out")) accuse("consent", `${fact.body} said ${fact.consent}`);
  if (fact.sweptSinceMs !== null && fact.consent === "opted-in") accuse("consent", "an old START opted a person in");
  // The confirmation of the opt-out itself is the one exception.
  if (fact.autoReplyId !== null && isOut && fact.body !== "STOP")
    accuse("consent", "an auto-reply went to a person who opted out");
}

/** A refusal without a webhook is confirmed by one message, which has five minutes. */
function enterConfirmation(
  book: Book,
  { confirmationId: id, atMs, consent, key }: Fact & { kind: "text" },
  conversation: ConversationEntry,
  accuse: AccuseNow,
): void {
  if (id === null) return;
  if (consent !== "opted-out") accuse("consent", `${key} was confirmed, and refuses nothing`);
  book.write([id], conversation, null, atMs, 300_000);
  const message = book.messages.get(id);
  if (message !== undefined) message.confirms = true;
}

/** An acknowledged START counts: its webhook changes nothing any more where the list was quicker. */
function judgeHaste(book: Book, fact: Fact & { kind: "text" }, { settings }: Terms, accuse: AccuseNow): void {
  if (fact.body !== "START" || fact.sweptSinceMs === null || settings.sweep === null) return;
  const waitMs = Math.min(300_000, settings.sweep.overlapMs / 2);
  if (book.optedOut.has(fact.consentKey) && fact.atMs - fact.sweptSinceMs < waitMs)
    accuse("consent", `${fact.key}, a START, was taken from the list while its webhook could still come`);
}

/** What the carrier's list brought must be answered as long as it is young, and only shown where it is old. */
function judgeSwept(book: Book, fact: Fact & { kind: "text" }, { settings }: Terms, accuse: AccuseNow): void {
  const listedAtMs = book.texted.get(fact.key)?.listedAtMs ?? null;
  if (fact.sweptSinceMs === null || settings.sweep === null) return;
  if (listedAtMs === null) accuse("sweep", `${fact.key} was swept, and the carrier's list never showed it`);
  else if (fact.needsAnswer && listedAtMs - fact.sweptSinceMs > settings.sweep.answerWithinMs) {
    accuse("sweep", `${fact.key} was answered, though it was too old when the list first showed it`);
  }
}

/** Found too late, or, after a restore, answered as far as the carrier's list can tell. */
function mayStayUnanswered(book: Book, fact: Fact & { kind: "text" }, { settings }: Terms): boolean {
  const sinceMs = fact.sweptSinceMs;
  if (sinceMs === null || settings.sweep === null) return false;
  if (fact.atMs - sinceMs > settings.sweep.answerWithinMs) return true;
  return book.everRecovered && (book.lastTakenMs.get(participantKeyOf(fact.participant)) ?? 0) >= sinceMs;
}

/** Texts that wait for an answer, by their places. */
export function openTexts(conversation: ConversationEntry): readonly TextEntry[] {
  return conversation.texts.filter((text) => !text.excused && text.turnId === null);
}
