import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOwnlineError } from "../../src/errors.ts";
import { countSegments, foldToGsm7 } from "../../src/segments/segments.ts";

interface Replacement {
  from: string;
  to: string;
  codepoint: string;
}

const { smartEncodingMap }: { smartEncodingMap: Replacement[] } = JSON.parse(
  readFileSync(new URL("../vectors/smart-encoding.json", import.meta.url), "utf8"),
);

const letters = (of: string): string => of.normalize("NFC").replace(/[^\p{L}\p{N}]/gu, "");

function codeOf(...args: unknown[]): unknown {
  try {
    return Reflect.apply(foldToGsm7, undefined, args);
  } catch (error) {
    return isOwnlineError(error) ? error.code : error;
  }
}

describe("foldToGsm7", () => {
  it.each([
    ["quotes", "“It’s” ‘so’ «fine» „hier“ 5′ 6″", '"It\'s" \'so\' "fine" "hier" 5\' 6"'],
    ["dashes and the minus sign", "5–7 pm — non‑stop −3", "5-7 pm - non-stop -3"],
    ["ellipses and doubled marks", "wait… what⁉", "wait... what!?"],
    ["spaces, one for one", "10\u00a0000\u202f€\u3000ok\ttab", "10 000 € ok tab"],
    ["invisible characters", "in\u200bvis\u00adible\ufeff", "invisible"],
    ["line separators", "a\u2028b\u2029c", "a\nb\nc"],
    ["bullets", "• one\n• two", "- one\n- two"],
    ["fullwidth punctuation", "Hello！（ok）", "Hello!(ok)"],
    ["a base letter with its accent", "cafe\u0301 u\u0308ber", "café über"],
  ])("folds %s", (_, text, folded) => {
    expect(foldToGsm7(text)).toBe(folded);
    expect(countSegments(folded).encoding).toBe("GSM-7");
  });

  it.each(["“Olá”", "wait… 🎉", "1½ – 2", "a ÷ b…", "Ａ…", "л’є"])(
    "leaves %j alone, since folding could not make it GSM-7 without a loss",
    (text) => {
      expect(foldToGsm7(text)).toBe(text);
    },
  );

  it("folds all or nothing, never makes a text cost more, and changes nothing the second time", () => {
    const units = fc.oneof(
      fc.constantFrom(...smartEncodingMap.map(({ from }) => from)),
      fc.constantFrom("a", "é", "€", "á", "😀", " ", "\u0301", "…"),
    );
    fc.assert(
      fc.property(fc.string({ unit: units, maxLength: 60, size: "max" }), (text) => {
        const folded = foldToGsm7(text);
        expect(folded === text || countSegments(folded).encoding === "GSM-7").toBe(true);
        expect(foldToGsm7(folded)).toBe(folded);
      }),
    );
  });

  it("changes no letter and no digit", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 30, size: "max" }), (text) => {
        expect(letters(foldToGsm7(text))).toBe(letters(text));
      }),
    );
  });

  it.each(smartEncodingMap)('predicts Twilio\'s Smart Encoding of $codepoint in "smart" mode', ({ from, to }) => {
    expect(foldToGsm7(`á${from}z`, { mode: "smart" })).toBe(`á${to}z`);
  });

  it("refuses what is not a string and a mode that it does not know", () => {
    expect(codeOf(undefined)).toBe("invalid_message");
    expect(codeOf("a", { mode: "both" })).toBe("invalid_options");
    expect(codeOf("a", null)).toBe("invalid_options");
  });
});
