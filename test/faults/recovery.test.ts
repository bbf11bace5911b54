import { describe, expect, it } from "vitest";
import { beyondBounds, type Recovery } from "./recovery.ts";

const WINDOW_MS = 5000;

function recovery(outsideMs: number, insideMs: number, count = 10): Recovery {
  const percentiles = (ms: number) => ({ count, p50: 1000, p99: ms, max: ms });
  return { outside: percentiles(outsideMs), inside: percentiles(insideMs), starts: percentiles(300), disturbed: 0 };
}

describe("the bounds of recovery", () => {
  it("are 5 s outside of sending, and 5 s more than the window inside", () => {
    expect(beyondBounds(recovery(5000, 10_000), WINDOW_MS)).toEqual([]);
  });

  it("are named where a run misses them", () => {
    expect(beyondBounds(recovery(5001, 10_001), WINDOW_MS)).toEqual([
      "Recovery outside of sending took 5001 ms at p99; it must be 5000 ms at most.",
      "Recovery inside of sending took 10001 ms at p99; it must be 10000 ms at most.",
    ]);
  });

  it("are missed by a run with too few samples", () => {
    expect(beyondBounds(recovery(1000, 1000, 9), WINDOW_MS)).toEqual([
      "Recovery outside of sending was measured 9 times; it must be 10 times at least.",
      "Recovery inside of sending was measured 9 times; it must be 10 times at least.",
    ]);
    expect(beyondBounds(recovery(0, 0, 0), WINDOW_MS)).toHaveLength(2);
  });
});
