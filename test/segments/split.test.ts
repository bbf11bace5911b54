import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOwnlineError } from "../../src/errors.ts";
import { countSegments, splitText } from "../../src/segments/segments.ts";
import { growthOf, LINEAR_AT_MOST } from "../growth.ts";

const FAMILY = "👨‍👩‍👧‍👦";
const unit = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "word", " ", " ", ". ", "! ", "\n", "\n\n", "\r\n") },
  { weight: 3, arbitrary: fc.constantFrom("€", "]", "é", "ó", "中", "。", "\u00a0", "\u202f", "\t", "\ufeff") },
  { weight: 2, arbitrary: fc.constantFrom("😀", "🇮🇹", FAMILY, "👍🏽", "e\u0301\u0301") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("\u0301", "\u200d", "🏽", "🇮", `e${"\u0301".repeat(80)}`, `👩${"\u200d👩".repeat(40)}`),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 3 }) },
);
const text = fc.array(unit, { maxLength: 250, size: "max" }).map((units) => units.join(""));
const limits = fc.record({
  maxLength: fc.option(fc.integer({ min: 2, max: 400 }), { nil: undefined }),
  maxSegments: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
});

/** The stretches of the text between the parts, found in order; throws where a part is not there. */
function gapsBetween(whole: string, parts: readonly string[]): string[] {
  const gaps: string[] = [];
  let from = 0;
  for (const part of parts) {
    const at = whole.indexOf(part, from);
    if (at < 0) throw new Error("a part is not in the text, or not in order");
    gaps.push(whole.slice(from, at));
    from = at + part.length;
  }
  gaps.push(whole.slice(from));
  return gaps;
}

const strip = (of: string): string => of.replace(/\s/g, "");
const graphemes = (of: string): string[] =>
  [...new Intl.Segmenter("en", { granularity: "grapheme" }).segment(of)].map(({ segment }) => segment);

describe("splitText", () => {
  it("is tested on texts that need many parts, in most limits", () => {
    const counts = fc.sample(fc.tuple(text, limits), 300).map(([whole, options]) => splitText(whole, options).length);
    expect(counts.filter((parts) => parts > 1).length).toBeGreaterThan(100);
  });

  it("loses nothing but whitespace, keeps the order and leaves no part empty", () => {
    fc.assert(
      fc.property(text, limits, (whole, options) => {
        const parts = splitText(whole, options);
        expect(parts.map(strip).join("")).toBe(strip(whole));
        for (const part of parts) expect(part.trim()).not.toBe("");
        for (const gap of gapsBetween(whole, parts)) expect(gap.trim()).toBe("");
      }),
      { numRuns: 400 },
    );
  });

  it("keeps every part within both limits, counted for itself", () => {
    fc.assert(
      fc.property(text, limits, (whole, options) => {
        for (const part of splitText(whole, options)) {
          expect(part.length).toBeLessThanOrEqual(options.maxLength ?? 1600);
          expect(countSegments(part).segments).toBeLessThanOrEqual(options.maxSegments ?? Number.POSITIVE_INFINITY);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("never cuts a surrogate pair", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", " ", "😀", FAMILY), { maxLength: 150, size: "max" }),
        limits,
        (units, options) => {
          for (const part of splitText(units.join(""), options)) expect(part).not.toMatch(/\p{Surrogate}/u);
        },
      ),
    );
  });

  it("never cuts a character that fits into a part", () => {
    const units = fc.array(fc.constantFrom("a", " ", "😀", "🇮🇹", FAMILY, "e\u0301\u0301"), {
      maxLength: 150,
      size: "max",
    });
    fc.assert(
      fc.property(units, fc.integer({ min: FAMILY.length, max: 60 }), (characters, maxLength) => {
        const whole = characters.join("");
        const cut = splitText(whole, { maxLength, maxSegments: 1 }).flatMap(graphemes);
        expect(cut.filter((each) => each !== " ")).toEqual(graphemes(whole).filter((each) => each !== " "));
      }),
    );
  });

  it("returns a text that fits exactly as it is", () => {
    expect(splitText("  Hello \n")).toEqual(["  Hello \n"]);
    expect(splitText("a".repeat(1600))).toHaveLength(1);
    expect(splitText("a".repeat(1601))).toHaveLength(2);
  });

  it.each(["", " ", "\n\t\u00a0\r\n", " ".repeat(5000)])("makes no parts of nothing but whitespace (%#)", (blank) => {
    expect(splitText(blank)).toEqual([]);
  });

  it.each<[string, string, number, string[]]>([
    ["paragraphs", "One two. Three.\n\nFour five. Six", 24, ["One two. Three.", "Four five. Six"]],
    ["sentences", "We open at nine. Come early!", 20, ["We open at nine.", "Come early!"]],
    ["sentences in quotes", 'She said "go home." Then left', 22, ['She said "go home."', "Then left"]],
    ["lines", "Mon 9-17\nTue 9-18 and later", 16, ["Mon 9-17", "Tue 9-18 and", "later"]],
    ["words", "alpha beta gamma delta", 12, ["alpha beta", "gamma delta"]],
    [
      "words, where a sentence would leave the part half empty",
      "Hi. alpha beta gamma delta",
      20,
      ["Hi. alpha beta gamma", "delta"],
    ],
    ["Chinese sentences, which have no space", "今天开门。明天休息。", 8, ["今天开门。", "明天休息。"]],
    ["characters, where a word fits into no part", "abcdefghij", 4, ["abcd", "efgh", "ij"]],
    ["words, but not at a no-break space", "pay 10\u00a0000 now", 8, ["pay", "10\u00a0000", "now"]],
    ["CR LF, dropping both", "alpha\r\nbeta", 8, ["alpha", "beta"]],
  ])("splits between %s", (_, whole, maxLength, parts) => {
    expect(splitText(whole, { maxLength })).toEqual(parts);
  });

  it("counts each part in its own encoding", () => {
    const parts = splitText(`${"word ".repeat(31)}end. 🎉 party`, { maxSegments: 1 });
    expect(parts).toEqual([`${"word ".repeat(31)}end.`, "🎉 party"]);
    expect(parts.map((part) => countSegments(part).encoding)).toEqual(["GSM-7", "UCS-2"]);
  });

  it("fills UCS-2 parts to the last whole word", () => {
    const parts = splitText("olá ".repeat(40).trim(), { maxSegments: 1 });
    expect(parts).toEqual(["olá ".repeat(17).trim(), "olá ".repeat(17).trim(), "olá ".repeat(6).trim()]);
  });

  it("keeps an escaped character whole at the edge of a segment", () => {
    expect(splitText(`${"a".repeat(159)}€b`, { maxSegments: 1 })).toEqual(["a".repeat(159), "€b"]);
  });

  it("cuts a character too big for any part between its code points", () => {
    expect(splitText(FAMILY, { maxLength: 4 }).join("")).toBe(FAMILY);
    expect(splitText("😀😀", { maxLength: 2 })).toEqual(["😀", "😀"]);
  });

  it("shortens a part whose torn piece would need one segment more than the limit", () => {
    const joined = "\u200d👩";
    const whole = `👩${joined.repeat(68)}${"🏽".repeat(30)}${joined.repeat(22)}${"é".repeat(60)}`;
    const parts = splitText(whole, { maxSegments: 2 });
    expect(parts.join("")).toBe(whole);
    expect(parts.map((part) => countSegments(part).segments)).toEqual([2, 2, 1, 2]);
  });

  it("counts the pieces of a torn character for themselves, since they join up in new ways", () => {
    const link = fc.constantFrom("\u200d👩", "\u0301", "🏽");
    const links = fc.array(link, { maxLength: 160, size: "max" });
    fc.assert(
      fc.property(fc.nat(90), links, fc.nat(90), fc.integer({ min: 1, max: 3 }), (before, chain, after, max) => {
        const whole = `${"é".repeat(before)}👩${chain.join("")}${"ó".repeat(after)}`;
        const counts = splitText(whole, { maxSegments: max }).map((part) => countSegments(part).segments);
        expect(Math.max(...counts)).toBeLessThanOrEqual(max);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ["sentences", "lorem ipsum dolor. "],
    ["one long word", "x"],
    ["emoji", "😀"],
    ["families", FAMILY],
    ["accents on one letter", "\u0301"],
    ["joined emoji", "👩\u200d"],
    ["spaces that hold together", "a \u00a0"],
  ])("takes time in proportion to the text: %s", async (_, piece) => {
    const make = (characters: number) => {
      const whole = piece.repeat(Math.ceil(characters / piece.length));
      return () => splitText(whole, { maxSegments: 1 });
    };
    expect(await growthOf(make, 2000)).toBeLessThan(LINEAR_AT_MOST);
  });

  it.each([
    [[7], "invalid_message"],
    [["a", null], "invalid_options"],
    [["a", { maxLength: 1 }], "invalid_options"],
    [["a", { maxLength: 2.5 }], "invalid_options"],
    [["a", { maxLength: Number.NaN }], "invalid_options"],
    [["a", { maxLength: "160" }], "invalid_options"],
    [["a", { maxSegments: 0 }], "invalid_options"],
    [["a", { maxSegments: Number.POSITIVE_INFINITY }], "invalid_options"],
  ])("refuses %j with %s", (args, code) => {
    expect(() => Reflect.apply(splitText, undefined, args)).toThrow(
      expect.toSatisfy((error: unknown) => isOwnlineError(error) && error.code === code),
    );
  });
});
