import type { TurnCommit } from "../../storage.ts";
import { LEFT_TO_OTHERS_MS } from "../rows.ts";
import type { Conversation, Turn, WorkingSet } from "../working-set.ts";

/*
 * Who may write a conversation's next turn, and what is unanswered.
 */

export interface Lease {
  readonly conversation: Conversation;
  readonly turn: Turn;
}

/** The lease that a worker says it holds; `null` where another worker, a pause or an opt-out took it. */
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

/** Whether a worker that does not know the line lets others go first: else it could take it for ever before they do. */
export function isLeftToOthers(
  { setAsideBy, dueAt }: Pick<Conversation, "setAsideBy" | "dueAt">,
  workerId: string,
  now: number,
): boolean {
  return setAsideBy === workerId && dueAt !== null && dueAt > now - LEFT_TO_OTHERS_MS;
}

/** Takes a conversation away from the worker that has it. */
export function revokeLease(conversation: Conversation): void {
  conversation.leaseWorker = null;
  conversation.fence += 1;
}

/** Calls the open turn off. */
export function endOpenTurn(set: WorkingSet, conversation: Conversation): void {
  const turn = set.openTurnOf(conversation);
  if (turn === undefined) return;
  turn.outcome = "cancelled";
  turn.committedAt = set.now;
}

export function hasUnanswered({ unansweredSeq, answeredSeq }: Conversation): boolean {
  return unansweredSeq > answeredSeq;
}

/** Counts everything up to a position as answered; what is newer keeps its due time. */
export function settleUnanswered(conversation: Conversation, answeredSeq: number): void {
  conversation.answeredSeq = answeredSeq;
  conversation.backoffUntil = 0;
  if (hasUnanswered(conversation)) return;
  conversation.unansweredSince = null;
  conversation.dueAt = null;
}
