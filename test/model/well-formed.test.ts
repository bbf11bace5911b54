import { expect, it } from "vitest";
import { wellFormed } from "../../src/model/well-formed.ts";

it.each([
  ["half an emoji at the end", "On its way \ud83d", "On its way \ufffd"],
  ["the other half at the beginning", "\ude80 enjoy", "\ufffd enjoy"],
  ["halves in the wrong order", "\ude80\ud83d", "\ufffd\ufffd"],
  ["half an emoji before a whole one", "\ud83d\u{1f680}", "\ufffd\u{1f680}"],
])("puts U+FFFD in the place of %s", (_, text, expected) => {
  expect(wellFormed(text)).toBe(expected);
  expect(wellFormed(expected)).toBe(expected);
});

it.each(["", "plain", "\u{1f468}‍\u{1f469}‍\u{1f467} \u{10ffff}", "NUL \0, \r\n, \u0001, e\u0301, \ufffe"])(
  "leaves a well-formed text as it is: %j",
  (text) => {
    expect(wellFormed(text)).toBe(text);
  },
);

it("does what the platform's toWellFormed does", () => {
  const units = ["a", "\ud83d", "\ude80", "\udbff", "\ufffd"];
  for (const a of units)
    for (const b of units)
      for (const c of units) {
        const text = a + b + c;
        const platform: unknown = Reflect.get(String.prototype, "toWellFormed");
        if (typeof platform !== "function") throw new Error("this runtime has no toWellFormed");
        expect(wellFormed(text)).toBe(Reflect.apply(platform, text, []));
      }
});
