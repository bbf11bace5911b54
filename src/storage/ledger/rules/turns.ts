import { turnIdOf } from "../../../model/ids.ts";
import type { ClaimedTurn, CommittedTurn, TurnClaim, TurnCommit, TurnRelease } from "../../storage.ts";
import type { Inbound } from "../directions.ts";
import { conversationOf, inboundOf, messageOf, outboundOf, turnOf } from "../shown.ts";
import type { Conversation, Turn, WorkingSet } from "../working-set.ts";
import { fileGroup } from "./filing.ts";
import { claimableAt, hasUnanswered, isLeftToOthers, leaseOf, settleUnanswered } from "./leases.ts";
import { inMs, refreshDue } from "./order.ts";
import { pause } from "./pause.ts";

/** See `Storage.claimTurns`. */
export function claimTurns(set: WorkingSet, claim: TurnClaim): readonly ClaimedTurn[] {
  const turns: ClaimedTurn[] = [];
  for (const conversation of set.roots()) {
    if (turns.length === claim.limit) break;
    const at = claimableAt(conversation);
    if (at === null || at > set.now || conversation.paused) continue;
    if (conversation.scope !== claim.scope || isLeftToOthers(conversation, claim.workerId, set.now)) continue;
    const unanswered = unansweredOf(set, conversation);
    const [first] = unanswered;
    if (first !== undefined) turns.push(claimed(set, claim, conversation, first, unanswered));
  }
  return turns;
}

function unansweredOf(set: WorkingSet, { id, answeredSeq }: Conversation): Inbound[] {
  set.needs("unanswered");
  return set.inboundOf(id).filter(({ seq, needsAnswer }) => needsAnswer && seq > answeredSeq);
}

function claimed(
  set: WorkingSet,
  claim: TurnClaim,
  conversation: Conversation,
  first: Inbound,
  unanswered: readonly Inbound[],
): ClaimedTurn {
  const turn = set.openTurnOf(conversation) ?? newTurn(set, conversation, first);
  conversation.fence += 1;
  conversation.leaseWorker = claim.workerId;
  conversation.dueAt = null;
  set.keepAlive(claim, set.now + claim.leaseMs);
  turn.runs += 1;
  turn.throughSeq = unanswered.at(-1)?.seq ?? turn.throughSeq;
  return {
    conversation: conversationOf(conversation),
    turn: turnOf(turn),
    crashes: turn.crashes,
    fence: conversation.fence,
    messages: unanswered.map(inboundOf),
    history: set.historyOf(conversation)?.map(messageOf) ?? null,
    waitedMs: set.now - (conversation.unansweredSince ?? set.now),
  };
}

function newTurn(set: WorkingSet, conversation: Conversation, first: Inbound): Turn {
  set.needs("turns-of-first");
  const earlier = [...set.turns.rows.values()].filter((turn) => {
    return turn.conversationId === conversation.id && turn.firstSeq === first.seq;
  });
  const repetition = Math.max(0, ...earlier.map((turn) => turn.repetition + 1));
  return set.turns.add({
    id: turnIdOf(first.id, repetition),
    conversationId: conversation.id,
    firstSeq: first.seq,
    throughSeq: 0,
    repetition,
    runs: 0,
    failures: 0,
    superseded: 0,
    crashes: 0,
    error: null,
    outcome: null,
    createdAt: set.now,
    committedAt: null,
  });
}

/** See `Storage.commitTurn`. */
export function commitTurn(set: WorkingSet, commit: TurnCommit): CommittedTurn {
  const lease = leaseOf(set, commit);
  if (lease === null) {
    const conversation = set.root();
    return {
      outcome: "lost",
      messages: [],
      conversation: conversation === undefined ? null : conversationOf(conversation),
      dueInMs: null,
      turnInMs: null,
    };
  }
  const { conversation, turn } = lease;
  conversation.leaseWorker = null;
  if (commit.supersede && hasUnanswered(conversation) && conversation.unansweredSeq > commit.throughSeq) {
    turn.superseded += 1;
    const turnInMs = inMs(set, conversation.dueAt);
    return {
      outcome: "superseded",
      messages: [],
      conversation: conversationOf(conversation),
      dueInMs: null,
      turnInMs,
    };
  }
  turn.outcome = commit.outcome;
  turn.committedAt = set.now;
  turn.error = commit.error ?? turn.error;
  const { parts, expiryMs } = commit;
  const reply = { key: null, groupId: turn.id, origin: "ai", sender: conversation.sender, turnId: turn.id } as const;
  const group = fileGroup(set, conversation, { ...reply, parts, expiryMs });
  settleUnanswered(conversation, commit.throughSeq);
  if (conversation.unansweredSince !== null) conversation.unansweredSince = set.now;
  if (commit.pause) pause(conversation);
  refreshDue(set, conversation.id);
  return {
    outcome: "committed",
    messages: group.map(outboundOf),
    conversation: conversationOf(conversation),
    dueInMs: inMs(set, group[0]?.dueAt ?? null),
    turnInMs: inMs(set, conversation.dueAt),
  };
}

/**
 * Ends a turn as `failed`. Its messages count as answered, so the AI is not asked about them again. Newer messages keep
 * their due time.
 */
function endTurn(set: WorkingSet, conversation: Conversation, turn: Turn): void {
  conversation.leaseWorker = null;
  turn.outcome = "failed";
  turn.committedAt = set.now;
  settleUnanswered(conversation, turn.throughSeq);
  if (conversation.unansweredSince !== null) conversation.unansweredSince = set.now;
}

/** See `Storage.releaseTurn`. */
export function releaseTurn(set: WorkingSet, release: TurnRelease): boolean {
  const lease = leaseOf(set, release);
  if (lease === null) return false;
  const { conversation, turn } = lease;
  turn.error = release.error ?? turn.error;
  if (release.reason === "given-up") {
    endTurn(set, conversation, turn);
    return true;
  }
  const retryAt = set.now + release.retryInMs;
  const newerDueAt = conversation.dueAt ?? retryAt;
  conversation.leaseWorker = null;
  conversation.dueAt = retryAt;
  switch (release.reason) {
    case "failed":
      turn.failures += 1;
      conversation.backoffUntil = retryAt;
      break;
    case "superseded":
      turn.superseded += 1;
      conversation.dueAt = Math.min(retryAt, newerDueAt);
      break;
    case "stopped":
      break;
    case "unknown-line":
      // The run does not count, because the AI was not asked.
      turn.runs -= 1;
      conversation.setAsideBy = release.workerId;
      break;
    default:
      release.reason satisfies never;
  }
  return true;
}
