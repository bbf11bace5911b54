import { newId } from "../../model/ids.ts";
import type { ClaimedTurn, CommittedTurn } from "../../storage/storage.ts";
import type { UnknownLines } from "../outbound/unknown-lines.ts";
import type { EngineContext } from "../support/context.ts";
import { isTemporary } from "../support/retrying.ts";
import { historyLimitOf } from "../turns/history.ts";
import { startRun } from "../turns/turn.ts";
import type { Pass, WorkerState } from "./state.ts";

/**
 * The most turns of one call. Each comes with its messages. With many turns in one call, the first turn would begin
 * late.
 */
const MOST_CLAIMS = 8;

/** Claims turns that are due, and begins to answer each at once. */
export interface Claims {
  /** Whether more turns may be due than were claimed: the worker claims them when it has room. */
  readonly left: boolean;
  /** Notes that turns are due. */
  leave(): void;
  /** Claims as many turns as there is room for, in one call. Returns how many. */
  claim(pass: Pass): Promise<number>;
}

export interface ClaimParts {
  readonly unknownLines: UnknownLines;
  /** Is called when a run has ended, with the run's commit; `null` where it has none. */
  ended(claimed: ClaimedTurn, committed: CommittedTurn | null, pass: Pass): void;
}

export function createClaims(context: EngineContext, state: WorkerState, { unknownLines, ended }: ClaimParts): Claims {
  const { runs, owed } = state;
  const { storage, scope, workerId, worker } = context;
  let left = false;

  const claimed = (limit: number, historyLimit: number | null): Promise<readonly ClaimedTurn[]> => {
    const asked = { callId: newId("o"), scope, workerId, leaseMs: worker.leaseMs, limit };
    return storage.claimTurns(historyLimit === null ? asked : { ...asked, historyLimit });
  };
  /**
   * Claims turns together with their histories. Where the ledger cannot read one of the histories, claims the turns
   * alone. Each turn then reads its own history, so that no turn waits for the unreadable one.
   */
  const claimedWithHistory = async (limit: number): Promise<readonly ClaimedTurn[]> => {
    try {
      return await claimed(limit, historyLimitOf(context));
    } catch (error) {
      if (isTemporary(error)) throw error;
      return await claimed(limit, null);
    }
  };

  const begin = (turn: ClaimedTurn, pass: Pass): void => {
    const run = startRun(context, turn, { owed, unknownLines });
    runs.set(run.conversationId, run);
    // A stop came during the claim, so the turn is released at once.
    if (state.stopping !== null) run.giveUp("stopped");
    void run.done.then((committed) => {
      if (runs.get(run.conversationId) === run) runs.delete(run.conversationId);
      ended(turn, committed, pass);
    });
  };

  return {
    get left() {
      return left;
    },
    leave() {
      left = true;
    },
    async claim(pass) {
      if (state.stopping !== null) return 0;
      const limit = Math.min(pass.room, worker.concurrency - runs.size, MOST_CLAIMS);
      left = true;
      if (limit <= 0) return 0;
      const turns = await claimedWithHistory(limit);
      pass.room -= turns.length;
      left = turns.length === limit;
      for (const turn of turns) begin(turn, pass);
      return turns.length;
    },
  };
}
