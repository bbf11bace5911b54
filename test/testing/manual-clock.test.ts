import { describe, expect, it } from "vitest";
import { manualClock } from "../../src/testing/manual-clock.ts";

describe("manualClock", () => {
  it("stands still until it is moved", async () => {
    const clock = manualClock(1_000);
    expect(clock.now()).toBe(1_000);
    await clock.advance(500);
    expect(clock.now()).toBe(1_500);
  });

  it("wakes sleepers in the order of their times, each at its own", async () => {
    const clock = manualClock(0);
    const woken: string[] = [];
    const note = (name: string) => () => woken.push(`${name} at ${clock.now()}`);
    const late = clock.sleep(300).then(note("late"));
    const early = clock.sleep(100).then(note("early"));
    const never = clock.sleep(1_000).then(note("never"));
    await clock.advance(500);
    await Promise.all([early, late]);
    expect(woken).toEqual(["early at 100", "late at 300"]);
    await clock.advance(500);
    await never;
    expect(clock.now()).toBe(1_000);
  });

  it("wakes who sleeps again within the span once more", async () => {
    const clock = manualClock(0);
    const heartbeats: number[] = [];
    const sending = (async () => {
      while (heartbeats.length < 3) {
        await clock.sleep(100);
        heartbeats.push(clock.now());
      }
    })();
    await clock.advance(350);
    await sending;
    expect(heartbeats).toEqual([100, 200, 300]);
    expect(clock.now()).toBe(350);
  });

  it("jumps for a sleeper who says that nothing can happen before, and wakes the others on the way", async () => {
    const clock = manualClock(0);
    const other = clock.sleep(50);
    await clock.sleep(200, { idle: true });
    await other;
    expect(clock.now()).toBe(200);
  });

  it("ends a sleep whose signal is aborted, before or during it, without moving", async () => {
    const clock = manualClock(0);
    const abort = new AbortController();
    const sleeping = clock.sleep(1_000, { signal: abort.signal });
    abort.abort();
    await sleeping;
    await clock.sleep(1_000, { signal: abort.signal, idle: true });
    await clock.sleep(0);
    expect(clock.now()).toBe(0);
  });
});
