import { newId } from "../model/ids.ts";
import type { ClaimedTurn } from "../storage/storage.ts";
import type { EngineContext } from "./context.ts";
import { historyLimitOf } from "./history.ts";
import { isTemporary } from "./persist.ts";
import { type OwedReleases, type Run, startRun } from "./turn.ts";
import type { UnknownLines } from "./unknown-lines.ts";

/** In one call. Behind a long queue of turns, what is to be sent would wait until the last of them was claimed. */
const MOST_CLAIMS = 8;

export interface Claims {
  readonly claimed: number;
  /** Whether there may be more turns, and room for them: the worker goes on when it has looked for what is to be sent. */
  readonly more: boolean;
}

export interface ClaimParts {
  /** Those that this process has at work, by conversation. */
  readonly runs: Map<string, Run>;
  readonly owed: OwedReleases;
  readonly unknownLines: UnknownLines;
  isStopping(): boolean;
  /** Rings when a run has ended, and when there is more to claim. */
  wake(): void;
}

/** Claims up to so many turns that are due, as long as there is room for them, and begins to answer each at once. */
export function createClaims(
  context: EngineContext,
  { runs, owed, unknownLines, isStopping, wake }: ClaimParts,
): (limit?: number) => Promise<Claims> {
  const { storage, scope, workerId, worker } = context;
  const claim = (limit: number, historyLimit: number | null): Promise<readonly ClaimedTurn[]> => {
    const asked = { op: newId("o"), scope, workerId, leaseMs: worker.leaseMs, limit };
    return storage.claimTurns(historyLimit === null ? asked : { ...asked, historyLimit });
  };
  /** A history that the ledger cannot read holds up no other turn: each then reads its own. */
  const claimWithHistory = async (limit: number): Promise<readonly ClaimedTurn[]> => {
    try {
      return await claim(limit, historyLimitOf(context));
    } catch (error) {
      if (isTemporary(error)) throw error;
      return await claim(limit, null);
    }
  };

  return async (limit = Number.POSITIVE_INFINITY) => {
    const room = Math.min(limit, worker.concurrency - runs.size, MOST_CLAIMS);
    if (room <= 0 || isStopping()) return { claimed: 0, more: false };
    const turns = await claimWithHistory(room);
    for (const turn of turns) {
      const run = startRun(context, turn, { owed, unknownLines });
      runs.set(run.conversationId, run);
      // The stop came while the ledger was choosing: the turn goes back at once.
      if (isStopping()) run.giveUp("stopped");
      void run.done.then(() => {
        if (runs.get(run.conversationId) === run) runs.delete(run.conversationId);
        wake();
      });
    }
    const more = turns.length === MOST_CLAIMS;
    if (more) wake();
    return { claimed: turns.length, more };
  };
}
