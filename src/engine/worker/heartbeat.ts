import { newId } from "../../model/ids.ts";
import type { HeartbeatAnswer, HeldLease } from "../../storage/storage.ts";
import { reportUnknown } from "../outbound/outcome.ts";
import { LOOK_MS } from "../outbound/reconcile.ts";
import type { EngineContext } from "../support/context.ts";
import { trouble } from "../support/problems.ts";
import type { Run } from "../turns/turn.ts";
import { type WorkerState, watched } from "./state.ts";

/**
 * Does a piece of work, with heartbeats to the ledger until the work ends, and the runs and sends that it has begun.
 * Resolves with the result of the work. Rejects where the work or the first heartbeat rejects.
 */
export type WithHeartbeats = <Result>(work: () => Promise<Result>) => Promise<Result>;

/**
 * Makes the function that does work with heartbeats. The first heartbeat is sent before the first piece of work begins.
 * Further heartbeats follow while any work goes on, each a quarter of a lease after the ledger has answered the one
 * before. Runs and sends go on after their piece of work where a pass fails, and where a stop waits for them.
 * `underWay` returns them.
 */
export function createHeartbeats(
  context: EngineContext,
  state: WorkerState,
  underWay: () => readonly Promise<unknown>[],
): WithHeartbeats {
  const { clock, reporter, worker } = context;
  const heartbeat = oneHeartbeat(context, state);
  let working = 0;
  let repeating: { stop(): Promise<void> } | null = null;
  /** Whether one piece of work waits for what goes on. In a busy process, there is always something that goes on. */
  let isWaiting = false;

  const repeat = () => {
    const stopped = new AbortController();
    const ended = (async () => {
      for (;;) {
        await clock.sleep(worker.leaseMs / 4, { signal: stopped.signal });
        if (stopped.signal.aborted) return;
        await heartbeat().catch((error) => reporter.error(trouble(error)));
      }
    })();
    return {
      stop: () => {
        stopped.abort();
        return ended;
      },
    };
  };

  const withHeartbeats: WithHeartbeats = async (work) => {
    working += 1;
    try {
      if (repeating === null) {
        await heartbeat();
        repeating ??= repeat();
      }
      return await work();
    } finally {
      // The caller does not wait for work that goes on. A stop waits for it.
      if (repeating !== null && !isWaiting && underWay().length > 0) void watched(state, () => withHeartbeats(ended));
      working -= 1;
      if (working === 0 && repeating !== null) {
        const last = repeating;
        repeating = null;
        await last.stop();
      }
    }
  };

  const ended = async (): Promise<void> => {
    isWaiting = true;
    for (let going = underWay(); going.length > 0; going = underWay()) await Promise.allSettled(going);
    isWaiting = false;
  };

  return withHeartbeats;
}

/**
 * Makes the function that sends one heartbeat, which says that this process is alive. It then handles the ledger's
 * answer: which runs have lost their lease, where a newer text waits, and what was reclaimed from expired workers.
 */
function oneHeartbeat(context: EngineContext, { runs, owed, agenda }: WorkerState): () => Promise<void> {
  const { storage, reporter, workerId } = context;
  let idleLeases = new Map<string, number>();
  const wake = (): void => agenda.lookIn(0);

  /**
   * Releases the leases that had no run in two heartbeats in a row. The run of such a lease could not reach the ledger
   * at its end. A release that the run owes is repeated unchanged. With the reason `stopped` instead, a failed run
   * would not count, and the AI would be asked without end.
   */
  const releaseIdle = (leases: readonly HeldLease[]) => {
    const idle = leases.filter((lease) => !runs.has(lease.conversationId));
    for (const { conversationId, turnId, fence } of idle) {
      if (idleLeases.get(conversationId) !== fence) continue;
      const owes = owed.get(conversationId);
      const held = { callId: newId("o"), workerId, conversationId, turnId, fence };
      storage
        .releaseTurn(owes?.fence === fence ? owes : { ...held, reason: "stopped", retryInMs: 0, error: null })
        .then(wake, (error) => reporter.error(trouble(error)));
    }
    const held = new Map(leases.map(({ conversationId, fence }) => [conversationId, fence]));
    for (const { conversationId, fence } of owed.values()) {
      if (held.get(conversationId) !== fence && !runs.has(conversationId)) owed.delete(conversationId);
    }
    idleLeases = new Map(idle.map((lease) => [lease.conversationId, lease.fence]));
  };

  const handle = (answer: HeartbeatAnswer, asked: readonly Run[]) => {
    const held = new Map(answer.leases.map((lease) => [lease.conversationId, lease]));
    releaseIdle(answer.leases);
    for (const run of asked) {
      const lease = held.get(run.conversationId);
      if (lease === undefined || lease.fence !== run.fence) run.giveUp("lost");
      else if (lease.unansweredSeq > run.throughSeq) run.giveUp("superseded");
    }
    reportUnknown(context, answer.unsettled);
    if (answer.recovered > 0) {
      reporter.notice({
        kind: "recovered",
        conversationId: null,
        messageId: null,
        detail: `${answer.recovered} turn(s) of an expired worker are due again`,
      });
    }
    if (answer.recovered > 0 || answer.unsettled.length > 0) wake();
  };

  return async () => {
    // Only runs that began before this heartbeat are compared with its answer. A turn that is claimed meanwhile may be
    // missing from it.
    const asked = [...runs.values()];
    const answer = await storage.heartbeat({
      callId: newId("o"),
      scope: context.scope,
      workerId,
      leaseMs: context.worker.leaseMs,
      lookInMs: Math.min(LOOK_MS, context.sending.unknownWindowMs),
    });
    handle(answer, asked);
  };
}
