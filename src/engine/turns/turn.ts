import type { AiTurn } from "../../ai/ai.ts";
import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { newId } from "../../model/ids.ts";
import type { Message, MessageError } from "../../model/message.ts";
import type { ClaimedTurn, CommittedTurn, TurnRelease } from "../../storage/storage.ts";
import { kindOfThrown } from "../../thrown.ts";
import { compose } from "../outbound/compose.ts";
import { SET_ASIDE_MS, type UnknownLines } from "../outbound/unknown-lines.ts";
import type { EngineContext } from "../support/context.ts";
import { CORRUPT_WAIT_MS, isCorrupt, trouble } from "../support/problems.ts";
import { isTemporary, retrying } from "../support/retrying.ts";
import { asAiError, ask } from "./ask.ts";
import { historyFor, recentMessages, withSelectedHistory } from "./history.ts";
import { reportCommitted, reportSuperseded, reportTurn } from "./report-turn.ts";
import { type Decision, silencedBy } from "./silence.ts";
import { answerWithinBound } from "./within-bound.ts";

/** A run in progress. Other parts of the worker can end it. */
export interface Run {
  readonly conversationId: string;
  readonly fence: number;
  readonly throughSeq: number;
  /**
   * Whether a newer text can no longer end the run, for example because a tool has started or the turn waits too long.
   */
  readonly pinned: boolean;
  /** Ends the run. `superseded` has no effect on a pinned run. */
  giveUp(reason: GiveUpReason): void;
  /** What was committed; `null` where nothing was. */
  readonly done: Promise<CommittedTurn | null>;
}

/**
 * `superseded`: a newer text came. `stopped`: the worker stops. `lost`: this worker no longer has the lease, because
 * another one has it, an operator has taken over or the person has opted out. Then there is nothing to release.
 */
export type GiveUpReason = "superseded" | "stopped" | "lost";

/** Newer texts end at most this many runs of a turn. So a person who texts fast gets an answer too. */
const MOST_SUPERSEDED = 2;
/** After this many runs that ended with their process, a turn ends with the fallback text. */
const MOST_CRASHES = 4;
/**
 * A turn whose answers the ledger could not store may fail this many times more than `answer.attempts`. Then the AI is
 * not asked again, and the fallback text replaces the answer.
 */
const MOST_UNSTORED = 4;
const LONGEST_BACKOFF_MS = 300_000;

/** Releases that the ledger has not taken, by conversation: the heartbeat repeats them. */
export type OwedReleases = Map<string, TurnRelease>;

/** What the runs of one process share. */
export interface RunParts {
  readonly owed: OwedReleases;
  readonly unknownLines: UnknownLines;
}

/** Runs a claimed turn until the run commits its end (such as a reply) or releases the turn. Never rejects. */
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

  /**
   * Releases the turn. Returns whether the ledger took the release. Otherwise this worker still holds the lease, and a
   * heartbeat repeats the release.
   */
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
  /** The numbers and texts that no log line may quote. */
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
      // Only a permanent refusal counts as a failed run. Without that, the turn would be run without end.
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
   * Ends a failed run. It releases the turn for another run, or returns what replaces the answer. `null` means that
   * nothing is left to commit.
   */
  const failed = async (error: OwnlineError, refused: Decision | null = null): Promise<Decision | null> => {
    context.reporter.error(error, said);
    if (isCorrupt(error)) {
      // A corrupt row is not a failure of the AI. The turn waits until the operator has repaired the row.
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
    // A silence gets no fallback text: a policy may have silenced the turn because a machine wrote the text.
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
        `turn ${turn.id} ends without an answer: the ledger (${context.storage.name}) could not store the answer. Repair the ledger, then call requeue() with the turn's id`,
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
      const instead = await failed(isCorrupt(cause) ? cause : refusal(context, cause), decision);
      return instead === null ? null : commit(instead);
    }
    reportCommitted(context, claimed, decision.outcome, reason, committed);
    return committed;
  };

  /** Whether the senders know the line; `null` where the caller's resolver of senders failed. */
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
      // This worker still holds the lease. Its next heartbeats find the lease idle and release it.
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

/** The error for an answer that the ledger refuses for good. It may take another one, so the run counts as failed. */
function refusal({ storage }: EngineContext, cause: unknown): OwnlineError {
  const why = isOwnlineError(cause) ? cause.message : kindOfThrown(cause);
  return new OwnlineError(
    "storage_unavailable",
    `the ledger (${storage.name}) refused to store the end of a turn, and will refuse it again: ${why}. The run counts as failed; see the cause`,
    { cause, retryable: true },
  );
}
