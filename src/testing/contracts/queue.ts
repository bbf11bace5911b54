import type { ContractCase } from "./contract-case.ts";
import { conversationCases } from "./queue/conversations.ts";
import type { QueueHarness } from "./queue/harness.ts";
import { QueueScene } from "./queue/scene.ts";
import { wakeUpCases } from "./queue/wake-ups.ts";

export type { ContractCase } from "./contract-case.ts";
export type { QueueHarness, QueueUnderTest } from "./queue/harness.ts";

/**
 * The contract of every queue adapter, as a list of cases. First: wake-ups arrive, and none arrives before its time.
 * Then whole conversations over the queue, with injected faults: wake-ups come late, twice, out of order or never, or
 * are refused. Each conversation is answered exactly once, at the latest by the cron's `processDue()`.
 *
 * @example
 * ```ts
 * import { inProcess } from "ownline/queue/in-process";
 * import { manualClock, queueContract } from "ownline/testing";
 *
 * const cases = queueContract({
 *   async create() {
 *     const clock = manualClock();
 *     const queue = inProcess({ clock });
 *     return { queue, listen: queue.listen, advance: clock.advance, dispose: async () => {} };
 *   },
 * });
 * for (const { name, run } of cases) {
 *   await run();
 *   console.log(`ok ${name}`);
 * }
 * ```
 */
export function queueContract(harness: QueueHarness): readonly ContractCase[] {
  return [...wakeUpCases, ...conversationCases].map(({ name, run }) => ({
    name,
    async run() {
      const under = await harness.create();
      const scene = new QueueScene(under, harness);
      try {
        await run(scene);
      } finally {
        await scene.close();
        await under.dispose();
      }
    },
  }));
}
