import { isFinal, type ProviderStatus } from "../../model/delivery-status.ts";
import type { Message, OutboundMessage } from "../../model/message.ts";
import { participantKeyOf } from "../../model/person-address.ts";
import type { Ownline } from "../../ownline.ts";
import type { Terms } from "./accusation.ts";
import { type Book, type ConversationEntry, hasEvidence, type MessageEntry } from "./book.ts";
import { metFullLimit } from "./judge-loops.ts";
import { judgeForm, judgeSpellings } from "./judge-spellings.ts";
import { short } from "./world.ts";

type Accuse = (rule: string, detail: string) => void;

/** Compares what the ledger shows at the end with what the observations require. */
export async function judgeEnd(
  reader: Ownline,
  book: Book,
  terms: Terms,
  nowMs: number,
  accuse: Accuse,
): Promise<void> {
  const { conversations } = await reader.conversations({ limit: 1000 });
  judgeSpellings(conversations, accuse);
  for (const conversation of conversations) {
    const { id, answeredSeq } = conversation;
    const entry = book.conversations.get(id);
    if (entry === undefined) {
      accuse("traces", "the ledger shows a conversation that was never begun");
      continue;
    }
    if (entry.erased) {
      accuse("erasure", "the ledger shows the conversation of an erased person");
      continue;
    }
    const messages = await reader.messages({ conversationId: id, limit: 1000 });
    judgeForm(conversation, messages, accuse);
    const seqs = new Set(messages.map(({ seq }) => seq));
    if (seqs.size !== messages.length) accuse("order", "two messages of one conversation have the same place");
    await judgeTexts(reader, entry, messages, answeredSeq, accuse);
    const outbound = messages.filter((message) => message.direction === "outbound");
    for (const message of outbound) {
      const own = book.messages.get(message.id);
      if (own !== undefined) judgeMessage(message, own, outbound, book, terms, nowMs, accuse);
      else if (message.origin !== "auto-reply") accuse("traces", `${short(message.id)} was never committed`);
    }
    for (const own of entry.messages) {
      if (!outbound.some((message) => message.id === own.id))
        accuse("nothing lost", `${short(own.id)} is not in the ledger`);
    }
    if (terms.usualAi) judgeWords(entry, outbound, accuse);
    judgeOrder(outbound, book, accuse);
  }
  for (const [id, entry] of book.conversations) {
    if (entry.erased) await judgeForgotten(reader, entry, accuse);
    else if (!conversations.some((shown) => shown.id === id))
      accuse("nothing lost", "a conversation is not in the ledger");
  }
  judgeList(book, terms, accuse);
}

/** Nothing of an erased person can be read. */
async function judgeForgotten(reader: Ownline, { texts, messages }: ConversationEntry, accuse: Accuse): Promise<void> {
  const ids = [...texts.map(({ observation }) => observation.messageId), ...messages.map(({ id }) => id)];
  for (const id of ids) {
    if ((await reader.explain(id)) !== null) accuse("erasure", `${short(id)} of an erased person can still be read`);
  }
}

/** Each text in the provider's list is stored, whether or not its webhook came, from the first sweep's beginning on. */
function judgeList(book: Book, { settings }: Terms, accuse: Accuse): void {
  if (settings.sweep === null) return;
  for (const [key, { to, atMs }] of book.texted) {
    if (book.texts.has(key)) continue;
    const firstSweptMs = book.firstSweptMs.get(to) ?? Number.POSITIVE_INFINITY;
    if (atMs >= firstSweptMs - settings.sweep.overlapMs)
      accuse("sweep", `${key} is in the provider's list, and was never stored`);
  }
}

/** Each text is stored once. Either its one committed turn answers it, or it is excused from an answer. */
async function judgeTexts(
  reader: Ownline,
  entry: ConversationEntry,
  messages: readonly Message[],
  answeredSeq: number,
  accuse: Accuse,
): Promise<void> {
  const inbound = messages.filter((message) => message.direction === "inbound");
  if (inbound.length !== entry.texts.length) accuse("nothing lost", "the ledger shows other texts than were stored");
  for (const text of entry.texts) {
    const { messageId, key, needsAnswer } = text.observation;
    const story = await reader.explain(messageId);
    if (story === null) {
      accuse("nothing lost", `${key} is not in the ledger`);
      continue;
    }
    if (!needsAnswer) continue;
    if (story.message.seq > answeredSeq) accuse("no silence", `${key} still waits for an answer at the end`);
    if (text.turnId !== null) {
      if (story.turn?.id !== text.turnId) accuse("one turn", `${key} is shown in a turn that did not answer it`);
      if (story.turn?.outcome === null || story.turn?.outcome === "cancelled") {
        accuse("one turn", `the turn of ${key} was committed, and shows ${story.turn.outcome}`);
      }
    } else if (!text.excused) {
      accuse("no silence", `${key} was acknowledged, and no turn was committed over it`);
    }
  }
}

/** Judges a message's status, its copies and its content. */
function judgeMessage(
  message: OutboundMessage,
  own: MessageEntry,
  all: readonly OutboundMessage[],
  book: Book,
  terms: Terms,
  nowMs: number,
  accuse: Accuse,
): void {
  const name = short(message.id);
  const { status } = message;
  for (const copy of own.taken) {
    if (
      copy.body !== message.body ||
      participantKeyOf(copy.to) !== participantKeyOf(message.to) ||
      copy.from !== message.from
    ) {
      accuse("traces", `the provider took another message than ${name}`);
    }
  }
  if (message.attempts !== own.attempts.length) {
    accuse("once", `${name} shows ${message.attempts} attempt(s), and ${own.attempts.length} were claimed`);
  }
  const copies = copiesOf(own);
  if (copies > 1 + own.decisions.filter((decision) => decision === "resend").length)
    accuse("once", `the provider has ${name} ${copies} times`);
  for (const providerMessageId of own.providerMessageIds) {
    if (
      !own.taken.some((copy) => copy.providerMessageId === providerMessageId) &&
      !wasForgottenUnseen(book, providerMessageId)
    )
      accuse("evidence", `${name} shows ${providerMessageId}, under which the provider has another message`);
  }
  const shownIds = message.providerMessageIds.toSorted().join();
  if (shownIds !== Array.from(own.providerMessageIds).toSorted().join()) {
    accuse(
      "notice-emitted",
      `${name} shows the provider's ids ${shownIds}, and ${[...own.providerMessageIds].join()} were reported`,
    );
  }
  if (message.origin !== "auto-reply" && (status === "waiting" || status === "sending" || status === "unknown")) {
    accuse("settled", `${name} is ${status} at the end`);
  }
  const expected = bestOf(own);
  if (expected !== null && status !== expected) {
    accuse("status by rank", `${name} shows ${status}, and the reports lead to ${expected}`);
  }
  if (expected !== null) return;
  if (own.decisions.at(-1) === "sent" && status !== "accepted") {
    accuse("status by rank", `${name} shows ${status}, and an operator has seen that it left`);
  }
  if (status === "held" && terms.settings.sending.unknown !== "hold")
    accuse("settled", `${name} is held for no reason`);
  const isRefused = own.attempts.some(({ answer }) => answer === "fail" || answer === "opt-out");
  const isGivenUp = own.attempts.some(({ reported, gaveUp }) => gaveUp || reported.includes("failed"));
  if (status === "failed" && !isRefused && !isGivenUp && !own.decisions.includes("drop")) {
    accuse("no silence", `${name} failed, and the provider never said so`);
  }
  if (status === "cancelled" && terms.usualPolicies && !mayBeCancelled(message, own, all, book, terms, nowMs)) {
    accuse("no silence", `${name} was cancelled for no reason that the judge knows: ${message.error?.reason}`);
  }
}

/** How often the provider took a message that it sends. An attempt that the provider took and gave up is not a copy. */
export function copiesOf({ taken, attempts }: MessageEntry): number {
  return taken.filter(({ attempt }) => attempts[attempt - 1]?.throttled !== true).length;
}

function mayBeCancelled(
  message: OutboundMessage,
  own: MessageEntry,
  all: readonly OutboundMessage[],
  book: Book,
  { settings }: Terms,
  nowMs: number,
): boolean {
  if (own.metOptOut) return true;
  if (own.metPause && message.origin === "ai") return true;
  if (nowMs >= own.createdAtMs + settings.sending.expiryMs) return true;
  if (metFullLimit(book, own)) return true;
  return all.some((other) => {
    if (other.groupId !== message.groupId || other.part >= message.part) return false;
    // The earlier part may have been dropped or held, and may have arrived all the same.
    const earlier = book.messages.get(other.id);
    if (earlier?.decisions.some((decision) => decision === "drop" || decision === "hold") === true) return true;
    const wasLost = earlier?.attempts.some(({ answer, reported }) => {
      return (
        answer === "fail" || answer === "opt-out" || reported.some((one) => one === "failed" || one === "undelivered")
      );
    });
    if (wasLost === true) return true;
    return other.status === "held" || (isFinal(other.status) && other.status !== "delivered");
  });
}

/**
 * Whether an entry belongs to an erased message whose provider message id the ledger did not know. Then the ledger
 * cannot say whose entry it is.
 */
function wasForgottenUnseen(book: Book, providerMessageId: string): boolean {
  const owners = [...book.messages.values()].filter(({ taken }) =>
    taken.some((copy) => copy.providerMessageId === providerMessageId),
  );
  return owners.some(
    ({ conversation, providerMessageIds }) => conversation.erased && !providerMessageIds.has(providerMessageId),
  );
}

const RANK: Readonly<Record<ProviderStatus, number>> = {
  accepted: 1,
  sent: 2,
  failed: 3,
  undelivered: 4,
  delivered: 5,
};
const WORTH: Readonly<Record<ProviderStatus, number>> = {
  failed: 1,
  undelivered: 2,
  accepted: 3,
  sent: 4,
  delivered: 5,
};

/**
 * The status that the message must show. Each attempt counts with the highest status that was reported of it, and the
 * message shows the best of these. `null` where no status was recorded, or where another attempt may still change it.
 */
function bestOf(own: MessageEntry): ProviderStatus | null {
  const ends = own.attempts.flatMap((attempt): ProviderStatus[] => {
    // The message may be sent again, or may have expired by then.
    if (attempt.gaveUp) return [];
    const said: ProviderStatus[] = [...attempt.reported, ...(hasEvidence(attempt) ? ["accepted" as const] : [])];
    const highest = said.toSorted((one, other) => RANK[other] - RANK[one])[0];
    return highest === undefined ? [] : [highest];
  });
  const best = ends.toSorted((one, other) => WORTH[other] - WORTH[one])[0];
  if (best === undefined) return null;
  const isLost = best === "failed" || best === "undelivered";
  const isOpen = own.attempts.some((attempt, index) => {
    if (attempt.gaveUp) return index === own.attempts.length - 1;
    return !hasEvidence(attempt) && attempt.answer !== "retry";
  });
  return isLost && isOpen ? null : best;
}

/** Judges the replies of the AI, which repeats each text: a text that was answered is in one reply, and in no other. */
function judgeWords(entry: ConversationEntry, outbound: readonly OutboundMessage[], accuse: Accuse): void {
  const words = new Map<string, Set<string>>();
  for (const message of outbound) {
    if (message.origin !== "ai") continue;
    for (const word of message.body.split(/\s+/)) {
      if (!/^text\d+$/.test(word)) continue;
      words.set(word, (words.get(word) ?? new Set()).add(message.groupId));
    }
  }
  for (const { observation, turnId } of entry.texts) {
    const groups = words.get(observation.body) ?? new Set();
    if (groups.size > 1) accuse("one turn", `${observation.body} is answered in ${groups.size} replies`);
    if (turnId !== null && groups.size === 1 && !groups.has(turnId)) {
      accuse("one turn", `${observation.body} is answered in a turn that does not belong to it`);
    }
  }
}

/**
 * The first copies left in the order of their places. A later message may leave before an unknown one after a while,
 * and before a held one at once.
 */
function judgeOrder(outbound: readonly OutboundMessage[], book: Book, accuse: Accuse): void {
  const left = outbound
    .toSorted((one, other) => one.seq - other.seq)
    .flatMap((message) => {
      const own = book.messages.get(message.id);
      const first = own?.taken[0];
      return own === undefined || first === undefined ? [] : [{ message, own, first }];
    });
  for (const [index, earlier] of left.entries()) {
    for (const later of left.slice(index + 1)) {
      if (earlier.first.atMs <= later.first.atMs) continue;
      const isKnownToOvertake = later.own.attempts.some(({ overtook }) => overtook.includes(earlier.message.id));
      const isSameText = earlier.message.groupId === later.message.groupId;
      if (isKnownToOvertake && !isSameText) continue;
      if (earlier.own.decisions.includes("hold")) continue;
      accuse("order", `${short(later.message.id)} left before ${short(earlier.message.id)}`);
    }
  }
}
