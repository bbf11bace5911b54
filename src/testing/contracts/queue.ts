import type { ContractCase } from "./contract-case.ts";
import { conversationCases } from "./queue/conversations.ts";
import type { QueueHarness } from "./queue/harness.ts";
import { QueueScene } from "./queue/scene.ts";
import { wakeUpCases } from "./queue/wake-ups.ts";

export type { ContractCase } from "./contract-case.ts";
export type { QueueHarness, QueueUnderTest } from "./queue/harness.ts";

/**
 * What every queue adapter promises, as a list of cases: wake-ups come, and none before its time. Then whole
 * conversations over the queue, which is made to misbehave (wake-ups come late, twice, out of order or never, or are
 * refused): each is answered exactly once, at the latest when the cron's `processDue()` looks.
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
