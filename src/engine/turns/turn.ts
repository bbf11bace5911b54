import type { AiTurn } from "../../ai/ai.ts";
import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { newId } from "../../model/ids.ts";
import type { Message, MessageError } from "../../model/message.ts";
import type { ClaimedTurn, CommittedTurn, TurnRelease } from "../../storage/storage.ts";
import { kindOfThrown } from "../../thrown.ts";
import { SET_ASIDE_MS, type UnknownLines } from "../outbound/unknown-lines.ts";
import type { EngineContext } from "../support/context.ts";
import { CORRUPT_WAIT_MS, isCorrupt, trouble } from "../support/problems.ts";
import { isTemporary, retrying } from "../support/retrying.ts";
import { ask } from "./ask.ts";
import { compose } from "./compose.ts";
import { historyFor, recentMessages, withSelectedHistory } from "./history.ts";
import { reportCommitted, reportSuperseded, reportTurn } from "./report-turn.ts";
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
  /** What was committed; `null` where nothing was. */
  readonly done: Promise<CommittedTurn | null>;
}

/** `lost`: the lease is another worker's, so there is nothing to release. */
export type GiveUpReason = "superseded" | "stopped" | "lost";

/** A turn gives way to a newer text at most this often, so that a fast texter is answered at last. */
const MOST_SUPERSEDED = 2;
/** A turn whose runs keep dying with their process ends with the fallback text. */
const MOST_CRASHES = 4;
/** So many runs beyond `answer.attempts` may fail since the ledger was away when their answer was to be stored. */
const MOST_UNSTORED = 4;
const LONGEST_BACKOFF_MS = 300_000;

/** Releases that the ledger has not taken, by conversation: the heartbeat says them again. */
export type OwedReleases = Map<string, TurnRelease>;

/** What runs of one process share. */
export interface RunParts {
  readonly owed: OwedReleases;
  readonly unknownLines: UnknownLines;
}

/** Runs a claimed turn to its end: a reply, silence, the fallback text, or back into the ledger. Never rejects. */
export function startRun(context: EngineContext, claimed: ClaimedTurn, { owed, unknownLines }: RunParts): Run {
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

  const releaseOf = (reason: TurnRelease["reason"], retryInMs: number, error: MessageError | null): TurnRelease => ({
    callId: newId("o"),
    workerId: context.workerId,
    conversationId: conversation.id,
    turnId: turn.id,
    fence,
    reason,
    retryInMs,
    error,
  });
  const backoffMs = Math.min(context.answer.backoffMs * 2 ** turn.failures, LONGEST_BACKOFF_MS);

  /** Returns whether the ledger took it. If not, the lease stays ours, and a heartbeat repeats the release. */
  const release = async (...how: Parameters<typeof releaseOf>): Promise<boolean> => {
    const order = releaseOf(...how);
    try {
      return await retrying(context, { forMs: context.worker.leaseMs }, () => context.storage.releaseTurn(order));
    } catch (error) {
      owed.set(conversation.id, order);
      context.reporter.error(trouble(error));
      return false;
    }
  };

  let mayHaveAsked = false;
  /** What no line of the log may quote. */
  let said: readonly string[] = [conversation.participant, conversation.sender];
  const decide = async (): Promise<Decision | null> => {
    let recent: readonly Message[];
    let silenced: Decision | null;
    try {
      recent = await recentMessages(context, claimed);
      said = [...said, ...[...recent, ...claimed.messages].map(({ body }) => body)];
      const pairKey = await context.consentKey(conversation.line, conversation.participant);
      silenced = await silencedBy(context, { conversation, history: recent, pairKey });
    } catch (error) {
      // A ledger that is away does not count as a failure; one that refuses for good would be asked without end.
      if (isTemporary(error)) throw error;
      return failed(trouble(error));
    }
    if (silenced !== null) return silenced;
    if (claimed.crashes >= MOST_CRASHES) {
      return fallback(context, turn.id, `${claimed.crashes} runs ended with their process`);
    }
    if (turn.failures >= context.answer.attempts + MOST_UNSTORED) {
      return fallback(
        context,
        turn.id,
        `${turn.failures} runs failed: ${turn.error?.reason ?? "see the error events"}`,
      );
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
      mayHaveAsked = true;
      const ai = withSelectedHistory(context);
      const answered = await answerWithinBound(context, input, (asking) => ask(ai, asking, limits));
      if (answered.kind === "given-up") return null;
      if (answered.kind === "failed") return failed(asAiError(context.ai.name, answered.error));
      if (answered.error !== null) context.reporter.error(answered.error, said);
      return { ...answered.decision, supersede: !pinned() };
    } catch (error) {
      return failed(asAiError(context.ai.name, error));
    }
  };

  /**
   * What becomes of a run that failed: another run, else what stands in for the answer. `null`: nothing more to store.
   */
  const failed = async (error: OwnlineError, refused: Decision | null = null): Promise<Decision | null> => {
    context.reporter.error(error, said);
    if (isCorrupt(error)) {
      // Neither the AI nor the person has a part in it: the turn waits for the operator.
      await release("stopped", CORRUPT_WAIT_MS, null);
      return null;
    }
    const reason = { code: null, reason: error.message };
    const standsIn = refused !== null && refused.error !== null;
    const mayRetry = error.retryable || error.party === "storage";
    if (mayRetry && !standsIn && turn.failures + 1 < context.answer.attempts) {
      await release("failed", backoffMs, reason);
      return null;
    }
    // No fallback text in place of a silence: a policy may have kept the AI from answering a machine.
    if (standsIn || refused?.outcome === "silent") {
      await endUnanswered(error, reason);
      return null;
    }
    const instead = fallback(context, turn.id, error.message);
    return refused?.outcome === "handed-off" ? { ...refused, parts: instead.parts, error: reason } : instead;
  };

  const endUnanswered = async (cause: OwnlineError, reason: MessageError): Promise<void> => {
    context.reporter.error(
      new OwnlineError(
        "storage_unavailable",
        `turn ${turn.id} ends without an answer: the ledger (${context.storage.name}) could not store what was to be said. Mend the ledger, then call requeue() with the turn's id`,
        { cause },
      ),
    );
    if (await release("given-up", 0, reason)) reportTurn(context, claimed, "failed", reason.reason, []);
  };

  const commit = async (decision: Decision): Promise<CommittedTurn | null> => {
    const { reason, ...rest } = decision;
    let committed: CommittedTurn;
    try {
      committed = await retrying(context, { forMs: context.worker.leaseMs }, commitOf(context, claimed, rest));
    } catch (cause) {
      if (isTemporary(cause)) throw cause;
      const instead = await failed(refusal(context, cause), decision);
      return instead === null ? null : commit(instead);
    }
    reportCommitted(context, claimed, decision.outcome, reason, committed);
    return committed;
  };

  /** `null` where the caller's function that finds senders failed. */
  const isKnown = async (): Promise<boolean | null> => {
    try {
      return await unknownLines.isKnown(conversation.sender, conversation.line);
    } catch (error) {
      context.reporter.error(trouble(error));
      return null;
    }
  };

  const work = async (): Promise<CommittedTurn | null> => {
    try {
      const known = await isKnown();
      if (known === null) await release("stopped", SET_ASIDE_MS, null);
      if (known === false) {
        unknownLines.report(conversation.line, `a message of conversation ${conversation.id} waits for its answer`);
        await release("unknown-line", SET_ASIDE_MS, null);
      }
      if (known !== true) return null;
      const decision = await decide();
      if (decision !== null) return await commit(decision);
      if (gaveUp.signal.reason === "superseded") {
        await release("superseded", context.burst.quietMs, null);
        reportSuperseded(context, conversation.id);
      } else if (gaveUp.signal.reason === "stopped") {
        await release("stopped", 0, null);
      }
    } catch (error) {
      // The lease stays ours while this process lives; the worker's next heartbeats find it idle and release it.
      const failure = trouble(error);
      context.reporter.error(failure);
      if (mayHaveAsked || !isTemporary(error)) {
        owed.set(conversation.id, releaseOf("failed", backoffMs, { code: null, reason: failure.message }));
      }
    }
    return null;
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
  const callId = newId("o");
  return () =>
    context.storage.commitTurn({
      callId,
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
    error: { code: null, reason },
    reason,
  };
}

/** A ledger that refuses an answer for good. Another answer may be kept, so the run counts as failed. */
function refusal({ storage }: EngineContext, cause: unknown): OwnlineError {
  const why = isOwnlineError(cause) ? cause.message : kindOfThrown(cause);
  return new OwnlineError(
    "storage_unavailable",
    `the ledger (${storage.name}) refused to store the end of a turn, and will refuse it again: ${why}. The run counts as failed; see the cause`,
    { cause, retryable: true },
  );
}

function asAiError(name: string, cause: unknown): OwnlineError {
  if (isOwnlineError(cause)) return cause;
  return new OwnlineError("ai_failed", `the AI (${name}) failed: ${kindOfThrown(cause)}; see the cause`, {
    cause,
    retryable: true,
  });
}
