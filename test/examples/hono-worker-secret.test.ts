import { describe, expect, it } from "vitest";
import { bearerOf, isGoodPass, isSame, makePass } from "../../examples/hono-worker/src/secret.ts";

describe("the Worker example's secret", () => {
  it.each([
    ["a", "a", true],
    ["a", "b", false],
    ["", "a", false],
    ["aa", "a", false],
    ["ä€😀", "ä€😀", true],
  ])("compares %o with %o", async (given, expected, same) => {
    expect(await isSame(given, expected)).toBe(same);
  });

  it.each([
    ["Bearer abc", "abc"],
    ["bearer  abc ", "abc"],
    ["Basic abc", ""],
    ["Bearer", ""],
    ["Bearer a b", ""],
    [undefined, ""],
  ])("reads %o as %o", (header, token) => {
    expect(bearerOf(header)).toBe(token);
  });

  it("gives passes that end, and that no other secret makes", async () => {
    const pass = await makePass("secret", 1000);
    expect(await isGoodPass(pass, "secret", 999)).toBe(true);
    expect(await isGoodPass(pass, "secret", 1000)).toBe(false);
    expect(await isGoodPass(pass, "other", 999)).toBe(false);
    expect(await isGoodPass(pass.replace("1000.", "2000."), "secret", 999)).toBe(false);
    expect(await isGoodPass("", "secret", 0)).toBe(false);
  });
});
