import type { ClaimedTurn, CommittedTurn, TurnClaim, TurnCommit, TurnRelease } from "../storage.ts";
import { answerOf } from "./answer.ts";
import type { Ledger } from "./operation.ts";
import { inboundOf, integer, oneOf, outboundOf, partsText, record, text, turnOf } from "./rows.ts";

/** See `Storage.claimTurn`. */
export async function claimTurn(ledger: Ledger, { op, workerId, leaseMs }: TurnClaim): Promise<ClaimedTurn | null> {
  const { detail, messages, conversation } = answerOf(
    await ledger.commit(["turn.claim", "common.answer"], { op, workerId, leaseMs }),
  );
  if (conversation === null) return null;
  const turn = record(detail.turn, "detail");
  return {
    conversation,
    turn: turnOf(turn),
    crashes: integer(detail, "crashes"),
    fence: integer(detail, "fence"),
    messages: messages("message")
      .map(inboundOf)
      .toSorted((one, other) => one.seq - other.seq),
    waitedMs: integer(detail, "waitedMs"),
  };
}

const COMMIT_OUTCOMES: readonly CommittedTurn["outcome"][] = ["committed", "superseded", "lost"];

/** See `Storage.commitTurn`. */
export async function commitTurn(ledger: Ledger, commit: TurnCommit): Promise<CommittedTurn> {
  const results = await ledger.commit(["turn.commit", "common.answer"], {
    op: commit.op,
    workerId: commit.workerId,
    conversationId: commit.conversationId,
    turnId: commit.turnId,
    fence: commit.fence,
    throughSeq: commit.throughSeq,
    outcome: commit.outcome,
    supersede: commit.supersede ? 1 : 0,
    pause: commit.pause ? 1 : 0,
    origin: "ai",
    parts: partsText(commit.parts),
    expiryMs: commit.expiryMs,
  });
  const { outcome, messages, conversation } = answerOf(results);
  return {
    outcome: oneOf(outcome, "outcome", COMMIT_OUTCOMES),
    messages: outcome === "committed" ? messages("message").map(outboundOf) : [],
    conversation,
  };
}

/** See `Storage.releaseTurn`. */
export async function releaseTurn(ledger: Ledger, release: TurnRelease): Promise<boolean> {
  const [[operation] = []] = await ledger.commit(["turn.release"], {
    op: release.op,
    workerId: release.workerId,
    conversationId: release.conversationId,
    turnId: release.turnId,
    fence: release.fence,
    reason: release.reason,
    retryInMs: release.retryInMs,
  });
  return operation !== undefined && text(operation, "outcome") === "held";
}
