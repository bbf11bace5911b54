import { countSegments, foldToGsm7, splitText, toPlainText } from "ownline/segments";
import type { ContractCase } from "ownline/testing";
import { vectors } from "../../vectors/segments.json";
import { equal } from "./assert.ts";

const FAMILY = "👨‍👩‍👧‍👦";

/** Counting leans on Intl.Segmenter, whose data each runtime brings along. */
export const segmentCases: readonly ContractCase[] = [
  ...vectors.map(({ suite, test, text, ...wanted }) => ({
    name: `counts as Twilio's calculator does: ${suite}, ${test}`,
    async run() {
      const { encoding, segments, characters } = countSegments(text);
      const expected = [wanted.encoding, wanted.segments, wanted.characters];
      equal([encoding, segments, characters], expected, "encoding, segments, characters");
    },
  })),
  {
    name: "never splits a family of emoji",
    async run() {
      const parts = splitText(FAMILY.repeat(40), { maxSegments: 1 });
      equal(parts.join(""), FAMILY.repeat(40), "the whole text");
      equal(
        parts.filter((part) => part.replaceAll(FAMILY, "") !== ""),
        [],
        "broken parts",
      );
    },
  },
  {
    name: "writes Markdown and typography plainly",
    async run() {
      equal(foldToGsm7(toPlainText("**“Hello”**, snake_case…")), '"Hello", snake_case...', "text");
    },
  },
];
