import { participantKeyOf } from "../../model/person-address.ts";
import type { Accuse, AccuseNow, Terms } from "./accusation.ts";
import { type AttemptEntry, Book, hasEvidence, type MessageEntry } from "./book.ts";
import type { Delivery } from "./deliveries.ts";
import { enterAnswer, judgeSilence } from "./judge-loops.ts";
import { enterBackOff, enterRateLimitedClaim, enterReservation } from "./judge-rate-limit.ts";
import { enterErasure, enterMarkedUnknown, enterPause, enterRequeue, enterResolution } from "./judge-repairs.ts";
import { enterText, openTexts } from "./judge-texts.ts";
import { short } from "./world.ts";

/** Goes through the deliveries in order, and accuses each one that breaks a promise at its moment. */
export function judgeCourse(deliveries: readonly Delivery[], terms: Terms, accuse: Accuse): Book {
  const book = new Book();
  for (const delivery of deliveries)
    enter(book, delivery, terms, (rule, detail) => accuse(rule, detail, delivery.atMs));
  return book;
}

function enter(book: Book, delivery: Delivery, terms: Terms, accuse: AccuseNow): void {
  switch (delivery.kind) {
    case "texted":
      book.texted.set(delivery.key, { to: delivery.to, atMs: delivery.atMs, listedAtMs: null });
      return;
    case "listed": {
      const texted = book.texted.get(delivery.key);
      if (texted !== undefined) texted.listedAtMs = delivery.atMs;
      return;
    }
    case "swept":
      if (!book.firstSweptMs.has(delivery.sender)) book.firstSweptMs.set(delivery.sender, delivery.watermarkMs);
      return;
    case "text":
      enterText(book, delivery, terms, accuse);
      return;
    case "queued": {
      if (terms.usualPolicies && book.optedOut.has(delivery.consentKey)) {
        accuse("consent", "a send() was stored for a person who has opted out");
      }
      if (book.queued.has(delivery.key))
        accuse("erasure", `a message with the key ${delivery.key} was stored again after its person was erased`);
      book.queued.add(delivery.key);
      book.write(
        delivery.ids,
        book.conversation(delivery.conversationId, delivery.consentKey, delivery.participant),
        null,
        delivery.atMs,
        terms.settings.sending.expiryMs,
      );
      return;
    }
    case "clock-jumped":
      book.jumpedAtMs = delivery.atMs;
      return;
    case "turn-claimed":
      enterTurnClaim(book, delivery, terms, accuse);
      return;
    case "turn-committed":
      enterCommit(book, delivery, terms, accuse);
      return;
    case "send-claimed":
      enterSendClaim(book, delivery, terms, accuse);
      return;
    case "reservation-given": {
      enterReservation(book, delivery, accuse);
      const message = book.messages.get(delivery.outboundId);
      // After a long wait in the queue, a message expires later than by its age.
      const expiresAtMs = delivery.reservedMs + terms.settings.sending.expiryMs;
      if (message !== undefined) message.expiresAtMs = Math.max(message.expiresAtMs, expiresAtMs);
      return;
    }
    case "backed-off":
      enterBackOff(book, delivery);
      return;
    case "handed-over": {
      const attempt = book.messages.get(delivery.outboundId)?.attempts[delivery.attempt - 1];
      if (attempt === undefined) {
        accuse("waiting before send", `${short(delivery.outboundId)} was never claimed`);
        return;
      }
      if (attempt.handedOver)
        accuse("once", `attempt ${delivery.attempt} of ${short(delivery.outboundId)} was posted twice`);
      attempt.handedOver = true;
      const waitedMs = delivery.atMs - attempt.claimedAtMs;
      if (waitedMs >= terms.settings.worker.leaseMs) {
        accuse(
          "no late send",
          `${short(delivery.outboundId)} was posted ${waitedMs} ms after its claim, beyond the lease`,
        );
      }
      return;
    }
    case "taken": {
      const message = book.messages.get(delivery.outboundId);
      if (message === undefined) {
        accuse("waiting before send", `the provider has an SMS that the ledger never had as waiting`);
        return;
      }
      if (message.taken.some(({ attempt }) => attempt === delivery.attempt)) {
        accuse("once", `the provider took attempt ${delivery.attempt} of ${short(delivery.outboundId)} twice`);
      }
      message.taken.push(delivery);
      book.lastTakenMs.set(participantKeyOf(delivery.to), delivery.atMs);
      return;
    }
    case "answer-recorded": {
      const message = book.messages.get(delivery.outboundId);
      const attempt = message?.attempts[delivery.attempt - 1];
      if (message === undefined || attempt === undefined) return;
      if (attempt.answer === null || delivery.answer === "found") attempt.answer = delivery.answer;
      if (delivery.providerMessageId !== null) message.providerMessageIds.add(delivery.providerMessageId);
      if (delivery.answer === "found") message.waits = false;
      if (delivery.temporary) enterTemporary(message, attempt);
      if (delivery.answer === "retry" && delivery.attempt === message.attempts.length && !hasEvidence(attempt)) {
        // An earlier attempt whose answer was lost may have left: then the message is unknown again.
        message.waits = message.attempts.every((one) => one === attempt || one.answer === "retry" || one.gaveUp);
      }
      if (delivery.answer === "opt-out") book.refuse(message, attempt);
      return;
    }
    case "status-recorded": {
      const message = book.messages.get(delivery.outboundId);
      const attempt = message?.attempts[delivery.attempt - 1];
      attempt?.reported.push(delivery.status);
      message?.providerMessageIds.add(delivery.providerMessageId);
      if (message !== undefined && attempt !== undefined && delivery.temporary) enterTemporary(message, attempt);
      else if (message !== undefined && attempt?.gaveUp !== true) message.waits = false;
      if (delivery.optOut && message !== undefined) book.refuse(message, attempt);
      return;
    }
    case "throttled": {
      const attempt = book.messages.get(delivery.outboundId)?.attempts[delivery.attempt - 1];
      if (attempt !== undefined) attempt.throttled = true;
      return;
    }
    case "resolved":
      enterResolution(book, delivery, terms, accuse);
      return;
    case "requeued":
      enterRequeue(book, delivery, terms, accuse);
      return;
    case "recovering":
      book.everRecovered = true;
      return;
    case "marked-unknown":
      enterMarkedUnknown(book, delivery, accuse);
      return;
    case "erased":
      enterErasure(book, delivery);
      return;
    case "paused":
      enterPause(book, delivery);
      return;
    case "asked":
      book.asked.set(delivery.turnId, [...(book.asked.get(delivery.turnId) ?? []), delivery.messageIds]);
      return;
    case "tool-started":
      book.toolStarted.add(delivery.turnId);
      return;
    case "acknowledged":
      if (!book.texts.has(delivery.key))
        accuse("200 after the commit", `${delivery.key} was acknowledged, and is not stored`);
      return;
    case "sent": {
      if (!book.messages.has(delivery.messageId))
        accuse("200 after the commit", `the call ${delivery.key} resolved, and its message is not stored`);
      const first = book.sent.get(delivery.key) ?? delivery.messageId;
      if (first !== delivery.messageId) accuse("once", `send({ key: "${delivery.key}" }) made two messages`);
      book.sent.set(delivery.key, first);
      return;
    }
    case "notice-emitted":
      return;
    default:
      delivery satisfies never;
  }
}

function enterTurnClaim(
  book: Book,
  delivery: Delivery & { kind: "turn-claimed" },
  terms: Terms,
  accuse: AccuseNow,
): void {
  const conversation = book.conversations.get(delivery.conversationId);
  if (conversation === undefined) {
    accuse("serial", "a turn was claimed in a conversation that was never begun");
    return;
  }
  if (delivery.fence <= conversation.fence)
    accuse("serial", `the fence went from ${conversation.fence} to ${delivery.fence}`);
  if (conversation.paused) accuse("takeover", "a turn was claimed while an operator has taken over");
  if (conversation.erased) accuse("erasure", "a turn was claimed in the conversation of an erased person");
  conversation.fence = delivery.fence;
  conversation.lease = delivery;
  if (book.claimedTurns.has(delivery.turnId)) return;
  book.claimedTurns.add(delivery.turnId);
  if (conversation.everHandled) return;
  const answering = openTexts(conversation).filter((text) => text.delivery.seq <= delivery.throughSeq);
  const newest = answering.at(-1);
  if (newest === undefined) {
    accuse("serial", "a turn was claimed in a conversation without unanswered texts");
    return;
  }
  const { quietMs, maxWaitMs } = terms.settings.burst;
  const isQuiet = delivery.atMs - newest.delivery.atMs >= quietMs;
  if (!isQuiet && delivery.atMs - Math.min(...answering.map((text) => text.unansweredSinceMs)) < maxWaitMs) {
    accuse(
      "bursts",
      `a turn was claimed ${delivery.atMs - newest.delivery.atMs} ms after a text, in the middle of the burst`,
    );
  }
}

function enterCommit(
  book: Book,
  delivery: Delivery & { kind: "turn-committed" },
  terms: Terms,
  accuse: AccuseNow,
): void {
  const conversation = book.conversations.get(delivery.conversationId);
  if (conversation === undefined) {
    accuse("serial", "a turn was committed in a conversation that was never begun");
    return;
  }
  const { lease } = conversation;
  const isHolder =
    lease?.fence === delivery.fence && lease.workerId === delivery.workerId && lease.turnId === delivery.turnId;
  if (!isHolder) accuse("fence", `a run committed turn ${short(delivery.turnId)} without holding the conversation`);
  if (conversation.erased) accuse("erasure", `turn ${short(delivery.turnId)} of an erased person was committed`);
  const open = openTexts(conversation);
  const answered = open.filter((text) => text.delivery.seq <= delivery.throughSeq);
  const newer = open.filter((text) => text.delivery.seq > delivery.throughSeq);
  const [oldest] = answered;
  const { burst } = terms.settings;
  const isPinned =
    delivery.outcome === "fallback" ||
    // When the loop guard keeps the AI silent, no text is answered, and the newer text gets a turn of its own.
    delivery.outcome === "silent" ||
    burst.whileAnswering === "queue" ||
    book.toolStarted.has(delivery.turnId) ||
    (lease?.superseded ?? 0) >= 2 ||
    // The clock of the run's process may differ from the simulation's: by that clock the run may have waited long enough.
    (lease !== null && lease.atMs <= book.jumpedAtMs) ||
    (oldest !== undefined && delivery.atMs - oldest.delivery.atMs >= burst.maxWaitMs);
  if (newer.length > 0 && !isPinned && terms.usualPolicies) {
    accuse("supersede", `turn ${short(delivery.turnId)} was committed although ${newer.length} newer text(s) had come`);
  }
  if (delivery.outcome === "replied") {
    const ids = answered.map((text) => text.delivery.messageId);
    // A run of a frozen process may ask later than the run that was committed.
    const runs = book.asked.get(delivery.turnId) ?? [];
    if (!runs.some((asked) => ids.every((id) => asked.includes(id)))) {
      accuse("no silence", `turn ${short(delivery.turnId)} counts texts as answered that the AI never saw`);
    }
  }
  if (terms.usualPolicies && terms.usualAi) judgeSilence(book, delivery, accuse);
  for (const text of answered) text.turnId = delivery.turnId;
  book.write(delivery.ids, conversation, delivery.turnId, delivery.atMs, terms.settings.sending.expiryMs);
  conversation.lease = null;
  if (delivery.paused) enterPause(book, { ...delivery, kind: "paused", paused: true, skipUnanswered: false });
}

function enterSendClaim(
  book: Book,
  delivery: Delivery & { kind: "send-claimed" },
  terms: Terms,
  accuse: AccuseNow,
): void {
  const message = book.messages.get(delivery.outboundId);
  if (message === undefined) {
    accuse("waiting before send", `${short(delivery.outboundId)} was claimed before it was stored`);
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
  enterRateLimitedClaim(book, delivery, accuse);
  if (delivery.atMs >= message.expiresAtMs) accuse("expiry", `${name} was claimed after its expiry`);
  if (last !== undefined && !message.waits) {
    accuse("once", `${name} was claimed again without evidence that it had not left`);
  }
  if (message.attempts.some(hasEvidence))
    accuse("once", `${name} was claimed again although there is evidence that the provider has it`);
  if (delivery.attempt !== message.attempts.length + 1)
    accuse("once", `${name} was given attempt ${delivery.attempt} twice`);
  if (terms.usualPolicies) enterAnswer(book, message, delivery.atMs, accuse);
  message.waits = false;
  message.attempts.push({
    claimedAtMs: delivery.atMs,
    overtook: delivery.overtook,
    handedOver: false,
    answer: null,
    reported: [],
    throttled: false,
    gaveUp: false,
  });
  for (const id of delivery.overtook) {
    const earlier = book.messages.get(id)?.attempts.at(-1);
    if (earlier !== undefined && delivery.atMs - earlier.claimedAtMs < sending.orderWaitMs) {
      accuse("order", `${name} overtook ${short(id)} sooner than allowed`);
    }
  }
}

/** The provider reports that it sends no SMS for an attempt, and that the message may be sent again. */
function enterTemporary(message: MessageEntry, attempt: AttemptEntry): void {
  attempt.gaveUp = true;
  if (attempt === message.attempts.at(-1)) message.waits = true;
}
