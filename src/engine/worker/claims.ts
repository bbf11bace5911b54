import { newId } from "../../model/ids.ts";
import type { ClaimedTurn, CommittedTurn } from "../../storage/storage.ts";
import type { UnknownLines } from "../outbound/unknown-lines.ts";
import type { EngineContext } from "../support/context.ts";
import { isTemporary } from "../support/retrying.ts";
import { historyLimitOf } from "../turns/history.ts";
import { startRun } from "../turns/turn.ts";
import type { Pass, WorkerState } from "./state.ts";

/** In one call. Each comes with its messages: behind many of them, the first turn would begin late. */
const MOST_CLAIMS = 8;

/** Claims turns that are due, and begins to answer each at once. */
export interface Claims {
  /** Whether more turns may be due than were claimed: the worker claims them when it has room. */
  readonly left: boolean;
  /** Notes that turns are due. */
  leave(): void;
  /** Claims in one call as many as there is room for. Returns how many. */
  claim(pass: Pass): Promise<number>;
}

export interface ClaimParts {
  readonly unknownLines: UnknownLines;
  /** A run has ended, with this commit: `null` for none. */
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
  /** A history that the ledger cannot read holds up no other turn: each then reads its own. */
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
    // The stop came while the ledger was choosing: the turn goes back at once.
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
