import { describe, expect, it } from "vitest";
import { maskAddress, normalizeAddress, refuseMixedChannels, withoutChannel } from "../../src/model/phone-number.ts";

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
  ])("brings %j into the provider's form", (given, expected) => {
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
    "MGMResorts",
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

describe("a trunk prefix behind the country code", () => {
  it.each([
    ["+44 (0)20 7946 0958", "+442079460958"],
    ["+44 (020) 7946 0958", "+442079460958"],
    ["+(44) [0] 20 7946 0958", "+442079460958"],
    ["whatsapp:+44 (0) 7700 900123", "whatsapp:+447700900123"],
    ["+49 (0)171 1234567", "+491711234567"],
    ["+33 (0)6 12 34 56 78", "+33612345678"],
    ["+61 (0)412 345 678", "+61412345678"],
    ["+380 (0)44 123 45 67", "+380441234567"],
    ["+36 (06) 20 123 4567", "+36201234567"],
    ["+7 (8) 495 123-45-67", "+74951234567"],
    ["+47 (8) 123 456 7", "+4781234567"],
    ["+375 (8) 29 123-45-67", "+375291234567"],
  ])("goes from %j, where the numbering plan leaves no doubt", (given, expected) => {
    expect(normalizeAddress(given, "to")).toBe(expected);
  });

  it.each([
    ["+44 020 7946 0958", "+442079460958"],
    ["+4402079460958", "+442079460958"],
    ["+36 06 20 123 4567", "+36201234567"],
  ])("goes without brackets too, since no number there begins so: %j", (given, expected) => {
    expect(normalizeAddress(given, "to")).toBe(expected);
  });

  it.each([
    ["+39 (0)6 6982", "+39066982"],
    ["+39 (06) 6988 1234", "+390669881234"],
    ["+378 (0549) 88 12 34", "+3780549881234"],
    ["+379 (0)6 6988 1234", "+3790669881234"],
    ["+225 07 07 12 34 56", "+2250707123456"],
    ["+229 01 90 12 34 56", "+2290190123456"],
    ["+7 (812) 123-45-67", "+78121234567"],
    ["+38 (044) 123 45 67", "+380441234567"],
  ])("is not seen in %j, where the digit belongs to the number", (given, expected) => {
    expect(normalizeAddress(given, "to")).toBe(expected);
  });

  it.each([
    ["+1 (0) 570 325 1809", "+1"],
    ["+7 (0) 495 123 45 67", "+7"],
    ["+34 (0) 612 345 678", "+34"],
    ["+48 (0) 22 123 45 67", "+48"],
    ["+54 (0) 11 15 1234 5678", "+54"],
    ["+36 (0) 20 123 4567", "+36"],
    ["+225 (0) 7 07 12 34 56", "+225"],
  ])("is refused in %j, by the name of the argument and the country code", (given, code) => {
    const message = expect.stringContaining(`to has a zero in brackets after the country code ${code}, `);
    expect(() => normalizeAddress(given, "to")).toThrowError(
      expect.objectContaining({ code: "invalid_address", message }),
    );
  });
});

describe("an address that was copied from somewhere", () => {
  const dashes = ["\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u2212", "\ufe58", "\ufe63", "\uff0d"];
  const unseen = ["\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202c", "\u2066", "\u2069", "\u2060"];
  const spaces = ["\u00a0", "\u2007", "\u2009", "\u202f", "\u3000", "\ufeff", "\t"];

  it.each([...dashes, ...unseen, ...spaces, "\u00ad", "\ufe0f"])("is understood with %j in it", (odd) => {
    expect(normalizeAddress(`${odd}+1${odd}570${odd}3251809${odd}`, "to")).toBe("+15703251809");
    expect(normalizeAddress(`whatsapp:${odd}+1570${odd}3251809`, "to")).toBe("whatsapp:+15703251809");
  });

  it("is understood in full width", () => {
    expect(normalizeAddress("\uff0b\uff11\uff08\uff15\uff17\uff10\uff093251809", "to")).toBe("+15703251809");
  });

  it.each([
    ["Arabic digits", "+\u0661\u0665\u0667\u0660", "U+0661"],
    ["a letter O", "+157O3251809", "U+004F"],
    ["a NUL", "+1570325\u00001809", "U+0000"],
    ["half of an emoji", "+15703251809\ud83d", "U+D83D"],
    ["a whole one", "\u{1f4de} +15703251809", "U+1F4DE"],
    ["a raised digit of a footnote", "+15703251809\u00b9", "U+00B9"],
    ["two numbers", "+15703251809/10", "U+002F"],
    ["a second plus sign", "+15703251809 +15703251810", "U+002B"],
  ])("is refused with %s, and the error names the character and quotes no number", (_, given, character) => {
    expect(() => normalizeAddress(given, "to")).toThrowError(
      expect.objectContaining({
        code: "invalid_address",
        message: expect.stringMatching(
          new RegExp(`^to contains the character ${character.replace("+", "\\+")}, .*E\\.164`),
        ),
      }),
    );
  });

  it("is not blamed on a letter where it is a name", () => {
    expect(() => normalizeAddress("Ada", "to")).toThrow("to is not a phone number");
  });
});

it("a person's RCS address is a number, and an agent's is a name", () => {
  expect(normalizeAddress("rcs:+1 (570) 325-1809", "to")).toBe("rcs:+15703251809");
  expect(normalizeAddress("rcs:my_agent", "from")).toBe("rcs:my_agent");
});

describe("a sender and a person on different channels", () => {
  const NUMBER = "+15703251809";
  it.each([
    [NUMBER, `whatsapp:${NUMBER}`],
    [`whatsapp:${NUMBER}`, NUMBER],
    [NUMBER, "messenger:123456789"],
    ["messenger:123456789", NUMBER],
    [NUMBER, `rcs:${NUMBER}`],
    ["rcs:my_agent", NUMBER],
    ["68849", `whatsapp:${NUMBER}`],
  ])("are refused: %s and %s", (sender, person) => {
    expect(() => refuseMixedChannels(sender, person)).toThrowError(
      expect.objectContaining({ code: "invalid_address", message: expect.stringContaining("21910") }),
    );
  });

  it.each([
    [NUMBER, NUMBER],
    ["68849", NUMBER],
    [`whatsapp:${NUMBER}`, `whatsapp:${NUMBER}`],
    ["rcs:my_agent", `rcs:${NUMBER}`],
    [`MG${"0".repeat(32)}`, NUMBER],
    [`MG${"0".repeat(32)}`, `whatsapp:${NUMBER}`],
  ])("are taken where they agree, or a Messaging Service picks: %s and %s", (sender, person) => {
    expect(() => refuseMixedChannels(sender, person)).not.toThrow();
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

describe("an address that not every storage keeps", () => {
  it.each([
    ["rcs: of 300 characters", `rcs:${"agent".repeat(60)}`],
    ["messenger: of 9000 characters", `messenger:${"1234567890".repeat(900)}`],
    ["a tab", "messenger:12\t34"],
    ["a NUL", "rcs:agent\u0000"],
    ["a control character of C1", "rcs:a\u0085gent"],
    ["half of an emoji at the end", "messenger:page\ud83d"],
    ["half of an emoji at the beginning", "rcs:\ude00agent"],
    ["a number behind a thousand spaces", `${" ".repeat(1000)}+15703251809`],
  ])("is refused: %s", (_, address) => {
    expect(() => normalizeAddress(address, "to")).toThrow(expect.objectContaining({ code: "invalid_address" }));
  });

  it("leaves names of up to 255 characters as they are", () => {
    const longest = `rcs:${"a".repeat(251)}`;
    expect(normalizeAddress(longest, "to")).toBe(longest);
    expect(normalizeAddress("messenger:page \u{1f600}", "to")).toBe("messenger:page \u{1f600}");
  });
});
