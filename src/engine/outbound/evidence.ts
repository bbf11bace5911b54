import type { OutboundMessage } from "../../model/message.ts";
import { participantKeyOf } from "../../model/person-address.ts";
import type { CompetingAttempts, Storage, UnknownAttempt, UnknownState } from "../../storage/storage.ts";
import type { FoundMessages, ProviderMessage } from "../../transport/transport.ts";
import { comparable } from "../support/content.ts";

/** An attempt, and the entry of the provider's list that proves that the message left in it. */
export interface Match {
  readonly attempt: UnknownAttempt;
  readonly entry: ProviderMessage;
}

/** The most that the provider's clock and ours are assumed to differ, where the difference is not known. */
const ALLOWANCE_MS = 60_000;
const PAGE_MESSAGES = 500;

/** The entries of the provider's list that may be this message, by their addresses and content. */
export function alikeIn(found: FoundMessages, message: OutboundMessage): readonly ProviderMessage[] {
  const said = comparable(message.body);
  const toKey = participantKeyOf(message.to);
  const candidates = found.messages.filter(
    ({ from, to, body, bodyWithoutNotice = body, mediaCount }) =>
      // Null while the provider has not picked a number of the service.
      (from === null || from === message.from) &&
      participantKeyOf(to) === toKey &&
      (comparable(body) === said || comparable(bodyWithoutNotice) === said) &&
      (mediaCount === null || mediaCount === message.media.length),
  );
  const exact = candidates.filter(({ body }) => body === message.body);
  return exact.length > 0 ? exact : candidates;
}

export interface Evidence {
  /** What {@link alikeIn} found. */
  readonly alike: readonly ProviderMessage[];
  readonly asOf: number | null;
  readonly message: OutboundMessage;
  readonly unknown: UnknownState;
  readonly competingAttempts: CompetingAttempts;
  /**
   * Attempts with the same words that an operator has marked as sent. The provider has an entry for each, and the
   * ledger does not know the entry's id.
   */
  readonly decided: readonly UnknownAttempt[];
  /** After this time a message is not sent any more. */
  readonly expiryMs: number;
}

/**
 * Which of the message's attempts the provider's list proves. An entry proves that a message left only where the match
 * is unambiguous. The entries that no attempt has claimed are compared with the attempts that may have made them, of
 * this message and of others with the same words. Where both have the same number, they are matched in order. An
 * attempt that an operator has marked as sent is one of these attempts: it has made an entry, and the ledger does not
 * know which. Where all these attempts are the message's own, a single entry is enough. Otherwise nothing is matched.
 */
export function matchesOf(evidence: Evidence): readonly Match[] {
  const { alike, message, competingAttempts, expiryMs } = evidence;
  const began = beginnings(evidence);
  const known = new Set(competingAttempts.known);
  const attempts = contenders(evidence, began);
  const first = Math.min(...attempts.map(began));
  const free = alike
    .filter(({ providerMessageId, createdAt }) => !known.has(providerMessageId) && createdAt >= first)
    .toSorted((a, b) => a.createdAt - b.createdAt);
  const oldest = free[0];
  if (oldest === undefined) return [];
  const isOwn = ({ outboundId }: UnknownAttempt): boolean => outboundId === message.id;
  // An attempt of another message that expired before the first entry was made cannot have made an entry.
  const able = attempts.filter(
    (attempt) => isOwn(attempt) || attempt.startedAt + expiryMs + ALLOWANCE_MS >= oldest.createdAt,
  );
  if (able.every(isOwn) && free.length < able.length) return newestFirst(free, able, began);
  if (free.length !== able.length) return [];
  const pairs = able.flatMap((attempt, at): Match[] => {
    const entry = free[at];
    return entry !== undefined && entry.createdAt >= began(attempt) ? [{ attempt, entry }] : [];
  });
  return pairs.length === able.length ? pairs.filter(({ attempt }) => isOwn(attempt)) : [];
}

/** The attempts that may have made an entry since the first competing attempt began, ordered by `startedAt`. */
function contenders(
  { competingAttempts, decided, expiryMs }: Evidence,
  began: (attempt: UnknownAttempt) => number,
): readonly UnknownAttempt[] {
  const first = Math.min(...competingAttempts.attempts.map(began));
  const isCompeting = ({ outboundId, attempt }: UnknownAttempt): boolean =>
    competingAttempts.attempts.some((one) => one.outboundId === outboundId && one.attempt === attempt);
  const late = decided.filter(
    (attempt) => !isCompeting(attempt) && attempt.startedAt + expiryMs + ALLOWANCE_MS >= first,
  );
  return [...competingAttempts.attempts, ...late].toSorted((a, b) => a.startedAt - b.startedAt);
}

/** Matches each entry with the newest attempt that began before the entry was made. */
function newestFirst(
  free: readonly ProviderMessage[],
  attempts: readonly UnknownAttempt[],
  began: (attempt: UnknownAttempt) => number,
): Match[] {
  const left = [...attempts];
  return free.toReversed().flatMap((entry) => {
    const at = left.findLastIndex((attempt) => began(attempt) <= entry.createdAt);
    const [attempt] = at === -1 ? [] : left.splice(at, 1);
    return attempt === undefined ? [] : [{ attempt, entry }];
  });
}

/**
 * The earliest time at which an attempt began, by the provider's clock. Its clock and ours are compared by durations:
 * how long the newest attempt has been unknown, and when the provider answered with the list. A provider's clock that
 * seems to be ahead is not corrected, because the list may only have been read late.
 */
function beginnings({ asOf, unknown }: Evidence): (attempt: UnknownAttempt) => number {
  const newest = unknown.attempts.at(-1)?.startedAt;
  const behindMs = asOf === null || newest === undefined ? 0 : Math.min(0, asOf - newest - unknown.forMs);
  return (attempt) => earliestStart(attempt) + behindMs - ALLOWANCE_MS;
}

/** The earliest time at which an attempt began, by the storage's clock. */
export function earliestStart({ startedAt, startedAfter = startedAt }: UnknownAttempt): number {
  return startedAfter;
}

/**
 * Attempts that an operator has marked as sent (`resolve(id, "sent")`), of messages with the same words as this one, in
 * the same conversation. The provider has an entry for each, and the ledger does not know the entry's id. Such an entry
 * must not prove that another message left.
 *
 * Call it after {@link Storage.competingAttempts}. An attempt that an operator decides about between the two calls is
 * then in both results; in the other order it would be missing from both. It reads the whole conversation, because an
 * old message may have been sent again lately.
 *
 * @returns the attempts, the oldest first
 * @throws OwnlineError `storage_unavailable`
 */
export async function decidedSent(storage: Storage, message: OutboundMessage): Promise<readonly UnknownAttempt[]> {
  const { conversationId } = message;
  const found: UnknownAttempt[] = [];
  let before = Number.MAX_SAFE_INTEGER;
  for (;;) {
    const page = await storage.messages({ conversationId, before, limit: PAGE_MESSAGES });
    for (const other of page) {
      before = other.seq;
      if (other.direction === "outbound" && mayHoldOne(other, message))
        found.push(...(await within(storage, other.id)));
    }
    if (page.length < PAGE_MESSAGES) break;
  }
  return found.toSorted((a, b) => a.startedAt - b.startedAt);
}

/** Whether the provider's list cannot distinguish the two messages. Of media it shows only the number. */
function mayHoldOne(other: OutboundMessage, { id, body, media }: OutboundMessage): boolean {
  const isAlike = other.id !== id && other.body === body && other.media.length === media.length;
  return isAlike && other.origin !== "auto-reply" && other.providerMessageIds.length < other.attempts;
}

/**
 * The attempts of a message that an operator has marked as sent. They are accepted without a provider message id, which
 * an answer, a callback or the list always brings.
 */
async function within(storage: Storage, messageId: string): Promise<readonly UnknownAttempt[]> {
  const story = await storage.story(messageId);
  const attempts = story?.attempts ?? [];
  return attempts
    .filter(({ status, providerMessageId }) => status === "accepted" && providerMessageId === null)
    .map(({ outboundId, attempt, startedAt }) => ({ outboundId, attempt, startedAt }));
}
