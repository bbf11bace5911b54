import type { ClaimedTurn, CommittedTurn, DueWork, RecordedOutbound } from "../../storage/storage.ts";
import { createDeliver } from "../outbound/deliver.ts";
import { createReconcile } from "../outbound/reconcile.ts";
import { createUnknownLines } from "../outbound/unknown-lines.ts";
import type { EngineContext } from "../support/context.ts";
import { reportProblems, trouble } from "../support/problems.ts";
import { createClaims } from "./claims.ts";
import { createSends } from "./sends.ts";
import { endlessPass, newPass, type Pass, type WorkerState } from "./state.ts";

/** What one pass over the due work did, and when the next pass is due. */
export interface PassResult {
  /** Turns that were run. */
  readonly turns: number;
  /** Messages that were handed to the provider, settled or cancelled. */
  readonly sends: number;
  /** Milliseconds until something is due again; `null` where nothing waits. */
  readonly nextInMs: number | null;
}

/** Messages of one conversation that were stored just now. */
export type Filed = Pick<RecordedOutbound, "messages" | "conversation" | "dueInMs">;

/** Looks into the ledger for due work, and does it: in a loop, or in one pass. */
export interface Rounds {
  /** Looks, claims and sends until the signal is aborted. */
  loop(signal: AbortSignal): Promise<void>;
  /** Does all work that is due now, as far as `worker.passLimit` allows. */
  pass(): Promise<PassResult>;
  /**
   * Notes that a conversation's turn is due after `ms`. It replaces the time that was noted before. `null`: no turn is
   * due.
   */
  turnIn(conversationId: string, ms: number | null): void;
  /** Call it when messages were stored that must be sent. */
  filed(recorded: Filed): void;
  /** The runs and sends that are under way. */
  underWay(): Promise<unknown>[];
}

const DUE_LIMIT = 100;
/** How long the worker waits after an error before it tries again. */
export const TROUBLE_WAIT_MS = 1000;

export function createRounds(context: EngineContext, state: WorkerState): Rounds {
  const { clock, storage, scope, workerId, worker, reporter } = context;
  const { agenda, runs, wakeUp } = state;
  const { lookIn } = agenda;
  const unknownLines = createUnknownLines(context);
  const sends = createSends(context, state, {
    deliver: createDeliver(context, unknownLines),
    reconcile: createReconcile(context, { unknownLines, isJumping: () => state.isIdling && clock.jumps === true }),
  });
  const claims = createClaims(context, state, { unknownLines, ended });
  const looping = endlessPass();

  /** The commit of a run says which work follows. Without a commit, a look into the ledger finds that work. */
  function ended({ conversation: { id } }: ClaimedTurn, committed: CommittedTurn | null, pass: Pass): void {
    if (committed === null) lookIn(0);
    else {
      turnIn(id, committed.turnInMs);
      takeUp(committed, pass);
    }
    // The ended run has made room for another turn.
    if (claims.left) wakeUp.notify();
  }

  /** Sends messages that were just stored, at once or when they are due. */
  function takeUp({ messages, conversation, dueInMs }: Filed, pass: Pass): void {
    if (conversation === null || dueInMs === null) return;
    const due = messages.map((message) => ({ message, conversation, unknown: null }));
    if (dueInMs === 0) sends.start(due, pass);
    else lookIn(dueInMs);
  }

  /**
   * Without the loop, only a turn that is due now is noted. The last look of a pass finds when the next turn is due.
   */
  function turnIn(conversationId: string, ms: number | null): void {
    if (state.loop !== null) agenda.turnIn(conversationId, ms);
    else if (ms === 0) lookIn(0);
  }

  /** Starts the due sends, and notes whether turns are due and when the next work is due. */
  async function look(pass: Pass): Promise<DueWork & { readonly begun: number }> {
    agenda.looking();
    const due = await storage.due({ scope, workerId, limit: DUE_LIMIT });
    reportProblems(context);
    const begun = sends.start(due.messages, pass);
    if (due.turns) claims.leave();
    // At 0, another worker has expired. The next heartbeat takes over its work, and then requests a look.
    if (due.nextInMs !== 0) agenda.looked(due.nextInMs);
    return { ...due, begun };
  }

  /** Claims turns for as long as there are turns and room for them. Returns how many. */
  async function claimAll(pass: Pass): Promise<number> {
    let all = 0;
    for (let claimed = 1; claims.left && claimed > 0; all += claimed) claimed = await claims.claim(pass);
    return all;
  }

  const underWay = (): Promise<unknown>[] => [
    ...Array.from(runs.values(), (run) => run.done),
    ...sends.underWay.values(),
  ];

  return {
    turnIn,
    underWay,
    filed(recorded) {
      if (state.loop !== null) takeUp(recorded, looping);
      else lookIn(0);
    },
    async loop(signal) {
      lookIn(0);
      while (!signal.aborted) {
        const since = wakeUp.count;
        try {
          if (agenda.isLookDue()) await look(looping);
          const turns = agenda.takeTurns();
          if (turns > 0 || claims.left) {
            const claimed = await claims.claim(looping);
            // Another worker has claimed some of these turns, or they are due later by now.
            if (claimed < turns && !claims.left) lookIn(0);
            if (claimed > 0 && claims.left) continue;
          }
          await wakeUp.wait(clock, agenda.restMs(), { since, signal });
        } catch (error) {
          reporter.error(trouble(error));
          lookIn(0);
          await clock.sleep(TROUBLE_WAIT_MS, { signal });
        }
      }
    },
    async pass() {
      const own = newPass(worker.passLimit);
      let turns = 0;
      for (;;) {
        const { asked } = agenda;
        const { begun, ...due } = await look(own);
        let isIdle = begun === 0;
        for (;;) {
          const claimed = await claimAll(own);
          turns += claimed;
          const working = underWay();
          if (claimed > 0 || working.length > 0) isIdle = false;
          if (working.length === 0) break;
          // The pass continues when the first piece of work has ended, so that a slow answer does not delay other
          // turns.
          await Promise.race(working);
          if (agenda.asked !== asked || agenda.isLookDue()) break;
        }
        if (isIdle || (state.stopping !== null && underWay().length === 0)) {
          return { turns, sends: own.sent, nextInMs: due.turns || due.messages.length > 0 ? 0 : due.nextInMs };
        }
      }
    },
  };
}
