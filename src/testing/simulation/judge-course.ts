import { participantKeyOf } from "../../model/person-address.ts";
import { type AttemptEntry, Book, type MessageEntry } from "./book.ts";
import type { Fact } from "./facts.ts";
import { enterAnswer, judgeSilence } from "./judge-loops.ts";
import { enterPacedClaim, enterSlot, enterSlowdown } from "./judge-pace.ts";
import { enterErasure, enterPause, enterRequeue, enterResolution, enterSuspicion } from "./judge-repairs.ts";
import { enterText, openTexts } from "./judge-texts.ts";
import type { Settings } from "./settings.ts";
import { short } from "./world.ts";

/** A promise that was broken. */
export interface Violation {
  /** Which promise, in a few words. */
  readonly rule: string;
  readonly detail: string;
  /** Virtual time, Unix milliseconds. */
  readonly atMs: number;
}

export type Accuse = (rule: string, detail: string, atMs: number) => void;

/** What the judge must know of the run. */
export interface Terms {
  readonly settings: Settings;
  /** Whether the policies are the usual ones: with others, who is answered is not the judge's to say. */
  readonly usualPolicies: boolean;
  /** Whether the AI is the one that repeats what it was asked. */
  readonly usualAi: boolean;
}

/** Goes through what happened, and accuses whatever may not happen at that moment. */
export function judgeCourse(facts: readonly Fact[], terms: Terms, accuse: Accuse): Book {
  const book = new Book();
  for (const fact of facts) enter(book, fact, terms, (rule, detail) => accuse(rule, detail, fact.atMs));
  return book;
}

export type AccuseNow = (rule: string, detail: string) => void;

function enter(book: Book, fact: Fact, terms: Terms, accuse: AccuseNow): void {
  switch (fact.kind) {
    case "texted":
      book.texted.set(fact.key, { to: fact.to, atMs: fact.atMs, listedAtMs: null });
      return;
    case "listed": {
      const texted = book.texted.get(fact.key);
      if (texted !== undefined) texted.listedAtMs = fact.atMs;
      return;
    }
    case "swept":
      if (!book.firstSweptMs.has(fact.sender)) book.firstSweptMs.set(fact.sender, fact.watermarkMs);
      return;
    case "text":
      enterText(book, fact, terms, accuse);
      return;
    case "queued": {
      if (terms.usualPolicies && book.optedOut.has(fact.consentKey)) {
        accuse("consent", "a send() was stored for a person who has opted out");
      }
      if (book.queued.has(fact.key)) accuse("erasure", `what was sent under ${fact.key} was forgotten, and came back`);
      book.queued.add(fact.key);
      book.write(
        fact.ids,
        book.conversation(fact.conversationId, fact.consentKey, fact.participant),
        null,
        fact.atMs,
        terms.settings.sending.expiryMs,
      );
      return;
    }
    case "clock-jumped":
      book.jumpedAtMs = fact.atMs;
      return;
    case "turn-claimed":
      enterTurnClaim(book, fact, terms, accuse);
      return;
    case "turn-committed":
      enterCommit(book, fact, terms, accuse);
      return;
    case "send-claimed":
      enterSendClaim(book, fact, terms, accuse);
      return;
    case "slot-given": {
      enterSlot(book, fact, accuse);
      const message = book.messages.get(fact.outboundId);
      // Behind a long queue it expires later than it would by its age.
      const expiresAtMs = fact.slotMs + terms.settings.sending.expiryMs;
      if (message !== undefined) message.expiresAtMs = Math.max(message.expiresAtMs, expiresAtMs);
      return;
    }
    case "slowed":
      enterSlowdown(book, fact);
      return;
    case "handed-over": {
      const attempt = book.messages.get(fact.outboundId)?.attempts[fact.attempt - 1];
      if (attempt === undefined) {
        accuse("intent before send", `${short(fact.outboundId)} was never claimed`);
        return;
      }
      if (attempt.handedOver) accuse("once", `attempt ${fact.attempt} of ${short(fact.outboundId)} was posted twice`);
      attempt.handedOver = true;
      const waitedMs = fact.atMs - attempt.claimedAtMs;
      if (waitedMs >= terms.settings.worker.leaseMs) {
        accuse("no late send", `${short(fact.outboundId)} was posted ${waitedMs} ms after its claim, beyond the lease`);
      }
      return;
    }
    case "taken": {
      const message = book.messages.get(fact.outboundId);
      if (message === undefined) {
        accuse("intent before send", `the carrier has an SMS that no intent stands for`);
        return;
      }
      if (message.taken.some(({ attempt }) => attempt === fact.attempt)) {
        accuse("once", `the carrier took attempt ${fact.attempt} of ${short(fact.outboundId)} twice`);
      }
      message.taken.push(fact);
      book.lastTakenMs.set(participantKeyOf(fact.to), fact.atMs);
      return;
    }
    case "answer-recorded": {
      const message = book.messages.get(fact.outboundId);
      const attempt = message?.attempts[fact.attempt - 1];
      if (message === undefined || attempt === undefined) return;
      if (attempt.answer === null || fact.answer === "found") attempt.answer = fact.answer;
      if (fact.carrierId !== null) message.carrierIds.add(fact.carrierId);
      if (fact.answer === "found") message.waits = false;
      if (fact.temporary) enterTemporary(message, attempt);
      if (fact.answer === "retry" && fact.attempt === message.attempts.length && !isWitnessed(attempt)) {
        // An earlier attempt whose answer was lost may have left after all: then the message is unknown again.
        message.waits = message.attempts.every((one) => one === attempt || one.answer === "retry" || one.gaveUp);
      }
      if (fact.answer === "opt-out") book.refuse(message, attempt);
      return;
    }
    case "report-recorded": {
      const message = book.messages.get(fact.outboundId);
      const attempt = message?.attempts[fact.attempt - 1];
      attempt?.reported.push(fact.status);
      message?.carrierIds.add(fact.carrierId);
      if (message !== undefined && attempt !== undefined && fact.temporary) enterTemporary(message, attempt);
      else if (message !== undefined && attempt?.gaveUp !== true) message.waits = false;
      if (fact.optOut && message !== undefined) book.refuse(message, attempt);
      return;
    }
    case "throttled": {
      const attempt = book.messages.get(fact.outboundId)?.attempts[fact.attempt - 1];
      if (attempt !== undefined) attempt.throttled = true;
      return;
    }
    case "resolved":
      enterResolution(book, fact, terms, accuse);
      return;
    case "requeued":
      enterRequeue(book, fact, terms, accuse);
      return;
    case "recovering":
      book.everRecovered = true;
      return;
    case "suspected":
      enterSuspicion(book, fact, accuse);
      return;
    case "erased":
      enterErasure(book, fact);
      return;
    case "paused":
      enterPause(book, fact);
      return;
    case "asked":
      book.asked.set(fact.turnId, [...(book.asked.get(fact.turnId) ?? []), fact.messageIds]);
      return;
    case "tool-started":
      book.toolStarted.add(fact.turnId);
      return;
    case "acknowledged":
      if (!book.texts.has(fact.key)) accuse("200 after the commit", `${fact.key} was acknowledged, and is not stored`);
      return;
    case "sent": {
      if (!book.messages.has(fact.messageId)) accuse("200 after the commit", `${fact.key} resolved, and is not stored`);
      const first = book.sent.get(fact.key) ?? fact.messageId;
      if (first !== fact.messageId) accuse("once", `send({ key: "${fact.key}" }) made two messages`);
      book.sent.set(fact.key, first);
      return;
    }
    case "told":
      return;
    default:
      fact satisfies never;
  }
}

function enterTurnClaim(book: Book, fact: Fact & { kind: "turn-claimed" }, terms: Terms, accuse: AccuseNow): void {
  const conversation = book.conversations.get(fact.conversationId);
  if (conversation === undefined) {
    accuse("serial", "a turn was claimed in a conversation that nobody began");
    return;
  }
  if (fact.fence <= conversation.fence) accuse("serial", `the fence went from ${conversation.fence} to ${fact.fence}`);
  if (conversation.paused) accuse("takeover", "a turn was claimed while a person has taken over");
  if (conversation.erased) accuse("erasure", "a turn was claimed in the conversation of a forgotten person");
  conversation.fence = fact.fence;
  conversation.lease = fact;
  if (book.claimedTurns.has(fact.turnId)) return;
  book.claimedTurns.add(fact.turnId);
  if (conversation.everHandled) return;
  const answering = openTexts(conversation).filter((text) => text.fact.seq <= fact.throughSeq);
  const newest = answering.at(-1);
  if (newest === undefined) {
    accuse("serial", "a turn was claimed that answers nothing");
    return;
  }
  const { quietMs, maxWaitMs } = terms.settings.burst;
  const isQuiet = fact.atMs - newest.fact.atMs >= quietMs;
  if (!isQuiet && fact.atMs - Math.min(...answering.map((text) => text.pendingSinceMs)) < maxWaitMs) {
    accuse("bursts", `a turn was claimed ${fact.atMs - newest.fact.atMs} ms after a text, in the middle of the burst`);
  }
}

function enterCommit(book: Book, fact: Fact & { kind: "turn-committed" }, terms: Terms, accuse: AccuseNow): void {
  const conversation = book.conversations.get(fact.conversationId);
  if (conversation === undefined) {
    accuse("serial", "a turn was committed in a conversation that nobody began");
    return;
  }
  const { lease } = conversation;
  const isHolder = lease?.fence === fact.fence && lease.workerId === fact.workerId && lease.turnId === fact.turnId;
  if (!isHolder) accuse("fence", `a run committed turn ${short(fact.turnId)} without holding the conversation`);
  if (conversation.erased) accuse("erasure", `turn ${short(fact.turnId)} of a forgotten person was committed`);
  const open = openTexts(conversation);
  const answered = open.filter((text) => text.fact.seq <= fact.throughSeq);
  const newer = open.filter((text) => text.fact.seq > fact.throughSeq);
  const [oldest] = answered;
  const { burst } = terms.settings;
  const isPinned =
    fact.outcome === "fallback" ||
    // The loop guard's silence answers nothing, and the newer text has a turn of its own.
    fact.outcome === "silent" ||
    burst.whileAnswering === "queue" ||
    book.toolStarted.has(fact.turnId) ||
    (lease?.superseded ?? 0) >= 2 ||
    // By its own clock the run may have waited for as long as it may.
    (lease !== null && lease.atMs <= book.jumpedAtMs) ||
    (oldest !== undefined && fact.atMs - oldest.fact.atMs >= burst.maxWaitMs);
  if (newer.length > 0 && !isPinned && terms.usualPolicies) {
    accuse("supersede", `turn ${short(fact.turnId)} was committed although ${newer.length} newer text(s) had come`);
  }
  if (fact.outcome === "replied") {
    const ids = answered.map((text) => text.fact.messageId);
    // A run of a process that was frozen may ask later than the one that was committed.
    const runs = book.asked.get(fact.turnId) ?? [];
    if (!runs.some((asked) => ids.every((id) => asked.includes(id)))) {
      accuse("no silence", `turn ${short(fact.turnId)} counts texts as answered that the AI never saw`);
    }
  }
  if (terms.usualPolicies && terms.usualAi) judgeSilence(book, fact, accuse);
  for (const text of answered) text.turnId = fact.turnId;
  book.write(fact.ids, conversation, fact.turnId, fact.atMs, terms.settings.sending.expiryMs);
  conversation.lease = null;
  if (fact.paused) enterPause(book, { ...fact, kind: "paused", paused: true, skipPending: false });
}

function enterSendClaim(book: Book, fact: Fact & { kind: "send-claimed" }, terms: Terms, accuse: AccuseNow): void {
  const message = book.messages.get(fact.outboundId);
  if (message === undefined) {
    accuse("intent before send", `${short(fact.outboundId)} was claimed before it was stored`);
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
  if (message.stopped) accuse("consent", `${name} was stopped by a STOP, and came back`);
  if (message.conversation.erased) accuse("erasure", `${name} was claimed although its person was forgotten`);
  enterPacedClaim(book, fact, accuse);
  if (fact.atMs >= message.expiresAtMs) accuse("expiry", `${name} was claimed after its expiry`);
  if (last !== undefined && !message.waits) {
    accuse("once", `${name} was claimed again, and nothing said that it had not left`);
  }
  if (message.attempts.some(isWitnessed))
    accuse("once", `${name} was claimed again although the carrier is known to have it`);
  if (fact.attempt !== message.attempts.length + 1) accuse("once", `${name} was given attempt ${fact.attempt} twice`);
  if (terms.usualPolicies) enterAnswer(book, message, fact.atMs, accuse);
  message.waits = false;
  message.attempts.push({
    claimedAtMs: fact.atMs,
    overtook: fact.overtook,
    handedOver: false,
    answer: null,
    reported: [],
    throttled: false,
    gaveUp: false,
  });
  for (const id of fact.overtook) {
    const earlier = book.messages.get(id)?.attempts.at(-1);
    if (earlier !== undefined && fact.atMs - earlier.claimedAtMs < sending.orderWaitMs) {
      accuse("order", `${name} overtook ${short(id)} sooner than allowed`);
    }
  }
}

/** The provider says that it sends nothing of an attempt, and that the message may be sent again. */
function enterTemporary(message: MessageEntry, attempt: AttemptEntry): void {
  attempt.gaveUp = true;
  if (attempt === message.attempts.at(-1)) message.waits = true;
}

/** Whether the carrier is known to have taken it, and may have sent it. */
export function isWitnessed(attempt: AttemptEntry): boolean {
  if (attempt.gaveUp) return false;
  return attempt.answer === "accepted" || attempt.answer === "found" || attempt.reported.length > 0;
}
