import type { Heartbeat, HeartbeatAnswer } from "../../storage.ts";
import type { Outbound } from "../directions.ts";
import { outboundOf } from "../shown.ts";
import type { Conversation, WorkingSet } from "../working-set.ts";
import { bestOf, settleAttempt } from "./attempts.ts";
import { hasUnanswered } from "./leases.ts";
import { beginUnknown, changeStatus, refreshDue } from "./order.ts";

/** See `Storage.heartbeat`. */
export function heartbeat(set: WorkingSet, beating: Heartbeat): HeartbeatAnswer {
  const { workerId, leaseMs, lookInMs } = beating;
  set.keepAlive(beating, set.now + leaseMs);
  giveTime(set, beating);
  let recovered = 0;
  for (const conversation of set.roots()) {
    if (!isHeldByExpired(set, conversation.leaseWorker, workerId)) continue;
    reclaim(set, conversation);
    recovered += 1;
  }
  const unsettled = set.chosen().filter((row) => markAbandoned(set, row, workerId, lookInMs));
  const leases = set.roots().filter(({ leaseWorker }) => leaseWorker === workerId);
  return {
    leases: leases.map((conversation) => ({
      conversationId: conversation.id,
      turnId: set.openTurnOf(conversation)?.id ?? "",
      fence: conversation.fence,
      unansweredSeq: hasUnanswered(conversation) ? conversation.unansweredSeq : 0,
    })),
    unsettled: unsettled.map(outboundOf),
    recovered,
  };
}

/**
 * A worker whose last heartbeat was written by a clock that was ahead may be alive. It gets one more lease, in which it
 * can send a heartbeat by the right clock.
 */
function giveTime(set: WorkingSet, { workerId, leaseMs }: Heartbeat): void {
  for (const { id, scope, writtenAt } of set.heardAhead) {
    set.ahead.noteIfAhead("worker", writtenAt);
    if (id !== workerId) set.keepAlive({ workerId: id, scope }, set.now + leaseMs);
  }
}

/**
 * Whether an expired worker other than this one holds the row. The worker that sends the heartbeat is alive, even if
 * its time was over.
 */
function isHeldByExpired(set: WorkingSet, holder: string | null, workerId: string): boolean {
  if (holder === null || holder === workerId || !set.expired.has(holder)) return false;
  set.reclaimFrom(holder);
  return true;
}

/** Takes a conversation from an expired worker. Its turn is due at once. */
function reclaim(set: WorkingSet, conversation: Conversation): void {
  conversation.leaseWorker = null;
  conversation.dueAt = set.now;
  const turn = set.openTurnOf(conversation);
  if (turn !== undefined) turn.crashes += 1;
}

/**
 * Marks the attempts of expired workers as unknown, because they may have left. Returns whether the message became
 * unknown.
 */
function markAbandoned(set: WorkingSet, row: Outbound, workerId: string, lookInMs: number): boolean {
  for (const attempt of set.attemptsOf(row)) {
    if (isHeldByExpired(set, attempt.worker, workerId)) settleAttempt(attempt, "unknown", null);
  }
  if (row.status !== "sending" || bestOf(set, row)?.status !== "unknown") return false;
  beginUnknown(row, set.now, lookInMs);
  changeStatus(set, row, "unknown");
  refreshDue(set, row.conversationId);
  return true;
}
