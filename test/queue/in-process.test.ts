import { describe, expect, it, vi } from "vitest";
import { inProcess } from "../../src/queue/in-process.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import { type QueueHarness, queueContract } from "../../src/testing/contracts/queue.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";

const harness: QueueHarness = {
  async create() {
    const clock = manualClock();
    const queue = inProcess({ clock });
    // A moment later even where no caller waits: wake-ups that are due at once come with the next turn of events.
    const advance = async (ms: number) => {
      await clock.advance(ms);
      await new Promise((resolve) => setTimeout(resolve, 0));
    };
    return { queue, listen: (onWakeUp) => queue.listen(() => void onWakeUp()), advance, dispose: async () => {} };
  },
};

describe("in-process keeps the queue contract on memory", () => {
  for (const { name, run } of queueContract(harness)) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});

describe("in-process keeps the queue contract on SQLite", () => {
  for (const { name, run } of queueContract({ ...harness, ledger: (clock) => sqlite(":memory:", { clock }) })) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});

describe("in-process", () => {
  it("gives a wake-up that no listener heard to the next one, once", async () => {
    const clock = manualClock();
    const queue = inProcess({ clock });
    await queue.notify({ delayMs: 0 });
    await queue.notify({ delayMs: 10 });
    await clock.advance(10);
    await clock.advance(1);
    const first = vi.fn<() => void>();
    await queue.listen(first);
    const second = vi.fn<() => void>();
    await clock.advance(1);
    await queue.listen(second);
    await clock.advance(1);
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 0]);
  });

  it("waits by the runtime's timers, and keeps no process alive", async () => {
    vi.useFakeTimers();
    try {
      const queue = inProcess();
      const onWakeUp = vi.fn<() => void>();
      await queue.listen(onWakeUp);
      await queue.notify({ delayMs: 50 });
      await queue.notify({ delayMs: 2 ** 40 });
      expect(vi.getTimerCount()).toBe(2);
      await vi.advanceTimersByTimeAsync(49);
      expect(onWakeUp).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect(onWakeUp).toHaveBeenCalledTimes(1);
    } finally {
      vi.useRealTimers();
    }
  });
});
