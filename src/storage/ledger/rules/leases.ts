import type { TurnCommit } from "../../storage.ts";
import { LEFT_TO_OTHERS_MS } from "../rows.ts";
import type { Conversation, Turn, WorkingSet } from "../working-set.ts";

/*
 * Which worker may write a conversation's next turn, and which messages are unanswered.
 */

export interface Lease {
  readonly conversation: Conversation;
  readonly turn: Turn;
}

/** The lease that a worker claims to hold; `null` if another worker, a pause or an opt-out took it. */
export function leaseOf(
  set: WorkingSet,
  held: Pick<TurnCommit, "workerId" | "conversationId" | "turnId" | "fence">,
): Lease | null {
  const conversation = set.conversations.get(held.conversationId);
  if (conversation === undefined || conversation.leaseWorker !== held.workerId || conversation.fence !== held.fence) {
    return null;
  }
  const turn = set.openTurnOf(conversation);
  return turn?.id === held.turnId ? { conversation, turn } : null;
}

/**
 * Whether a worker that does not know the line must still wait for other workers. Without the wait, it could take the
 * conversation before them every time.
 */
export function isLeftToOthers(
  { setAsideBy, dueAt }: Pick<Conversation, "setAsideBy" | "dueAt">,
  workerId: string,
  now: number,
): boolean {
  return setAsideBy === workerId && dueAt !== null && dueAt > now - LEFT_TO_OTHERS_MS;
}

/** Takes the lease of a conversation from its worker. */
export function revokeLease(conversation: Conversation): void {
  conversation.leaseWorker = null;
  conversation.fence += 1;
}

/** Ends the open turn as `cancelled`. */
export function endOpenTurn(set: WorkingSet, conversation: Conversation): void {
  const turn = set.openTurnOf(conversation);
  if (turn === undefined) return;
  turn.outcome = "cancelled";
  turn.committedAt = set.now;
}

export function hasUnanswered({ unansweredSeq, answeredSeq }: Conversation): boolean {
  return unansweredSeq > answeredSeq;
}

/** Counts all messages up to a position as answered. Newer messages keep their due time. */
export function settleUnanswered(conversation: Conversation, answeredSeq: number): void {
  conversation.answeredSeq = answeredSeq;
  conversation.backoffUntil = 0;
  if (hasUnanswered(conversation)) return;
  conversation.unansweredSince = null;
  conversation.dueAt = null;
}
