import { describe, expect, it } from "vitest";
import { describeFully, describeSafely } from "../src/redact.ts";

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
    [
      "GET https://api.example.com/v1?user=ada&page=two failed",
      "GET https://api.example.com/v1?user=[…]&page=[…] failed",
    ],
    ["you gave a1B2c3D4e5F6g7H8i9J0k1L2", "you gave [key]"],
    ["x".repeat(2000), `${"x".repeat(600)}…`],
  ])("removes texts, numbers and keys: %s", (message, shown) => {
    expect(why(message)).toBe(`TypeError: ${shown}`);
  });

  it("removes a text as it stands in JSON", () => {
    const said = 'She said\n"yes"\nto it';
    expect(describeSafely(new Error(`refused ${JSON.stringify({ content: said })}`), [said])).not.toMatch(
      /said|yes|to it/,
    );
  });

  it("shows of a stack at most eight places in code, and no text that stands in one", () => {
    const error = new Error("failed");
    const places = Array.from({ length: 20 }, (_, at) => `    at place (/srv/${body}/${at}.js:1:2)`);
    error.stack = ["Error: failed", `the request was ${body}`, "Ada wrote it", ...places].join("\n");
    const lines = describeSafely(error, [body]).split("\n");
    expect(lines).toHaveLength(9);
    expect(lines.slice(1).every((line) => /^\s+at place \(\/srv\/\[text\]/.test(line))).toBe(true);
    expect(lines.join()).not.toContain("tonight");
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

describe("describeFully", () => {
  it("shows the fields of the error and of its cause, without keys", () => {
    const cause = Object.assign(new Error("refused"), {
      statusCode: 400,
      requestBodyValues: { messages: [{ role: "user", content: body }] },
      responseHeaders: { "x-request-id": "req_011CSHoEeqs5C35K2UUqR7Fy", "set-cookie": "a=b" },
      requestHeaders: { Authorization: "Bearer abcdefghij", "x-api-key": "abcdefghijkl" },
      note: "you gave sk-proj-abcd1234",
    });
    const shown = describeFully(new TypeError("failed", { cause }));
    for (const part of [
      "TypeError: failed",
      "Error: refused",
      "statusCode: 400",
      body,
      "req_011CSHoEeqs5C35K2UUqR7Fy",
    ]) {
      expect(shown).toContain(part);
    }
    expect(shown).toMatch(/^\s+at /m);
    for (const secret of ["a=b", "abcdefghij", "abcd1234"]) expect(shown).not.toContain(secret);
  });

  it("is bounded and never throws, with any fields", () => {
    const odd: Record<string, unknown> = { picture: new Uint8Array(5_000_000), long: "x".repeat(1_000_000), big: 1n };
    odd.self = odd;
    const error = Object.assign(new Error("odd"), {
      ...odd,
      list: Array.from({ length: 100_000 }, () => ({ a: 1 })),
    });
    Object.defineProperty(error, "broken", {
      enumerable: true,
      get: () => {
        throw new Error("no");
      },
    });
    const shown = describeFully(error);
    expect(shown.length).toBeLessThan(15_000);
    expect(shown).toContain('picture: "[5000000 bytes]"');
    expect(shown).toContain("broken: (cannot be shown)");
    for (const thrown of [null, undefined, "a text", 5, Object.create(null)])
      expect(describeFully(thrown)).toBeTypeOf("string");
  });
});
