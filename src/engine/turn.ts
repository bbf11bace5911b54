import type { AiTurn } from "../ai/ai.ts";
import { isOwnlineError, OwnlineError } from "../errors.ts";
import type { TurnOutcome } from "../model/conversation.ts";
import { newId } from "../model/ids.ts";
import type { ClaimedTurn, CommittedTurn, TurnRelease } from "../storage/storage.ts";
import { kindOfThrown } from "../thrown.ts";
import { ask } from "./ask.ts";
import { compose } from "./compose.ts";
import type { EngineContext } from "./context.ts";
import { trouble } from "./heart.ts";
import { historyFor, recentMessages, withSelectedHistory } from "./history.ts";
import { persist } from "./persist.ts";
import { type Decision, silencedBy } from "./silence.ts";
import { answerWithinBound } from "./within-bound.ts";

/** A run that is going on, and the handle by which others may end it. */
export interface Run {
  readonly conversationId: string;
  readonly fence: number;
  readonly throughSeq: number;
  /** A newer text may end it no more: a tool has started, it waited too long, or it gave way often enough. */
  readonly pinned: boolean;
  /** Ends the run. `superseded` has no effect on a pinned one. */
  giveUp(reason: GiveUpReason): void;
  readonly done: Promise<void>;
}

/** `lost`: the lease is somebody else's, so there is nothing to release. */
export type GiveUpReason = "superseded" | "stopped" | "lost";

/** A turn gives way to a newer text at most this often, so that a fast texter is answered at last. */
const MOST_SUPERSEDED = 2;
/** A turn whose runs keep dying with their process ends with the fallback text. */
const MOST_CRASHES = 4;
const LONGEST_BACKOFF_MS = 300_000;

/** Runs a claimed turn to its end: a reply, silence, the fallback text, or back into the ledger. Never rejects. */
export function startRun(context: EngineContext, claimed: ClaimedTurn): Run {
  const { clock, burst } = context;
  const { conversation, turn, fence } = claimed;
  const startedAt = clock.now();
  const gaveUp = new AbortController();
  let toolStarted = false;
  const pinned = () =>
    toolStarted ||
    burst.whileAnswering === "queue" ||
    turn.superseded >= MOST_SUPERSEDED ||
    claimed.waitedMs + (clock.now() - startedAt) >= burst.maxWaitMs;

  const release = (reason: TurnRelease["reason"], retryInMs: number) => {
    const op = newId("o");
    return persist(context, { forMs: context.worker.leaseMs }, () =>
      context.storage.releaseTurn({
        op,
        workerId: context.workerId,
        conversationId: conversation.id,
        turnId: turn.id,
        fence,
        reason,
        retryInMs,
      }),
    );
  };

  /** What no line of the log may quote. */
  let said: readonly string[] = [conversation.participant, conversation.sender];
  const decide = async (): Promise<Decision | null> => {
    const recent = await recentMessages(context, conversation.id, turn.throughSeq);
    said = [...said, ...[...recent, ...claimed.messages].map(({ body }) => body)];
    let silenced: Decision | null;
    try {
      const pairKey = await context.consentKey(conversation.line, conversation.participant);
      silenced = await silencedBy(context, { conversation, history: recent, pairKey });
    } catch (error) {
      // An error of the ledger does not count as a failure of the AI.
      if (isOwnlineError(error) && error.party === "storage") throw error;
      return failed(error);
    }
    if (silenced !== null) return silenced;
    if (claimed.crashes >= MOST_CRASHES) {
      return fallback(context, turn.id, `${claimed.crashes} runs ended with their process`);
    }
    const input: AiTurn = {
      id: turn.id,
      run: turn.runs,
      conversationId: conversation.id,
      sender: conversation.sender,
      participant: conversation.participant,
      messages: claimed.messages,
      history: historyFor(context, recent, claimed.messages),
    };
    const limits = {
      clock,
      timeoutMs: context.answer.timeoutMs,
      giveUp: gaveUp.signal,
      toolStarted: () => {
        toolStarted = true;
      },
    };
    try {
      const ai = withSelectedHistory(context);
      const answered = await answerWithinBound(context, input, (asking) => ask(ai, asking, limits));
      if (answered.kind === "given-up") return null;
      if (answered.kind === "failed") return failed(answered.error);
      if (answered.error !== null) context.tell.error(answered.error, said);
      return { ...answered.decision, supersede: !pinned() };
    } catch (error) {
      return failed(error);
    }
  };

  const failed = async (cause: unknown): Promise<Decision | null> => {
    const error = asAiError(context.ai.name, cause);
    context.tell.error(error, said);
    const failures = turn.failures + 1;
    if (error.retryable && failures < context.answer.attempts) {
      await release("failed", Math.min(context.answer.backoffMs * 2 ** turn.failures, LONGEST_BACKOFF_MS));
      return null;
    }
    return fallback(context, turn.id, error.message);
  };

  const commit = async (decision: Decision): Promise<void> => {
    const { reason, ...rest } = decision;
    const committed = await persist(context, { forMs: context.worker.leaseMs }, commitOf(context, claimed, rest));
    tellCommitted(context, claimed, decision.outcome, reason, committed);
  };

  const work = async (): Promise<void> => {
    try {
      const decision = await decide();
      if (decision !== null) return await commit(decision);
      if (gaveUp.signal.reason === "superseded") {
        await release("superseded", context.burst.quietMs);
        tellSuperseded(context, conversation.id);
      } else if (gaveUp.signal.reason === "stopped") {
        await release("stopped", 0);
      }
    } catch (error) {
      // The lease stays ours while this process lives; the worker's next heartbeat finds it idle and releases it.
      context.tell.error(trouble(error));
    }
  };

  return {
    conversationId: conversation.id,
    fence,
    throughSeq: turn.throughSeq,
    get pinned() {
      return pinned();
    },
    giveUp(reason) {
      if (reason !== "superseded" || !pinned()) gaveUp.abort(reason);
    },
    done: work(),
  };
}

function commitOf(
  context: EngineContext,
  claimed: ClaimedTurn,
  decision: Omit<Decision, "reason">,
): () => Promise<CommittedTurn> {
  const op = newId("o");
  return () =>
    context.storage.commitTurn({
      op,
      workerId: context.workerId,
      conversationId: claimed.conversation.id,
      turnId: claimed.turn.id,
      fence: claimed.fence,
      throughSeq: claimed.turn.throughSeq,
      expiryMs: context.sending.expiryMs,
      ...decision,
    });
}

function fallback(context: EngineContext, turnId: string, reason: string): Decision {
  return {
    outcome: "fallback",
    parts: compose(context, turnId, context.answer.fallbackText),
    pause: false,
    supersede: false,
    reason,
  };
}

function asAiError(name: string, cause: unknown): OwnlineError {
  if (isOwnlineError(cause)) return cause;
  return new OwnlineError("ai_failed", `the AI (${name}) failed: ${kindOfThrown(cause)}; see the cause`, {
    cause,
    retryable: true,
  });
}

function tellCommitted(
  context: EngineContext,
  claimed: ClaimedTurn,
  outcome: TurnOutcome,
  reason: string | null,
  committed: CommittedTurn,
): void {
  const { tell } = context;
  const { conversation, turn } = claimed;
  if (committed.outcome === "superseded") tellSuperseded(context, conversation.id);
  if (committed.outcome !== "committed") return;
  for (const message of committed.messages) tell.message(message);
  tell.turn({
    turnId: turn.id,
    conversationId: conversation.id,
    outcome,
    run: turn.runs,
    answered: claimed.messages,
    replies: committed.messages,
    reason,
    ai: context.ai.name,
  });
}

function tellSuperseded({ tell }: EngineContext, conversationId: string): void {
  tell.notice({
    kind: "superseded",
    conversationId,
    messageId: null,
    detail: "a newer text came; both are answered together",
  });
}
