import { describe, expect, it } from "vitest";
import { inProcess } from "../../src/queue/in-process.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { queueContract } from "../../src/testing/contracts/queue.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";

/** The names of the promises that a queue breaks. */
async function broken(spoil: (queue: Queue) => Queue): Promise<string[]> {
  const names: string[] = [];
  const cases = queueContract({
    async create() {
      const clock = manualClock();
      const queue = inProcess({ clock });
      const advance = async (ms: number) => {
        await clock.advance(ms);
        await new Promise((resolve) => setTimeout(resolve, 0));
      };
      const listen = (onWakeUp: () => Promise<void>) => queue.listen(() => void onWakeUp());
      return { queue: spoil(queue), listen, advance, dispose: async () => {} };
    },
  });
  for (const { name, run } of cases) await run().catch(() => names.push(name));
  return names;
}

describe("the queue contract finds a queue that", () => {
  it("wakes before its time", async () => {
    const found = await broken((queue) => ({ name: "hasty", notify: () => queue.notify({ delayMs: 0 }) }));
    expect(found).toContain("brings no wake-up before its time, and brings it then");
  });

  it("loses wake-ups", async () => {
    const found = await broken(() => ({ name: "deaf", notify: async () => {} }));
    expect(found).toContain("brings a wake-up that is asked for now");
    expect(found).toContain("answers a burst once when wake-ups come as they should");
    expect(found).toContain("asks the AI again after its failure, by a wake-up of its own");
  });

  it("lets only the first wake-up stand", async () => {
    const found = await broken((queue) => {
      let taken = 0;
      return {
        name: "forgetful",
        async notify(order) {
          taken += 1;
          if (taken === 1) await queue.notify(order);
        },
      };
    });
    expect(found).toContain("takes many wake-ups at once, and brings one at least after the last of each moment");
  });

  it("cannot take a long wait", async () => {
    const found = await broken((queue) => ({
      name: "short",
      notify: (order) =>
        order.delayMs > 86_400_000 ? Promise.reject(new RangeError("too long")) : queue.notify(order),
    }));
    expect(found).toEqual(["takes a wait of many days"]);
  });
});
