import { describe, expect, it } from "vitest";
import { maskAddress, normalizeAddress, withoutChannel } from "../../src/model/phone-number.ts";

describe("normalizeAddress", () => {
  it.each([
    ["+15703251809", "+15703251809"],
    [" +1 (570) 325-1809 ", "+15703251809"],
    ["+49.170.1234567", "+491701234567"],
    ["384387", "384387"],
    ["whatsapp:+1 570 325 1809", "whatsapp:+15703251809"],
    ["rcs:my_agent", "rcs:my_agent"],
    ["messenger:1234567890123456", "messenger:1234567890123456"],
    ["MG0123456789abcdef0123456789abcdef", "MG0123456789abcdef0123456789abcdef"],
  ])("brings %j into the carrier's form", (given, expected) => {
    expect(normalizeAddress(given, "to")).toBe(expected);
  });

  it.each([
    "",
    " ",
    "570 325 1809",
    "+0123456789",
    "+1",
    "+12345678901234567",
    "tel:+15703251809",
    "javascript:alert(1)",
    "Ada",
    null,
    undefined,
    15703251809,
  ])("refuses %j, by the name of what is wrong, and guesses no country", (given) => {
    expect(() => normalizeAddress(given, "to")).toThrowError(
      expect.objectContaining({ code: "invalid_address", message: expect.stringMatching(/^to .*E\.164/) }),
    );
  });

  it.each([undefined, null, ""])("calls %j missing", (given) => {
    expect(() => normalizeAddress(given, "from")).toThrow(/^from is missing/);
  });

  it.each([15703251809, "  ", {}])("does not call %j missing: it is there, and no text in E.164", (given) => {
    expect(() => normalizeAddress(given, "from")).toThrow(/^from is not a phone number .*E\.164, a text/);
  });
});

describe("maskAddress", () => {
  it.each([
    ["+15703251809", "+1570…09"],
    ["whatsapp:+15703251809", "whatsapp:+1570…09"],
    ["384387", "…87"],
    ["1234567", "12…67"],
  ])("hides most of %j", (address, expected) => {
    expect(maskAddress(address)).toBe(expected);
  });
});

it("consent spans channels: an address without its channel is the number", () => {
  expect(withoutChannel("whatsapp:+15703251809")).toBe("+15703251809");
  expect(withoutChannel("+15703251809")).toBe("+15703251809");
});
