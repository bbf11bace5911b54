import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { optOut } from "../../src/policy/opt-out.ts";

/** Messages of one kind of source. Both files were collected before the words and phrases were written. */
interface Group {
  readonly source: string;
  readonly kind?: "word" | "phrase";
  readonly language: string;
  readonly texts: readonly string[];
}

const policy = optOut();
const refusals = corpus("refusals");
const everyday = corpus("everyday");
const guide = readFileSync(new URL("../../docs/guide/consent.md", import.meta.url), "utf8");

function corpus(name: string): readonly Group[] {
  return JSON.parse(readFileSync(new URL(`corpus/${name}.json`, import.meta.url), "utf8"));
}

function isOptOut(body: string): boolean {
  const ours = "+15703251809";
  const address = { from: "+12345678900", to: ours, line: ours, fromOwnSender: false };
  const verdict = policy.inbound?.({ ...address, origin: "webhook", body, media: [], optOut: null });
  return verdict?.consent === "opted-out";
}

function textsOf(groups: readonly Group[]): string[] {
  return groups.flatMap(({ texts }) => texts);
}

describe("the words and phrases of a refusal", () => {
  const phrases = refusals.filter(({ kind }) => kind === "phrase");
  const missed = textsOf(phrases).filter((text) => !isOptOut(text));

  it("are judged by enough messages, in five languages", () => {
    expect(textsOf(refusals).length).toBeGreaterThanOrEqual(300);
    expect(textsOf(everyday).length).toBeGreaterThanOrEqual(400);
    expect(new Set(phrases.map(({ language }) => language))).toEqual(new Set(["en", "es", "fr", "pt", "de"]));
  });

  it("opt no person out by an everyday message", () => {
    expect(textsOf(everyday).filter(isOptOut)).toEqual([]);
  });

  it("include every word of the rule, with any characters around it", () => {
    expect(textsOf(refusals.filter(({ kind }) => kind === "word")).filter((text) => !isOptOut(text))).toEqual([]);
  });

  it("find at least two thirds of the phrases, in every language", () => {
    for (const language of ["en", "es", "fr", "pt", "de"]) {
      const texts = textsOf(phrases.filter((group) => group.language === language));
      const found = texts.filter(isOptOut).length;
      console.log(
        `${language}: ${found} of ${texts.length} phrases found (${Math.round((100 * found) / texts.length)} %)`,
      );
      expect(found / texts.length).toBeGreaterThanOrEqual(2 / 3);
    }
  });

  it("are described with each phrase of the file that is missed", () => {
    expect(missed.filter((text) => !guide.includes(`"${text}"`))).toEqual([]);
  });
});
