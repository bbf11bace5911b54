import { describe, expect, it } from "vitest";
import { describeSafely } from "../src/redact.ts";

const body = "Can we be five tonight at your place?";
const why = (message: string) => describeSafely(new TypeError(message), [body, "Hi"]).split("\n")[0];

describe("describeSafely", () => {
  it.each([
    [`refused: '${body}' from +12345678900`, "refused: '[text]' from [number]"],
    ["refused: 'we be five toni'", "refused: '[text]'"],
    ["cannot read Hi", "cannot read [text]"],
    ["write to anna@example.com or (234) 567-8900", "write to [address] or [number]"],
    ["key=sk-abcdefghijklmnop", "key=[key]"],
    ["x-api-key: abcdefghijkl", "x-api-key: [key]"],
    ["you gave sk-proj-abcd1234", "you gave [key]"],
    ["you gave AIzaSyAbcdefgh", "you gave [key]"],
    ["authorization Bearer abcdefghij", "authorization Bearer [key]"],
  ])("removes texts, numbers and keys: %s", (message, shown) => {
    expect(why(message)).toBe(`TypeError: ${shown}`);
  });

  it("shows where it failed and its cause, without its fields", () => {
    const error = Object.assign(new TypeError("fetch failed", { cause: new Error("ECONNREFUSED 127.0.0.1:11434") }), {
      requestBodyValues: { messages: [body] },
    });
    const shown = describeSafely(error, []);
    expect(shown).toMatch(/^TypeError: fetch failed\n\s+at .*[\s\S]*\nError: ECONNREFUSED 127\.0\.0\.1:11434\n\s+at /);
    expect(shown).not.toContain("tonight");
  });
});
