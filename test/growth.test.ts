import { describe, expect, it } from "vitest";
import { growthOf, LINEAR_AT_MOST } from "./growth.ts";

const linear = (n: number) => () => {
  let sum = 0;
  for (let i = 0; i < n * 1000; i += 1) sum += i % 7;
  return sum;
};

const quadratic = (n: number) => () => {
  let sum = 0;
  for (let i = 0; i < n; i += 1) for (let j = 0; j < n; j += 1) sum += i ^ j;
  return sum;
};

describe("growthOf", () => {
  it("stays within the bound for linear work", async () => {
    expect(await growthOf(linear, 200)).toBeLessThan(LINEAR_AT_MOST);
  });

  it("leaves the bound for quadratic work, also where the work is done later", async () => {
    expect(await growthOf(quadratic, 600)).toBeGreaterThan(LINEAR_AT_MOST);
    const later = (n: number) => async () => {
      await Promise.resolve();
      return quadratic(n)();
    };
    expect(await growthOf(later, 600)).toBeGreaterThan(LINEAR_AT_MOST);
  });

  it("does not count the time that the process waits", async () => {
    const waits = (n: number) => () => new Promise((resolve) => setTimeout(resolve, n > 2 ? 40 : 0));
    expect(await growthOf(waits, 1)).toBe(0);
  });

  it("fails with what the work fails with", async () => {
    await expect(growthOf(() => () => Promise.reject(new Error("broken")), 1)).rejects.toThrow("broken");
  });
});
