import { checkedOptions, lazily, methods, object, optional } from "../check.ts";
import type { Queue, QueueListener } from "./queue.ts";
import { timer } from "./timer.ts";

export interface InProcessOptions {
  /**
   * For tests: `manualClock()` of `ownline/testing`. @default the runtime's timers, which do not keep the process alive
   */
  readonly clock?: InProcessClock;
}

/** How the queue waits. */
export interface InProcessClock {
  sleep(ms: number): Promise<void>;
}

/** A queue in this process. It always has `listen`. */
export interface InProcessQueue extends Queue {
  listen(onWakeUp: () => void): Promise<QueueListener>;
}

const schema = lazily(() =>
  object<InProcessOptions>(
    { clock: optional(methods<InProcessClock>(["sleep"], "give a clock with sleep")) },
    "give an object of options",
  ),
);

/**
 * Makes a queue of timers: for tests, and for one process in which several services share a ledger. Its wake-ups are
 * lost when the process ends. The ledger is not, so a service that starts again finds the due work.
 *
 * Each wake-up reaches all listeners. If there is no listener, the next listener gets one wake-up.
 *
 * @throws OwnlineError `invalid_options` for an unknown option, or a clock without `sleep`.
 * @example
 * ```ts
 * import { inProcess } from "ownline/queue/in-process";
 *
 * const queue = inProcess();
 * const listener = await queue.listen(() => console.log("look into the ledger"));
 * await queue.notify({ delayMs: 0 });
 * await listener.close();
 * ```
 */
export function inProcess(options: InProcessOptions = {}): InProcessQueue {
  const { clock } = checkedOptions(schema, options, "inProcess()");
  const sleep = clock === undefined ? timer : clock.sleep.bind(clock);
  const listeners = new Set<{ readonly onWakeUp: () => void }>();
  let unheard = false;

  const sound = (): void => {
    unheard = listeners.size === 0;
    for (const { onWakeUp } of listeners) onWakeUp();
  };

  return {
    name: "in-process",
    async notify({ delayMs }) {
      void sleep(Math.max(0, delayMs)).then(sound);
    },
    async listen(onWakeUp) {
      const listener = { onWakeUp };
      listeners.add(listener);
      if (unheard) void sleep(0).then(sound);
      return {
        async close() {
          listeners.delete(listener);
        },
      };
    },
  };
}
