import type { TurnCommit } from "../../storage.ts";
import type { Conversation, Turn, WorkingSet } from "../working-set.ts";
import { LEFT_TO_OTHERS_MS } from "./limits.ts";

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

/** When a turn may begin; `null` while a turn runs, and while the conversation is paused or has nothing to answer. */
export function claimableAt({ dueAt, leaseWorker }: Pick<Conversation, "dueAt" | "leaseWorker">): number | null {
  return leaseWorker === null ? dueAt : null;
}

/** The fields of a conversation or message that say when a worker may take it. */
type Due = Pick<Conversation, "setAsideBy" | "dueAt">;

/** When a worker may take a row: {@link LEFT_TO_OTHERS_MS} after the due time if the worker has set the row aside. */
function dueForWorkerAt({ setAsideBy, dueAt }: Due, workerId: string): number | null {
  return dueAt === null || setAsideBy !== workerId ? dueAt : dueAt + LEFT_TO_OTHERS_MS;
}

/**
 * Whether a worker that does not know the line must still wait for other workers. Without the wait, it could take the
 * conversation before them every time.
 */
export function isLeftToOthers(row: Due, workerId: string, now: number): boolean {
  const dueAt = dueForWorkerAt(row, workerId);
  return row.setAsideBy === workerId && dueAt !== null && dueAt > now;
}

/**
 * When a worker next asks for a message that it may not take yet. It asks at the message's due time, even if it has set
 * the message aside. Otherwise each look would have to read all messages that the worker has set aside, to find the
 * first other one.
 */
export function askedAgainAt(row: Due, workerId: string, now: number): number | null {
  return row.dueAt !== null && row.dueAt > now ? row.dueAt : dueForWorkerAt(row, workerId);
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
