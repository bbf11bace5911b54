import { participantKeyOf } from "../../model/person-address.ts";
import type { Accuse, AccuseNow, Terms } from "./accusation.ts";
import { type AttemptEntry, Book, hasEvidence, type MessageEntry } from "./book.ts";
import { enterAnswer } from "./judge-loops.ts";
import { enterBackOff, enterRateLimitedClaim, enterReservation } from "./judge-rate-limit.ts";
import { enterErasure, enterMarkedUnknown, enterPause, enterRequeue, enterResolution } from "./judge-repairs.ts";
import { enterText } from "./judge-texts.ts";
import { enterCommit, enterTurnClaim } from "./judge-turns.ts";
import type { Observation } from "./observations.ts";
import { short } from "./world.ts";

/** Goes through the observations in order, and accuses each one that breaks a promise at its moment. */
export function judgeCourse(observations: readonly Observation[], terms: Terms, accuse: Accuse): Book {
  const book = new Book();
  for (const observation of observations)
    enter(book, observation, terms, (rule, detail) => accuse(rule, detail, observation.atMs));
  return book;
}

function enter(book: Book, observation: Observation, terms: Terms, accuse: AccuseNow): void {
  switch (observation.kind) {
    case "texted":
      book.texted.set(observation.key, { to: observation.to, atMs: observation.atMs, listedAtMs: null });
      return;
    case "listed": {
      const texted = book.texted.get(observation.key);
      if (texted !== undefined) texted.listedAtMs = observation.atMs;
      return;
    }
    case "swept":
      if (!book.firstSweptMs.has(observation.sender))
        book.firstSweptMs.set(observation.sender, observation.watermarkMs);
      return;
    case "text":
      enterText(book, observation, terms, accuse);
      return;
    case "queued": {
      if (terms.usualPolicies && book.optedOut.has(observation.consentKey)) {
        accuse("consent", "a send() was stored for a person who has opted out");
      }
      if (book.queued.has(observation.key))
        accuse("erasure", `a message with the key ${observation.key} was stored again after its person was erased`);
      book.queued.add(observation.key);
      book.write(
        observation.ids,
        book.conversation(observation.conversationId, observation.consentKey, observation.participant),
        null,
        observation.atMs,
        terms.settings.sending.expiryMs,
      );
      return;
    }
    case "clock-jumped":
      book.jumpedAtMs = observation.atMs;
      return;
    case "turn-claimed":
      enterTurnClaim(book, observation, terms, accuse);
      return;
    case "turn-committed":
      enterCommit(book, observation, terms, accuse);
      return;
    case "send-claimed":
      enterSendClaim(book, observation, terms, accuse);
      return;
    case "reservation-given": {
      enterReservation(book, observation, accuse);
      const message = book.messages.get(observation.outboundId);
      // After a long wait in the queue, a message expires later than by its age.
      const expiresAtMs = observation.reservedMs + terms.settings.sending.expiryMs;
      if (message !== undefined) message.expiresAtMs = Math.max(message.expiresAtMs, expiresAtMs);
      return;
    }
    case "backed-off":
      enterBackOff(book, observation);
      return;
    case "handed-over": {
      const attempt = book.messages.get(observation.outboundId)?.attempts[observation.attempt - 1];
      if (attempt === undefined) {
        accuse("waiting before send", `${short(observation.outboundId)} was never claimed`);
        return;
      }
      if (attempt.handedOver)
        accuse("once", `attempt ${observation.attempt} of ${short(observation.outboundId)} was posted twice`);
      attempt.handedOver = true;
      const waitedMs = observation.atMs - attempt.claimedAtMs;
      if (waitedMs >= terms.settings.worker.leaseMs) {
        accuse(
          "no late send",
          `${short(observation.outboundId)} was posted ${waitedMs} ms after its claim, beyond the lease`,
        );
      }
      return;
    }
    case "taken": {
      const message = book.messages.get(observation.outboundId);
      if (message === undefined) {
        accuse("waiting before send", `the provider has an SMS that the ledger never had as waiting`);
        return;
      }
      if (message.taken.some(({ attempt }) => attempt === observation.attempt)) {
        accuse("once", `the provider took attempt ${observation.attempt} of ${short(observation.outboundId)} twice`);
      }
      message.taken.push(observation);
      book.lastTakenMs.set(participantKeyOf(observation.to), observation.atMs);
      return;
    }
    case "answer-recorded": {
      const message = book.messages.get(observation.outboundId);
      const attempt = message?.attempts[observation.attempt - 1];
      if (message === undefined || attempt === undefined) return;
      if (attempt.answer === null || observation.answer === "found") attempt.answer = observation.answer;
      if (observation.providerMessageId !== null) message.providerMessageIds.add(observation.providerMessageId);
      if (observation.answer === "found") message.waits = false;
      if (observation.temporary) enterTemporary(message, attempt);
      if (observation.answer === "retry" && observation.attempt === message.attempts.length && !hasEvidence(attempt)) {
        // An earlier attempt whose answer was lost may have left: then the message is unknown again.
        message.waits = message.attempts.every((one) => one === attempt || one.answer === "retry" || one.gaveUp);
      }
      if (observation.answer === "opt-out") book.refuse(message, attempt);
      return;
    }
    case "status-recorded": {
      const message = book.messages.get(observation.outboundId);
      const attempt = message?.attempts[observation.attempt - 1];
      attempt?.reported.push(observation.status);
      message?.providerMessageIds.add(observation.providerMessageId);
      if (message !== undefined && attempt !== undefined && observation.temporary) enterTemporary(message, attempt);
      else if (message !== undefined && attempt?.gaveUp !== true) message.waits = false;
      if (observation.optOut && message !== undefined) book.refuse(message, attempt);
      return;
    }
    case "throttled": {
      const attempt = book.messages.get(observation.outboundId)?.attempts[observation.attempt - 1];
      if (attempt !== undefined) attempt.throttled = true;
      return;
    }
    case "resolved":
      enterResolution(book, observation, terms, accuse);
      return;
    case "requeued":
      enterRequeue(book, observation, terms, accuse);
      return;
    case "recovering":
      book.everRecovered = true;
      return;
    case "marked-unknown":
      enterMarkedUnknown(book, observation, accuse);
      return;
    case "erased":
      enterErasure(book, observation);
      return;
    case "paused":
      enterPause(book, observation);
      return;
    case "asked":
      book.asked.set(observation.turnId, [...(book.asked.get(observation.turnId) ?? []), observation.messageIds]);
      return;
    case "tool-started":
      book.toolStarted.add(observation.turnId);
      return;
    case "acknowledged":
      if (!book.texts.has(observation.key))
        accuse("200 after the commit", `${observation.key} was acknowledged, and is not stored`);
      return;
    case "sent": {
      if (!book.messages.has(observation.messageId))
        accuse("200 after the commit", `the call ${observation.key} resolved, and its message is not stored`);
      const first = book.sent.get(observation.key) ?? observation.messageId;
      if (first !== observation.messageId) accuse("once", `send({ key: "${observation.key}" }) made two messages`);
      book.sent.set(observation.key, first);
      return;
    }
    case "notice-emitted":
      return;
    default:
      observation satisfies never;
  }
}

function enterSendClaim(
  book: Book,
  observation: Observation & { kind: "send-claimed" },
  terms: Terms,
  accuse: AccuseNow,
): void {
  const message = book.messages.get(observation.outboundId);
  if (message === undefined) {
    accuse("waiting before send", `${short(observation.outboundId)} was claimed before it was stored`);
    return;
  }
  const name = short(message.id);
  const { sending } = terms.settings;
  const last = message.attempts.at(-1);
  const isOut = book.optedOut.has(message.conversation.consentKey);
  if (terms.usualPolicies && isOut && !message.confirms) {
    accuse("consent", `${name} was claimed although its person has opted out`);
  }
  if (message.confirms && !isOut) accuse("consent", `${name} confirms an opt-out to a person who opted in again`);
  const mayLeaveAgain = last === undefined || last.answer === "retry" || last.gaveUp || message.sentAgainByPerson;
  if (message.confirms && !mayLeaveAgain) {
    accuse("once", `${name}, the confirmation of an opt-out, was sent again`);
  }
  if (message.stopped) accuse("consent", `${name} was cancelled by a STOP, and was claimed again`);
  if (message.conversation.erased) accuse("erasure", `${name} was claimed although its person was erased`);
  enterRateLimitedClaim(book, observation, accuse);
  if (observation.atMs >= message.expiresAtMs) accuse("expiry", `${name} was claimed after its expiry`);
  if (last !== undefined && !message.waits) {
    accuse("once", `${name} was claimed again without evidence that it had not left`);
  }
  if (message.attempts.some(hasEvidence))
    accuse("once", `${name} was claimed again although there is evidence that the provider has it`);
  if (observation.attempt !== message.attempts.length + 1)
    accuse("once", `${name} was given attempt ${observation.attempt} twice`);
  if (terms.usualPolicies) enterAnswer(book, message, observation.atMs, accuse);
  message.waits = false;
  message.attempts.push({
    claimedAtMs: observation.atMs,
    overtook: observation.overtook,
    handedOver: false,
    answer: null,
    reported: [],
    throttled: false,
    gaveUp: false,
  });
  for (const id of observation.overtook) {
    const earlier = book.messages.get(id)?.attempts.at(-1);
    if (earlier !== undefined && observation.atMs - earlier.claimedAtMs < sending.orderWaitMs) {
      accuse("order", `${name} overtook ${short(id)} sooner than allowed`);
    }
  }
}

/** The provider reports that it sends no SMS for an attempt, and that the message may be sent again. */
function enterTemporary(message: MessageEntry, attempt: AttemptEntry): void {
  attempt.gaveUp = true;
  if (attempt === message.attempts.at(-1)) message.waits = true;
}
