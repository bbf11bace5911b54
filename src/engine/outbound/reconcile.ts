import { isOwnlineError } from "../../errors.ts";
import { newId } from "../../model/ids.ts";
import type { OutboundMessage } from "../../model/message.ts";
import type { DueMessage, SendResultRecord, UnknownState } from "../../storage/storage.ts";
import type { FoundMessages } from "../../transport/transport.ts";
import { unlessAborted } from "../support/abort.ts";
import { type EngineContext, reportCancelled } from "../support/context.ts";
import { firstTime, trouble } from "../support/problems.ts";
import { createUnreadableReport, findInList, listTrouble } from "../support/provider-list.ts";
import { retrying } from "../support/retrying.ts";
import { alikeIn, decidedSent, earliestStart, type Match, matchesOf } from "./evidence.ts";
import { reportDelivery, reportRetried, retryOf } from "./outcome.ts";
import { createPassed } from "./passed-by.ts";
import type { UnknownLines } from "./unknown-lines.ts";

/** How long after its attempt an `unknown` message is first looked for. Providers list a message within seconds. */
export const LOOK_MS = 15_000;
const LONGEST_LOOK_MS = 300_000;
const SOONEST_LOOK_MS = 1000;
/**
 * How far before the first attempt the list is read. The clocks may differ, so the times of the entries decide later.
 */
const LOOK_BACK_MS = 86_400_000;
const DAY_MS = 86_400_000;

/** Settles one due message that is `unknown`, or stores when to look again. Returns whether the message was settled. */
export type Reconcile = (
  due: Pick<DueMessage, "message" | "conversation" | "unknown">,
  signal: AbortSignal,
) => Promise<boolean>;

type Look =
  | { readonly kind: "found"; readonly matches: readonly Match[]; readonly asOf: number | null }
  | { readonly kind: "unseen"; readonly asOf: number | null }
  | { readonly kind: "unreadable" }
  | { readonly kind: "called-off" };

/**
 * Looks into the provider's list for `unknown` messages: soon, then less and less often, until the window is over. A
 * message in the list was sent. A message that is missing from the list may still have been sent. So the option
 * `sending.unknown` decides only when the window is over and the list was read after that. Both are measured by the
 * provider's own clock, so that a jump of our clock sends nothing twice. Where the provider does not give its time, or
 * has no list, only the storage's clock is used.
 *
 * Where the list cannot be read, the engine waits for a second window by the storage's clock. This process must have
 * waited for one whole window itself. After a day without such a process `sending.unknown` decides. Each account has
 * its own list: when one account's list can be read, the wait for another account's list goes on.
 *
 * @throws OwnlineError `storage_unavailable`
 */
export function createReconcile(
  context: EngineContext,
  {
    unknownLines,
    isJumping = () => false,
  }: { readonly unknownLines: UnknownLines; readonly isJumping?: () => boolean },
): Reconcile {
  const { clock, storage, transport, sending, reporter, logger } = context;
  const windowMs = sending.unknownWindowMs;
  const firstLookMs = Math.min(LOOK_MS, windowMs);
  /** Since when the provider's list cannot be read, by this process's clock, for each account. */
  const unreadableSince = new Map<string, number>();
  const reportUnreadable = createUnreadableReport(context);
  /** The key of the sender's account: the sender where each sender may have its own account, else the empty string. */
  const accountOf = ({ from }: OutboundMessage): string => (transport.capabilities.accounts === true ? from : "");
  const isFirstStandstill = firstTime();
  /** Both clocks at the last look after the window, by message. */
  const overdue = new Map<string, { readonly ours: number; readonly theirs: number }>();

  /**
   * Whether this process's clock jumps and the provider's clock does not move with it. That happens where a test moves
   * its clock and the emulator uses real time. The provider's clock would then never reach the end of the window, and
   * `settled()` would ask without end.
   */
  const standsStill = ({ id }: OutboundMessage, theirs: number): boolean => {
    if (!isJumping()) return false;
    const ours = clock.now();
    const last = overdue.get(id);
    overdue.set(id, { ours, theirs });
    if (last === undefined || theirs - last.theirs >= (ours - last.ours) / 2) return false;
    overdue.delete(id);
    if (isFirstStandstill(transport.name)) {
      logger.warn(
        "settled() used this process's clock alone, because the provider's clock does not move with it: give both the same clock, for example twilioEmulator({ now: () => clock.now() })",
      );
    }
    return true;
  };

  const lookFor = async (message: OutboundMessage, unknown: UnknownState, signal: AbortSignal): Promise<Look> => {
    if (!transport.capabilities.lists || unknown.attempts.length === 0) return { kind: "unseen", asOf: null };
    const first = Math.min(...unknown.attempts.map(earliestStart));
    const { from, to } = message;
    const account = accountOf(message);
    let found: FoundMessages | null;
    try {
      const asked = findInList(transport, { from, to, since: Math.max(0, first - LOOK_BACK_MS) });
      found = await unlessAborted(asked, signal);
    } catch (error) {
      // Reported only once, when the list becomes unreadable. Otherwise each message would report it again.
      if (!unreadableSince.has(account)) {
        unreadableSince.set(account, clock.now());
        reporter.error(listTrouble(transport.name, error));
      }
      return { kind: "unreadable" };
    }
    if (found === null) return { kind: "called-off" };
    unreadableSince.delete(account);
    reportUnreadable(account, found);
    const alike = alikeIn(found, message);
    const { asOf } = found;
    if (alike.length === 0) return { kind: "unseen", asOf };
    const providerMessageIds = alike.map(({ providerMessageId }) => providerMessageId);
    const competingAttempts = await storage.competingAttempts({ outboundId: message.id, providerMessageIds });
    if (providerMessageIds.every((providerMessageId) => competingAttempts.known.includes(providerMessageId)))
      return { kind: "unseen", asOf };
    const decided = await decidedSent(storage, message);
    const matches = matchesOf({
      alike,
      asOf,
      message,
      unknown,
      competingAttempts,
      decided,
      expiryMs: sending.expiryMs,
    });
    return matches.length === 0 ? { kind: "unseen", asOf } : { kind: "found", matches, asOf };
  };

  const isOver = (message: OutboundMessage, unknown: UnknownState, look: Look): boolean => {
    if (unknown.forMs < windowMs) return false;
    if (look.kind === "unreadable") {
      const now = clock.now();
      const waitedMs = now - (unreadableSince.get(accountOf(message)) ?? now);
      return unknown.forMs >= DAY_MS || (unknown.forMs >= 2 * windowMs && waitedMs >= windowMs);
    }
    if (look.kind === "called-off") return false;
    return (
      look.asOf === null || readMs(unknown, look.asOf) >= windowMs - firstLookMs || standsStill(message, look.asOf)
    );
  };

  const nextLookMs = (unknown: UnknownState, look: Look): number => {
    const leftMs = windowMs - unknown.forMs;
    if (leftMs > 0) return Math.min(Math.max(firstLookMs, unknown.forMs), leftMs, LONGEST_LOOK_MS);
    const asOf = look.kind === "unseen" ? look.asOf : null;
    if (asOf === null) return LOOK_MS;
    const stillMs = windowMs - firstLookMs - readMs(unknown, asOf);
    return Math.min(Math.max(SOONEST_LOOK_MS, stillMs), LONGEST_LOOK_MS);
  };

  const claim = async (matches: readonly Match[], signal: AbortSignal): Promise<boolean> => {
    let claimed = false;
    for (const { attempt, entry } of matches) {
      const { providerMessageId, status, error = null } = entry;
      const retry = retryOf(context, entry);
      const result: SendResultRecord = { kind: "found", providerMessageId, status, error, retry };
      const callId = newId("o");
      const { outboundId } = attempt;
      const delivery = await retrying(context, { signal }, () =>
        storage.recordSend({ callId, outboundId, attempt: attempt.attempt, result }),
      );
      if (delivery.outcome === "recorded" && delivery.message !== null) {
        claimed = true;
        const { id, conversationId } = delivery.message;
        const detail = "the provider's answer was lost, and its list shows that the message left";
        reporter.notice({ kind: "found", conversationId, messageId: id, detail });
      }
      reportDelivery(context, delivery);
      reportRetried(context, delivery);
    }
    return claimed;
  };

  const lookAgain = async (message: OutboundMessage, unknown: UnknownState, look: Look, signal: AbortSignal) => {
    const asOf = look.kind === "unseen" || look.kind === "found" ? look.asOf : null;
    const attempt = unknown.attempts.at(-1)?.attempt ?? message.attempts;
    const result: SendResultRecord = { kind: "unseen", lookInMs: nextLookMs(unknown, look), asOf };
    const callId = newId("o");
    await retrying(context, { signal }, () => storage.recordSend({ callId, outboundId: message.id, attempt, result }));
  };

  const decide = async (
    message: OutboundMessage,
    look: Look | { readonly kind: "passed" },
    signal: AbortSignal,
  ): Promise<boolean> => {
    const isConfirmation = message.origin === "system";
    const decision = isConfirmation && sending.unknown === "resend" ? "drop" : sending.unknown;
    const silences: Partial<Record<typeof look.kind, string>> = {
      unreadable: "no evidence of it came within the window, and the provider's list could not be read",
      passed: "the provider's list shows newer messages of its sender, and not this one",
    };
    const silence = silences[look.kind] ?? "no evidence of it came within the window";
    const consequences = {
      resend: "so it is sent again; the person may get it twice",
      hold: "so an operator must decide: call resolve()",
      drop: isConfirmation
        ? "so it is dropped: the confirmation of an opt-out is not sent twice"
        : "so it is dropped, as options.sending.unknown says",
    } as const;
    const reason = `${silence}, ${consequences[decision]}`;
    const callId = newId("o");
    const { id: outboundId, attempts, conversationId } = message;
    const { expiryMs } = sending;
    const delivery = await retrying(context, { signal }, () =>
      storage.resolve({ callId, outboundId, attempts, from: ["unknown"], decision, reason, expiryMs }),
    );
    if (!delivery.changed || delivery.message === null) return delivery.changed;
    if (decision === "hold") {
      reportDelivery(context, delivery);
      return true;
    }
    reporter.status(delivery.message);
    const kind = decision === "resend" ? "resent" : "dropped";
    reporter.notice({ kind, conversationId, messageId: outboundId, detail: reason });
    reportCancelled(reporter, delivery.cancelled);
    return true;
  };

  const isPassed = createPassed(context);

  return async ({ message, conversation, unknown }, signal) => {
    if (unknown === null) return false;
    try {
      // The list of another account cannot show this message.
      const isKnown = await unknownLines.isKnown(message.from, conversation.line);
      if (!isKnown) return await unknownLines.setAside(message, conversation.line, signal);
    } catch (error) {
      if (isOwnlineError(error) && error.party === "storage") throw error;
      reporter.error(trouble(error));
      await lookAgain(message, unknown, { kind: "unreadable" }, signal);
      return false;
    }
    const look = await lookFor(message, unknown, signal);
    if (look.kind === "called-off") return false;
    if (look.kind === "found" && (await claim(look.matches, signal))) return true;
    if (isOver(message, unknown, look)) return decide(message, look, signal);
    if (look.kind === "unseen" && (await isPassed(message, unknown, look.asOf, signal))) {
      return decide(message, { kind: "passed" }, signal);
    }
    await lookAgain(message, unknown, look, signal);
    return false;
  };
}

/** For how long the provider's list has been read without evidence, by the provider's clock. */
function readMs({ evidenceSince }: UnknownState, asOf: number): number {
  return evidenceSince === null ? 0 : asOf - evidenceSince;
}
