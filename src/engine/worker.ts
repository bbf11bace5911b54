import { newId } from "../model/ids.ts";
import type { DueMessage, HeartbeatAnswer, HeldLease } from "../storage/storage.ts";
import { newBell } from "./bell.ts";
import type { EngineContext } from "./context.ts";
import { deliver } from "./deliver.ts";
import { heart, trouble } from "./heart.ts";
import { tellFact } from "./status.ts";
import { type Run, startRun } from "./turn.ts";

/** What one sweep did, and when the next one is due. */
export interface SweepResult {
  /** Turns that were run. */
  readonly turns: number;
  /** Messages that were handed to the carrier, settled or cancelled. */
  readonly sends: number;
  /** Milliseconds until something is due again; `null` where nothing waits. */
  readonly nextInMs: number | null;
}

/**
 * Does the ledger's due work, in a loop (`start`) or one sweep at a time (`processDue`), both by the same code.
 * Conversations never wait for each other; within one, the ledger keeps the order.
 */
export interface Worker {
  start(): void;
  readonly started: boolean;
  /** Rings the bell: something may be due. */
  wake(): void;
  /** A text that needs an answer was stored: a run that did not see it gives way. */
  newerText(conversationId: string, seq: number): void;
  /** A conversation was taken over by a person, or its person opted out. */
  callOff(conversationId: string): void;
  /** Runs everything that is due now, and waits for it. */
  processDue(): Promise<SweepResult>;
  /** Sweeps until nothing is due any more, now or later, or until `withinMs` have passed. */
  drain(options: { readonly withinMs: number | null; readonly idle: boolean }): Promise<void>;
  /** Takes no new work, gives what is running `timeoutMs`, then gives it back. */
  stop(options: { readonly timeoutMs: number }): Promise<void>;
}

const DUE_LIMIT = 100;
const TROUBLE_WAIT_MS = 1000;

export function createWorker(context: EngineContext): Worker {
  const { clock, storage, tell, workerId } = context;
  const runs = new Map<string, Run>();
  const sends = new Map<string, Promise<number>>();
  let bell = newBell();
  let loop: Promise<void> | null = null;
  let endLoop = (): void => {};
  let stopping: AbortController | null = null;
  let stopSends = new AbortController();
  let idleLeases = new Map<string, number>();

  const wake = () => {
    bell.ring();
    bell = newBell();
  };

  const alive = heart(context, async () => {
    const answer = await storage.heartbeat({
      op: newId("o"),
      workerId,
      leaseMs: context.worker.leaseMs,
      unknownWindowMs: context.sending.unknownWindowMs,
    });
    heed(answer);
  });

  const heed = (answer: HeartbeatAnswer) => {
    const held = new Map(answer.leases.map((lease) => [lease.conversationId, lease]));
    releaseIdle(answer.leases);
    for (const run of runs.values()) {
      const lease = held.get(run.conversationId);
      if (lease === undefined || lease.fence !== run.fence) run.giveUp("lost");
      else if (lease.pendingSeq > run.throughSeq) run.giveUp("superseded");
    }
    for (const message of answer.unsettled) {
      tellFact(context, {
        outcome: "recorded",
        message,
        changed: true,
        duplicate: false,
        cancelled: [],
        consentChanged: false,
      });
    }
    if (answer.recovered > 0) {
      tell.notice({
        kind: "recovered",
        conversationId: null,
        messageId: null,
        detail: `${answer.recovered} turn(s) of a dead process are due again`,
      });
    }
    if (answer.recovered > 0 || answer.unsettled.length > 0) wake();
  };

  /** A lease that no run holds, twice in a row: its run could not reach the ledger at its end. */
  const releaseIdle = (leases: readonly HeldLease[]) => {
    const idle = leases.filter((lease) => !runs.has(lease.conversationId));
    for (const { conversationId, turnId, fence } of idle) {
      if (idleLeases.get(conversationId) !== fence) continue;
      storage
        .releaseTurn({ op: newId("o"), workerId, conversationId, turnId, fence, reason: "stopped", retryInMs: 0 })
        .then(wake, (error) => tell.error(trouble(error)));
    }
    idleLeases = new Map(idle.map((lease) => [lease.conversationId, lease.fence]));
  };

  const claimTurns = async (): Promise<Run[]> => {
    const claimed: Run[] = [];
    while (runs.size < context.worker.concurrency && stopping === null) {
      const turn = await storage.claimTurn({ op: newId("o"), workerId, leaseMs: context.worker.leaseMs });
      if (turn === null) break;
      const run = startRun(context, turn);
      runs.set(run.conversationId, run);
      claimed.push(run);
      void run.done.then(() => {
        if (runs.get(run.conversationId) === run) runs.delete(run.conversationId);
        wake();
      });
    }
    return claimed;
  };

  /** Starts what is due, conversation by conversation; `idle` collects messages that nothing could be done about. */
  const startSends = (due: readonly DueMessage[], idle?: Set<string>): Promise<number>[] => {
    const started: Promise<number>[] = [];
    for (const [conversationId, messages] of byConversation(due)) {
      if (sends.has(conversationId) || stopping !== null) continue;
      const sending = sendInOrder(messages, idle).then((done) => {
        sends.delete(conversationId);
        // Ringing for nothing would spin.
        if (done > 0) wake();
        return done;
      });
      sends.set(conversationId, sending);
      started.push(sending);
    }
    return started;
  };

  const sendInOrder = async (due: readonly DueMessage[], idle?: Set<string>): Promise<number> => {
    let done = 0;
    for (const entry of due) {
      try {
        if (await deliver(context, entry, stopSends.signal)) done += 1;
        else idle?.add(entry.message.id);
      } catch (error) {
        idle?.add(entry.message.id);
        tell.error(trouble(error));
        break;
      }
    }
    return done;
  };

  const runLoop = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const rung = bell.rung;
      try {
        await claimTurns();
        const due = await storage.due(DUE_LIMIT);
        startSends(due.messages);
        const soon =
          due.messages.length > 0 || due.turns ? context.worker.pollMs : (due.nextInMs ?? context.worker.pollMs);
        await rest(rung, Math.min(Math.max(1, soon), context.worker.pollMs), signal);
      } catch (error) {
        tell.error(trouble(error));
        await clock.sleep(TROUBLE_WAIT_MS, { signal });
      }
    }
  };

  const keepRunning = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        await alive(() => runLoop(signal));
      } catch (error) {
        tell.error(trouble(error));
        await clock.sleep(TROUBLE_WAIT_MS, { signal });
      }
    }
  };

  const rest = async (rung: Promise<void>, ms: number, signal: AbortSignal): Promise<void> => {
    const woken = new AbortController();
    await Promise.race([rung, clock.sleep(ms, { signal: AbortSignal.any([signal, woken.signal]) })]);
    woken.abort();
  };

  const sweep = async (): Promise<SweepResult> => {
    let turns = 0;
    let sent = 0;
    const idle = new Set<string>();
    for (;;) {
      const claimed = await claimTurns();
      turns += claimed.length;
      const due = await storage.due(DUE_LIMIT);
      const fresh = due.messages.filter(({ message }) => !idle.has(message.id));
      for (const sending of startSends(fresh, idle)) {
        void sending.then((done) => {
          sent += done;
        });
      }
      const working = [...[...runs.values()].map((run) => run.done), ...sends.values()];
      // Whoever is ready first lets the others' next step begin: a slow answer holds nobody up.
      if (working.length > 0) await Promise.race(working);
      else if (stopping !== null || (claimed.length === 0 && fresh.length === 0)) {
        return { turns, sends: sent, nextInMs: due.turns || due.messages.length > 0 ? 0 : due.nextInMs };
      }
    }
  };

  return {
    get started() {
      return loop !== null;
    },
    start() {
      if (loop !== null) return;
      stopping = null;
      stopSends = new AbortController();
      const stopLoop = new AbortController();
      loop = keepRunning(stopLoop.signal);
      endLoop = () => stopLoop.abort();
    },
    wake,
    newerText(conversationId, seq) {
      const run = runs.get(conversationId);
      if (run !== undefined && run.throughSeq < seq) run.giveUp("superseded");
      wake();
    },
    callOff(conversationId) {
      runs.get(conversationId)?.giveUp("lost");
    },
    processDue: () => alive(sweep),
    async drain({ withinMs, idle }) {
      const startedAt = clock.now();
      const left = () => (withinMs === null ? Number.POSITIVE_INFINITY : withinMs - (clock.now() - startedAt));
      await alive(async () => {
        while (stopping === null && left() > 0) {
          const rung = bell.rung;
          const { nextInMs } = await sweep();
          if (nextInMs === null || nextInMs > left()) return;
          const stop = new AbortController();
          // A row that is due and was not done is somebody else's: look again in a moment.
          const sleeping = clock.sleep(Math.max(nextInMs, 5), { signal: stop.signal, idle });
          await Promise.race([sleeping, rung]);
          stop.abort();
        }
      });
    },
    async stop({ timeoutMs }) {
      const ending = new AbortController();
      stopping = ending;
      endLoop();
      wake();
      const working = () => Promise.all([...[...runs.values()].map((run) => run.done), ...sends.values()]);
      const finished = working().then(() => true);
      const timer = clock.sleep(timeoutMs, { signal: ending.signal }).then(() => false);
      if (!(await Promise.race([finished, timer]))) {
        for (const run of runs.values()) run.giveUp("stopped");
        stopSends.abort();
        await working();
      }
      ending.abort();
      await loop;
      loop = null;
      stopping = null;
    },
  };
}

function byConversation(due: readonly DueMessage[]): Map<string, DueMessage[]> {
  const groups = new Map<string, DueMessage[]>();
  for (const entry of due) {
    const group = groups.get(entry.message.conversationId);
    if (group === undefined) groups.set(entry.message.conversationId, [entry]);
    else group.push(entry);
  }
  return groups;
}
