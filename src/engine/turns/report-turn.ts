import type { TurnOutcome } from "../../model/conversation.ts";
import type { OutboundMessage } from "../../model/message.ts";
import type { ClaimedTurn, CommittedTurn } from "../../storage/storage.ts";
import type { EngineContext } from "../support/context.ts";

/** Reports what a run committed: its replies, and how the turn ended. */
export function reportCommitted(
  context: EngineContext,
  claimed: ClaimedTurn,
  outcome: TurnOutcome,
  reason: string | null,
  committed: CommittedTurn,
): void {
  const { reporter } = context;
  const { conversation } = claimed;
  if (committed.outcome === "superseded") reportSuperseded(context, conversation.id);
  if (committed.outcome !== "committed") return;
  for (const message of committed.messages) reporter.message(message);
  reportTurn(context, claimed, outcome, reason, committed.messages);
}

/** Reports how a turn ended. */
export function reportTurn(
  { reporter, ai }: EngineContext,
  { conversation, turn, messages }: ClaimedTurn,
  outcome: TurnOutcome,
  reason: string | null,
  replies: readonly OutboundMessage[],
): void {
  reporter.turn({
    turnId: turn.id,
    conversationId: conversation.id,
    outcome,
    run: turn.runs,
    answered: messages,
    replies,
    reason,
    ai: ai.name,
  });
}

/** Reports that a run gave way to a newer message. */
export function reportSuperseded({ reporter }: EngineContext, conversationId: string): void {
  reporter.notice({
    kind: "superseded",
    conversationId,
    messageId: null,
    detail: "a newer text came; both are answered together",
  });
}
