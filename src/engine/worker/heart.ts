import type { EngineContext } from "../support/context.ts";
import { trouble } from "../support/problems.ts";

/**
 * Keeps this process alive in the ledger for as long as any work goes on: heartbeats before the first piece of work begins,
 * and then four times within each lease.
 */
export function heart(
  context: EngineContext,
  heartbeat: () => Promise<void>,
): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const { clock, reporter, worker } = context;
  let working = 0;
  let beating: { stop(): Promise<void> } | null = null;

  const start = () => {
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

  return async (work) => {
    working += 1;
    try {
      if (beating === null) {
        await heartbeat();
        beating ??= start();
      }
      return await work();
    } finally {
      working -= 1;
      if (working === 0 && beating !== null) {
        const last = beating;
        beating = null;
        await last.stop();
      }
    }
  };
}
