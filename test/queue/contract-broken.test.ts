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
      const listen = (onRing: () => Promise<void>) => queue.listen(() => void onRing());
      return { queue: spoil(queue), listen, advance, dispose: async () => {} };
    },
  });
  for (const { name, run } of cases) await run().catch(() => names.push(name));
  return names;
}

describe("the queue contract finds a queue that", () => {
  it("rings before its time", async () => {
    const found = await broken((queue) => ({ name: "hasty", ring: () => queue.ring({ delayMs: 0 }) }));
    expect(found).toContain("brings no ring before its time, and brings it then");
  });

  it("loses rings", async () => {
    const found = await broken(() => ({ name: "deaf", ring: async () => {} }));
    expect(found).toContain("brings a ring that is asked for now");
    expect(found).toContain("answers a burst once when rings come as they should");
    expect(found).toContain("asks the AI again after its failure, by a ring of its own");
  });

  it("lets only the first ring stand", async () => {
    const found = await broken((queue) => {
      let taken = 0;
      return {
        name: "forgetful",
        async ring(order) {
          taken += 1;
          if (taken === 1) await queue.ring(order);
        },
      };
    });
    expect(found).toContain("takes many rings at once, and brings one at least after the last of each moment");
  });

  it("cannot take a long wait", async () => {
    const found = await broken((queue) => ({
      name: "short",
      ring: (order) => (order.delayMs > 86_400_000 ? Promise.reject(new RangeError("too long")) : queue.ring(order)),
    }));
    expect(found).toEqual(["takes a wait of many days"]);
  });
});
