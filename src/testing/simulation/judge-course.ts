import { type AttemptEntry, Book, type ConversationEntry, type MessageEntry } from "./book.ts";
import type { Fact } from "./facts.ts";
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

type AccuseNow = (rule: string, detail: string) => void;

function enter(book: Book, fact: Fact, terms: Terms, accuse: AccuseNow): void {
  switch (fact.kind) {
    case "text":
      enterText(book, fact, terms, accuse);
      return;
    case "queued": {
      if (terms.usualPolicies && book.optedOut.has(fact.consentKey)) {
        accuse("consent", "a send() was stored for a person who has opted out");
      }
      book.write(
        fact.ids,
        book.conversation(fact.conversationId, fact.consentKey),
        null,
        fact.atMs,
        terms.settings.sending.expiryMs,
      );
      return;
    }
    case "turn-claimed":
      enterTurnClaim(book, fact, terms, accuse);
      return;
    case "turn-committed":
      enterCommit(book, fact, terms, accuse);
      return;
    case "send-claimed":
      enterSendClaim(book, fact, terms, accuse);
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
      return;
    }
    case "answer-recorded": {
      const message = book.messages.get(fact.outboundId);
      const attempt = message?.attempts[fact.attempt - 1];
      if (message === undefined || attempt === undefined) return;
      if (attempt.answer === null || fact.answer === "found") attempt.answer = fact.answer;
      if (fact.carrierId !== null) message.carrierIds.add(fact.carrierId);
      if (fact.answer === "found") message.waits = false;
      if (fact.answer === "retry" && fact.attempt === message.attempts.length && !isWitnessed(attempt)) {
        message.waits = true;
      }
      if (fact.answer === "opt-out") book.optOut(message.conversation.consentKey, message.conversation);
      return;
    }
    case "report-recorded": {
      const message = book.messages.get(fact.outboundId);
      message?.attempts[fact.attempt - 1]?.reported.push(fact.status);
      message?.carrierIds.add(fact.carrierId);
      if (message !== undefined) message.waits = false;
      if (fact.optOut && message !== undefined) book.optOut(message.conversation.consentKey, message.conversation);
      return;
    }
    case "resolved":
      enterResolution(book, fact, terms, accuse);
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

function enterText(book: Book, fact: Fact & { kind: "text" }, terms: Terms, accuse: AccuseNow): void {
  const conversation = book.conversation(fact.conversationId, fact.consentKey);
  if (book.texts.has(fact.key)) accuse("once", `${fact.key} was stored twice`);
  const pendingSinceMs = openTexts(conversation)[0]?.fact.atMs ?? fact.atMs;
  const text = { fact, pendingSinceMs, turnId: null, excused: !fact.needsAnswer };
  conversation.texts.push(text);
  book.texts.set(fact.key, text);
  const optedInAtMs = book.optedInAtMs.get(fact.consentKey);
  const isOutlived = fact.unlessSinceMs !== null && optedInAtMs !== undefined && optedInAtMs > fact.unlessSinceMs;
  if (fact.consent === "opted-out" && !isOutlived) book.optOut(fact.consentKey, conversation);
  if (fact.consent === "opted-in") {
    book.optedOut.delete(fact.consentKey);
    if (optedInAtMs === undefined) book.optedInAtMs.set(fact.consentKey, fact.atMs);
  }
  if (!terms.usualPolicies) return;
  const isOut = book.optedOut.has(fact.consentKey);
  if (isOut && fact.needsAnswer) accuse("consent", `${fact.key} of a person who opted out waits for an answer`);
  if (!isOut && !fact.needsAnswer && fact.body.startsWith("text"))
    accuse("no silence", `${fact.key} was stored as not to be answered`);
  if (/^(STOP|START|HELP)$/.test(fact.body) && fact.needsAnswer) accuse("consent", `${fact.body} waits for an answer`);
  if ((fact.body === "STOP") !== (fact.consent === "opted-out")) accuse("consent", `${fact.body} said ${fact.consent}`);
  if (fact.autoReplyId !== null && isOut) accuse("consent", "an auto-reply went to a person who opted out");
}

function enterTurnClaim(book: Book, fact: Fact & { kind: "turn-claimed" }, terms: Terms, accuse: AccuseNow): void {
  const conversation = book.conversations.get(fact.conversationId);
  if (conversation === undefined) {
    accuse("serial", "a turn was claimed in a conversation that nobody began");
    return;
  }
  if (fact.fence <= conversation.fence) accuse("serial", `the fence went from ${conversation.fence} to ${fact.fence}`);
  if (conversation.paused) accuse("takeover", "a turn was claimed while a person has taken over");
  conversation.fence = fact.fence;
  conversation.lease = fact;
  if (book.claimedTurns.has(fact.turnId)) return;
  book.claimedTurns.add(fact.turnId);
  if (conversation.everPaused) return;
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
  const open = openTexts(conversation);
  const answered = open.filter((text) => text.fact.seq <= fact.throughSeq);
  const newer = open.filter((text) => text.fact.seq > fact.throughSeq);
  const [oldest] = answered;
  const { burst } = terms.settings;
  const isPinned =
    fact.outcome === "fallback" ||
    burst.whileAnswering === "queue" ||
    book.toolStarted.has(fact.turnId) ||
    (lease?.superseded ?? 0) >= 2 ||
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
  if (terms.usualPolicies && book.optedOut.has(message.conversation.consentKey)) {
    accuse("consent", `${name} was claimed although its person has opted out`);
  }
  if (message.stopped) accuse("consent", `${name} was stopped by a STOP, and came back`);
  if (fact.atMs >= message.expiresAtMs) accuse("expiry", `${name} was claimed after its expiry`);
  const last = message.attempts.at(-1);
  if (last !== undefined && !message.waits) {
    accuse("once", `${name} was claimed again, and nothing said that it had not left`);
  }
  if (message.attempts.some(isWitnessed))
    accuse("once", `${name} was claimed again although the carrier is known to have it`);
  if (fact.attempt !== message.attempts.length + 1) accuse("once", `${name} was given attempt ${fact.attempt} twice`);
  message.waits = false;
  message.attempts.push({
    claimedAtMs: fact.atMs,
    overtook: fact.overtook,
    handedOver: false,
    answer: null,
    reported: [],
  });
  for (const id of fact.overtook) {
    const earlier = book.messages.get(id)?.attempts.at(-1);
    if (earlier !== undefined && fact.atMs - earlier.claimedAtMs < sending.orderWaitMs) {
      accuse("order", `${name} overtook ${short(id)} sooner than allowed`);
    }
  }
}

function enterResolution(book: Book, fact: Fact & { kind: "resolved" }, terms: Terms, accuse: AccuseNow): void {
  const message: MessageEntry | undefined = book.messages.get(fact.outboundId);
  const last: AttemptEntry | undefined = message?.attempts.at(-1);
  if (message === undefined || last === undefined) {
    accuse("once", "a message was settled that never left");
    return;
  }
  message.decision = fact.decision;
  message.waits = fact.decision === "resend";
  // What is sent again has its time anew.
  if (message.waits) message.expiresAtMs = Math.max(message.expiresAtMs, fact.atMs + terms.settings.sending.expiryMs);
  const name = short(message.id);
  if (message.attempts.some(isWitnessed))
    accuse("witness", `${name} was given up although a witness had spoken for it`);
  if (fact.atMs - last.claimedAtMs < terms.settings.sending.unknownWindowMs && last.answer !== "retry") {
    accuse("witness", `${name} was given up before its window was over`);
  }
}

function enterPause(book: Book, fact: Fact & { kind: "paused" }): void {
  const conversation = book.conversations.get(fact.conversationId);
  if (conversation === undefined || conversation.paused === fact.paused) return;
  conversation.paused = fact.paused;
  conversation.everPaused = true;
  if (fact.paused) {
    conversation.lease = null;
    for (const message of conversation.messages) message.metPause = true;
  } else if (fact.skipPending) {
    for (const text of conversation.texts) text.excused = true;
  }
}

/** Whether the carrier is known to have taken it. */
export function isWitnessed(attempt: AttemptEntry): boolean {
  return attempt.answer === "accepted" || attempt.answer === "found" || attempt.reported.length > 0;
}

function openTexts(conversation: ConversationEntry) {
  return conversation.texts.filter((text) => !text.excused && text.turnId === null);
}
