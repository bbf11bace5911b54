import { describe, expect, it, vi } from "vitest";
import { createMoments } from "../../src/queue/moments.ts";
import { timer } from "../../src/queue/timer.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";

describe("a listener's moments", () => {
  it("come at the next tenth of a second, once for all that fall into it", async () => {
    const clock = manualClock();
    const start = clock.now();
    const at: number[] = [];
    const moments = createMoments(() => at.push(clock.now() - start), clock);
    for (const delayMs of [250, 201, 299, 5, 1000]) moments.add(delayMs);
    await clock.advance(2000);
    expect(at).toEqual([100, 300, 1000]);
  });

  it("are a thousand at most: the soonest stay", async () => {
    const clock = manualClock();
    const onMoment = vi.fn<() => void>();
    const moments = createMoments(onMoment, clock);
    for (let late = 1500; late > 0; late -= 1) moments.add(late * 100);
    await clock.advance(100_000);
    expect(onMoment).toHaveBeenCalledTimes(1000);
    await clock.advance(100_000);
    expect(onMoment).toHaveBeenCalledTimes(1000);
  });

  it("wait on where a timer fires too early, or cannot wait so long", async () => {
    let now = 0;
    let slept = 0;
    const onMoment = vi.fn<() => void>();
    const sleep = async () => {
      slept += 1;
      now += 50;
    };
    createMoments(onMoment, { now: () => now, sleep }).add(200);
    await vi.waitFor(() => expect(onMoment).toHaveBeenCalledTimes(1));
    expect([now, slept]).toEqual([200, 4]);
  });

  it("leave no timer once they are closed", async () => {
    vi.useFakeTimers();
    try {
      const moments = createMoments(() => {}, { now: () => performance.now(), sleep: timer });
      for (const delayMs of [3000, 2000, 1000]) moments.add(delayMs);
      expect(vi.getTimerCount()).toBe(1);
      moments.close();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
