import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { isOwnlineError } from "../../src/errors.ts";
import { countSegments } from "../../src/segments/segments.ts";

interface Vector {
  suite: string;
  test: string;
  text: string;
  encoding: string;
  segments: number;
  messageSizeBits: number;
  totalSizeBits: number;
  characters: number;
}

const { vectors }: { vectors: Vector[] } = JSON.parse(
  readFileSync(new URL("../vectors/segments.json", import.meta.url), "utf8"),
);
const HEADER_BITS = 48;

describe("countSegments", () => {
  it.each(vectors)("agrees with Twilio's calculator: $suite, $test", (vector) => {
    const count = countSegments(vector.text);
    const bits = count.units * (count.encoding === "GSM-7" ? 7 : 16);
    expect({
      encoding: count.encoding,
      segments: count.segments,
      characters: count.characters,
      messageSizeBits: bits,
      totalSizeBits: bits + (count.segments > 1 ? count.segments * HEADER_BITS : 0),
    }).toEqual({
      encoding: vector.encoding,
      segments: vector.segments,
      characters: vector.characters,
      messageSizeBits: vector.messageSizeBits,
      totalSizeBits: vector.totalSizeBits,
    });
  });

  it("knows 127 basic characters and 10 escaped ones, and no others", () => {
    const septets: number[] = [];
    for (let code = 0; code < 0x10000; code++) {
      const count = countSegments(String.fromCharCode(code));
      if (count.encoding === "GSM-7") septets.push(count.units);
    }
    expect(septets.filter((units) => units === 1)).toHaveLength(127);
    expect(septets.filter((units) => units === 2)).toHaveLength(10);
  });

  it.each(["\t", "\u00a0", "`", "á", "í", "ó", "ú", "ç", "\u001b"])("takes %j for no GSM-7 character", (character) => {
    expect(countSegments(character)).toMatchObject({ encoding: "UCS-2", nonGsmCharacters: [character] });
  });

  it.each([
    ["a line feed as one unit", "\nabcde\n123", 10],
    ["a carriage return and line feed as two", "\rabcde\r\n123", 11],
    ["a carriage return and line feed as two in UCS-2 as well", "é\u0301\r\n", 3],
  ])("counts %s", (_, text, characters) => {
    expect(countSegments(text).characters).toBe(characters);
  });

  it("never cuts an escaped character: 153 brackets of two septets take three segments, not two", () => {
    expect(countSegments("]".repeat(153))).toMatchObject({ segments: 3, units: 306, remainingUnits: 151 });
  });

  it("never cuts a surrogate pair: 67 emoji take three segments of at most 66 used units", () => {
    expect(countSegments("😀".repeat(66)).segments).toBe(2);
    expect(countSegments("😀".repeat(67)).segments).toBe(3);
  });

  it("keeps a character of several code points whole, as the calculator does", () => {
    const flagOnTheBoundary = `${"é".repeat(66)}🇮🇹${"ó".repeat(64)}`;
    expect(countSegments(flagOnTheBoundary)).toMatchObject({ units: 134, segments: 3 });
  });

  it("cuts a character that no segment could hold between its code points", () => {
    expect(countSegments(`e${"\u0301".repeat(200)}`)).toMatchObject({ characters: 1, units: 201, segments: 3 });
  });

  it("counts a lone surrogate as one unit", () => {
    expect(countSegments("\ud83d")).toMatchObject({ encoding: "UCS-2", units: 1, segments: 1 });
  });

  it("counts an empty text as one segment without units, as the calculator does", () => {
    expect(countSegments("")).toEqual({
      encoding: "GSM-7",
      segments: 1,
      units: 0,
      characters: 0,
      unitsPerSegment: 160,
      remainingUnits: 160,
      nonGsmCharacters: [],
    });
  });

  it.each([
    ["a".repeat(160), 160, 0],
    ["a".repeat(161), 153, 145],
    [`${"a".repeat(152)}€${"a".repeat(7)}`, 153, 144],
    ["ó".repeat(70), 70, 0],
    ["ó".repeat(71), 67, 63],
  ])("says how much room the last segment has (%#)", (text, per, free) => {
    expect(countSegments(text)).toMatchObject({ unitsPerSegment: per, remainingUnits: free });
  });

  it("names each character that forces UCS-2 once, in order of appearance", () => {
    expect(countSegments("más 🎉 más e\u0301\u0301 🎉").nonGsmCharacters).toEqual(["á", "🎉", "e\u0301\u0301"]);
  });

  it("fits exactly as many more plain characters as it says", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "€", "é", "ó", "😀", " "), maxLength: 400, size: "max" }),
        (text) => {
          const { segments, remainingUnits } = countSegments(text);
          expect(countSegments(text + "a".repeat(remainingUnits)).segments).toBe(segments);
          expect(countSegments(text + "a".repeat(remainingUnits + 1)).segments).toBe(segments + 1);
        },
      ),
    );
  });

  it("sees the characters of a long text as the whole of it has them", () => {
    const piece = fc.oneof(
      fc.constantFrom("a", "é", "\r", "\n", "😀", "🇮", "🇹", "👩", "\u200d", "🏽", "\u0301", "\ud83d", "\ude00"),
      fc.constantFrom("कि", "क्", "षि", "각", "ᄀ", `👩${"\u200d👩".repeat(150)}`, `e${"\u0301".repeat(600)}`),
    );
    const long = fc
      .array(piece, { minLength: 100, maxLength: 900, size: "max" })
      .map((pieces) => `中${pieces.join("")}`);
    const whole = new Intl.Segmenter("en", { granularity: "grapheme" });
    fc.assert(
      fc.property(long, (text) => {
        const crLfApart = text.split("\r\n").length - 1;
        expect(countSegments(text).characters).toBe([...whole.segment(text)].length + crLfApart);
      }),
    );
  });

  it("hands Intl.Segmenter short slices of a long text, since Node 20 copies what it is given for each step", () => {
    const segment = vi.spyOn(Intl.Segmenter.prototype, "segment");
    try {
      countSegments("a long text with a character of many code points, 👨‍👩‍👧‍👦. ".repeat(400));
      expect(Math.max(...segment.mock.calls.map(([text]) => text.length))).toBeLessThan(1000);
    } finally {
      segment.mockRestore();
    }
  });

  it("counts code points where the runtime has no Intl.Segmenter", () => {
    vi.stubGlobal("Intl", {});
    try {
      expect(countSegments("e\u0301\r\n😀")).toMatchObject({ characters: 5, units: 6, segments: 1 });
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it.each([undefined, null, 7, {}])("refuses %j as a text", (text) => {
    expect(() => Reflect.apply(countSegments, undefined, [text])).toThrow(
      expect.toSatisfy((error: unknown) => isOwnlineError(error) && error.code === "invalid_message"),
    );
  });
});
