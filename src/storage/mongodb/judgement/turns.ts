import type { Conversation } from "../../../model/conversation.ts";
import { turnIdOf } from "../../../model/ids.ts";
import type {
  ClaimedTurn,
  CommittedTurn,
  Heartbeat,
  HeartbeatAnswer,
  PauseChange,
  TurnClaim,
  TurnCommit,
  TurnRelease,
} from "../../storage.ts";
import { bestOf } from "./facts.ts";
import {
  change,
  doubt,
  endLease,
  endOpenTurn,
  keepAlive,
  type Ledger,
  refreshDue,
  revokeLease,
  setAttempt,
  settlePending,
  show,
} from "./ledger.ts";
import type { ConversationRow, InboundRow, OutboundRow, TurnRow, WorkerRow } from "./rows.ts";
import { shownMessages } from "./rows.ts";
import { fileGroup } from "./texts.ts";

/** See {@link Storage.claimTurns}. */
export function claimTurn(ledger: Ledger, claim: Omit<TurnClaim, "limit">): ClaimedTurn | null {
  const now = ledger.clock.now();
  const [row] = ledger.dueTurns.from({ at: Number.NEGATIVE_INFINITY, id: "" });
  if (row === undefined || row.dueAt === null || row.dueAt > now) return null;
  const [first] = row.pending;
  const last = row.pending.at(-1);
  if (first === undefined || last === undefined) return null;

  row.fence += 1;
  row.leasedTo = claim.workerId;
  row.dueAt = null;
  keepAlive(ledger, claim.workerId, now + claim.leaseMs).leases.add(row);
  const turn = row.turn ?? newTurn(ledger, row, first, now);
  row.turn = turn;
  turn.shown = { ...turn.shown, runs: turn.shown.runs + 1, throughSeq: last.message.seq };
  for (const text of row.pending) {
    if (text.turns.at(-1) === turn) continue;
    turn.texts.push(text);
    text.turns.push(turn);
  }
  refreshDue(ledger, row);
  return {
    conversation: row.shown,
    turn: turn.shown,
    crashes: turn.crashes,
    fence: row.fence,
    messages: row.pending.map((text) => text.message),
    waitedMs: now - (row.pendingSince ?? now),
  };
}

function newTurn(ledger: Ledger, row: ConversationRow, first: InboundRow, now: number): TurnRow {
  const firstSeq = first.message.seq;
  const earlier = first.turns.filter((turn) => turn.firstSeq === firstSeq).length;
  const counts = { runs: 0, failures: 0, superseded: 0, error: null, throughSeq: 0 };
  const times = { outcome: null, createdAt: now, committedAt: null };
  const shown = { id: turnIdOf(first.message.id, earlier), conversationId: row.shown.id, ...counts, ...times };
  const turn: TurnRow = { shown, conversation: row, firstSeq, crashes: 0, texts: [], group: [] };
  ledger.turns.set(shown.id, turn);
  row.turns.push(turn);
  return turn;
}

interface Lease {
  readonly row: ConversationRow;
  readonly turn: TurnRow;
}

function leaseOf(
  ledger: Ledger,
  held: Pick<TurnCommit, "workerId" | "conversationId" | "turnId" | "fence">,
): Lease | null {
  const row = ledger.conversations.get(held.conversationId);
  if (row === undefined || row.leasedTo !== held.workerId || row.fence !== held.fence) return null;
  return row.turn?.shown.id === held.turnId ? { row, turn: row.turn } : null;
}

/** See {@link Storage.commitTurn}. */
export function commitTurn(ledger: Ledger, commit: TurnCommit): CommittedTurn {
  const lease = leaseOf(ledger, commit);
  if (lease === null) {
    const conversation = ledger.conversations.get(commit.conversationId)?.shown ?? null;
    return { outcome: "lost", messages: [], conversation };
  }
  const now = ledger.clock.now();
  const { row, turn } = lease;
  endLease(ledger, row);
  if (commit.supersede && row.pending.some((text) => text.message.seq > commit.throughSeq)) {
    turn.shown = { ...turn.shown, superseded: turn.shown.superseded + 1 };
    refreshDue(ledger, row);
    return { outcome: "superseded", messages: [], conversation: row.shown };
  }
  turn.shown = { ...turn.shown, outcome: commit.outcome, committedAt: now };
  row.turn = null;
  const { parts, expiryMs } = commit;
  const reply = { key: null, groupId: turn.shown.id, origin: "ai", sender: row.shown.sender } as const;
  const group = fileGroup(ledger, row, { ...reply, turn, parts, expiryMs }, now);
  settlePending(ledger, row, commit.throughSeq);
  if (row.pendingSince !== null) row.pendingSince = now;
  if (commit.pause) pause(ledger, row);
  refreshDue(ledger, row);
  return { outcome: "committed", messages: shownMessages(group), conversation: row.shown };
}

/** See {@link Storage.releaseTurn}. */
export function releaseTurn(ledger: Ledger, release: TurnRelease): boolean {
  const lease = leaseOf(ledger, release);
  if (lease === null) return false;
  const { row, turn } = lease;
  const retryAt = ledger.clock.now() + release.retryInMs;
  const newerDueAt = row.dueAt ?? retryAt;
  endLease(ledger, row);
  row.dueAt = retryAt;
  switch (release.reason) {
    case "failed":
      turn.shown = { ...turn.shown, failures: turn.shown.failures + 1 };
      row.backoffUntil = retryAt;
      break;
    case "superseded":
      turn.shown = { ...turn.shown, superseded: turn.shown.superseded + 1 };
      row.dueAt = Math.min(retryAt, newerDueAt);
      break;
    case "stopped":
    case "given-up":
      break;
    default:
      release.reason satisfies never;
  }
  refreshDue(ledger, row);
  return true;
}

/** See {@link Storage.heartbeat}. */
export function heartbeat(ledger: Ledger, beat: Heartbeat): HeartbeatAnswer {
  const now = ledger.clock.now();
  const self = keepAlive(ledger, beat.workerId, now + beat.leaseMs);
  const unsettled: OutboundRow[] = [];
  let recovered = 0;
  for (const [workerId, worker] of ledger.workers) {
    if (worker.aliveUntil > now) continue;
    recovered += worker.leases.size;
    unsettled.push(...bury(ledger, worker, now, beat.lookInMs));
    ledger.workers.delete(workerId);
  }
  const leases = Array.from(self.leases, (row) => {
    const pendingSeq = row.pending.at(-1)?.message.seq ?? 0;
    return { conversationId: row.shown.id, turnId: row.turn?.shown.id ?? "", fence: row.fence, pendingSeq };
  });
  return { leases, unsettled: shownMessages(unsettled), recovered };
}

function bury(ledger: Ledger, worker: WorkerRow, now: number, lookInMs: number): OutboundRow[] {
  for (const row of worker.leases) {
    row.leasedTo = null;
    row.dueAt = now;
    if (row.turn !== null) row.turn.crashes += 1;
    refreshDue(ledger, row);
  }
  const unsettled: OutboundRow[] = [];
  for (const attempt of worker.sending) {
    setAttempt(ledger, attempt, "unknown", null);
    const row = attempt.message;
    if (row.message.status !== "sending" || bestOf(row)?.status !== "unknown") continue;
    doubt(row, now, lookInMs);
    change(ledger, row, { status: "unknown" });
    refreshDue(ledger, row.conversation);
    unsettled.push(row);
  }
  return unsettled;
}

/** See {@link Storage.setPaused}. */
export function setPaused(ledger: Ledger, { conversationId, paused, skipPending }: PauseChange): Conversation | null {
  const row = ledger.conversations.get(conversationId);
  if (row === undefined) return null;
  if (row.shown.paused === paused) return row.shown;
  const now = ledger.clock.now();
  if (paused) pause(ledger, row);
  else {
    show(ledger, row, { paused: false });
    row.backoffUntil = 0;
    if (skipPending) {
      endOpenTurn(row, now);
      settlePending(ledger, row, row.shown.inboundSeq);
    }
    row.dueAt = row.pending.length > 0 ? now : null;
  }
  refreshDue(ledger, row);
  return row.shown;
}

function pause(ledger: Ledger, row: ConversationRow): void {
  revokeLease(ledger, row);
  row.dueAt = null;
  show(ledger, row, { paused: true });
}
