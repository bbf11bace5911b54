import type { AccuseNow, Terms } from "./accusation.ts";
import type { Book } from "./book.ts";
import { judgeSilence } from "./judge-loops.ts";
import { enterPause } from "./judge-repairs.ts";
import { openTexts } from "./judge-texts.ts";
import type { Observation } from "./observations.ts";
import { short } from "./world.ts";

export function enterTurnClaim(
  book: Book,
  observation: Observation & { kind: "turn-claimed" },
  terms: Terms,
  accuse: AccuseNow,
): void {
  const conversation = book.conversations.get(observation.conversationId);
  if (conversation === undefined) {
    accuse("serial", "a turn was claimed in a conversation that was never begun");
    return;
  }
  if (observation.fence <= conversation.fence)
    accuse("serial", `the fence went from ${conversation.fence} to ${observation.fence}`);
  if (conversation.paused) accuse("takeover", "a turn was claimed while an operator has taken over");
  if (conversation.erased) accuse("erasure", "a turn was claimed in the conversation of an erased person");
  conversation.fence = observation.fence;
  conversation.lease = observation;
  if (book.claimedTurns.has(observation.turnId)) return;
  book.claimedTurns.add(observation.turnId);
  if (conversation.everHandled) return;
  const answering = openTexts(conversation).filter((text) => text.observation.seq <= observation.throughSeq);
  const newest = answering.at(-1);
  if (newest === undefined) {
    accuse("serial", "a turn was claimed in a conversation without unanswered texts");
    return;
  }
  const { quietMs, maxWaitMs } = terms.settings.burst;
  const isQuiet = observation.atMs - newest.observation.atMs >= quietMs;
  if (!isQuiet && observation.atMs - Math.min(...answering.map((text) => text.unansweredSinceMs)) < maxWaitMs) {
    accuse(
      "bursts",
      `a turn was claimed ${observation.atMs - newest.observation.atMs} ms after a text, in the middle of the burst`,
    );
  }
}

export function enterCommit(
  book: Book,
  observation: Observation & { kind: "turn-committed" },
  terms: Terms,
  accuse: AccuseNow,
): void {
  const conversation = book.conversations.get(observation.conversationId);
  if (conversation === undefined) {
    accuse("serial", "a turn was committed in a conversation that was never begun");
    return;
  }
  const { lease } = conversation;
  const isHolder =
    lease?.fence === observation.fence &&
    lease.workerId === observation.workerId &&
    lease.turnId === observation.turnId;
  if (!isHolder) accuse("fence", `a run committed turn ${short(observation.turnId)} without holding the conversation`);
  if (conversation.erased) accuse("erasure", `turn ${short(observation.turnId)} of an erased person was committed`);
  const open = openTexts(conversation);
  const answered = open.filter((text) => text.observation.seq <= observation.throughSeq);
  const newer = open.filter((text) => text.observation.seq > observation.throughSeq);
  const [oldest] = answered;
  const { burst } = terms.settings;
  const isPinned =
    observation.outcome === "fallback" ||
    // When the loop guard keeps the AI silent, no text is answered, and the newer text gets a turn of its own.
    observation.outcome === "silent" ||
    burst.whileAnswering === "queue" ||
    book.toolStarted.has(observation.turnId) ||
    (lease?.superseded ?? 0) >= 2 ||
    // The clock of the run's process may differ from the simulation's: by that clock the run may have waited long enough.
    (lease !== null && lease.atMs <= book.jumpedAtMs) ||
    (oldest !== undefined && observation.atMs - oldest.observation.atMs >= burst.maxWaitMs);
  if (newer.length > 0 && !isPinned && terms.usualPolicies) {
    accuse(
      "supersede",
      `turn ${short(observation.turnId)} was committed although ${newer.length} newer text(s) had come`,
    );
  }
  if (observation.outcome === "replied") {
    const ids = answered.map((text) => text.observation.messageId);
    // A run of a frozen process may ask later than the run that was committed.
    const runs = book.asked.get(observation.turnId) ?? [];
    if (!runs.some((asked) => ids.every((id) => asked.includes(id)))) {
      accuse("no silence", `turn ${short(observation.turnId)} counts texts as answered that the AI never saw`);
    }
  }
  if (terms.usualPolicies && terms.usualAi) judgeSilence(book, observation, accuse);
  for (const text of answered) text.turnId = observation.turnId;
  book.write(observation.ids, conversation, observation.turnId, observation.atMs, terms.settings.sending.expiryMs);
  conversation.lease = null;
  if (observation.paused) enterPause(book, { ...observation, kind: "paused", paused: true, skipUnanswered: false });
}
