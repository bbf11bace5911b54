import type { AccuseNow } from "./accusation.ts";
import type { Book, MessageEntry } from "./book.ts";
import type { Observation } from "./observations.ts";
import { short } from "./world.ts";

const MINUTE_MS = 60_000;

/** The loop guard's default limits in answers, as documented. */
const LIMITS = [
  { max: 12, windowMs: 2 * MINUTE_MS },
  { max: 24, windowMs: 10 * MINUTE_MS },
  { max: 45, windowMs: 60 * MINUTE_MS },
  { max: 150, windowMs: 1440 * MINUTE_MS },
] as const;

/**
 * An answer of the AI counts once, when its first part is claimed for the first time. A window opens with its first
 * answer, and has at most as many answers as the limit allows.
 */
export function enterAnswer(book: Book, message: MessageEntry, atMs: number, accuse: AccuseNow): void {
  if (!isAnswer(message) || message.attempts.length > 0) return;
  const { consentKey } = message.conversation;
  for (const { max, windowMs } of LIMITS) {
    const key = `${windowMs} ${consentKey}`;
    const known = book.answerWindows.get(key);
    const open = known !== undefined && known.endsAtMs > atMs ? known : { endsAtMs: atMs + windowMs, answers: 0 };
    open.answers += 1;
    book.answerWindows.set(key, open);
    // After a restore the ledger may have lost some counts.
    if (open.answers > max && !book.everRecovered) {
      accuse("loop", `${short(message.id)} is answer ${open.answers} of one person within ${windowMs / 1000} s`);
    }
  }
}

/** The AI may be silent only while a limit is full. Answers that still wait count too. */
export function judgeSilence(
  book: Book,
  observation: Observation & { kind: "turn-committed" },
  accuse: AccuseNow,
): void {
  const conversation = book.conversations.get(observation.conversationId);
  if (observation.outcome !== "silent" || conversation === undefined) return;
  const waiting = conversation.messages.filter((message) => isAnswer(message) && message.attempts.length === 0).length;
  const claimedAt = answersTo(book, conversation.consentKey);
  // The run may have checked the limits at any time since its claim.
  const sinceMs = conversation.lease?.atMs ?? observation.atMs;
  const isFull = LIMITS.some(
    ({ max, windowMs }) => claimedAt.filter((ms) => ms > sinceMs - windowMs).length + waiting >= max,
  );
  if (!isFull) accuse("no silence", `turn ${short(observation.turnId)} got no answer, and no limit was full`);
}

/**
 * Whether a limit can have been full while the message waited, so that the message was cancelled. Later parts are
 * cancelled with the first one, even if no limit was full.
 */
export function metFullLimit(book: Book, message: MessageEntry): boolean {
  if (!isAnswer(message)) return false;
  const claimedAt = answersTo(book, message.conversation.consentKey).toSorted((one, other) => one - other);
  return LIMITS.some(({ max, windowMs }) =>
    claimedAt.some((firstMs, index) => {
      const lastMs = claimedAt[index + max - 1];
      if (lastMs === undefined || lastMs - firstMs >= windowMs) return false;
      return firstMs + windowMs > message.createdAtMs && lastMs <= message.expiresAtMs;
    }),
  );
}

function isAnswer({ turnId, part }: MessageEntry): boolean {
  return turnId !== null && part === 1;
}

/** When the answers to one person were claimed, on all addresses of that person. */
function answersTo(book: Book, consentKey: string): readonly number[] {
  return [...book.conversations.values()]
    .filter((conversation) => conversation.consentKey === consentKey)
    .flatMap(({ messages }) => messages.filter(isAnswer))
    .flatMap(({ attempts }) => attempts.slice(0, 1).map(({ claimedAtMs }) => claimedAtMs));
}
