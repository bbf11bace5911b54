import { describe, expect, it } from "vitest";
import { type OfflineOptions, offline } from "../../src/ai/offline.ts";
import { contextOf, turnOf } from "./turn.ts";

const answer = (text: string | string[], options?: OfflineOptions) =>
  offline(options).reply(turnOf([text].flat()), contextOf());

describe("offline", () => {
  it.each([
    "Hello!",
    "good morning",
    "who are you",
    "what are your opening hours?",
    "thanks",
    "I want a table for two",
    "",
    "Ein Tisch für zwei, bitte 🙏",
    "x".repeat(1_600),
    `cost is [5] ${"^".repeat(150)}`,
  ])("answers %j in one GSM-7 segment that says no model wrote it", async (text) => {
    const reply = await answer(text);
    expect(reply).toMatch(/offline demo/i);
    expect(reply).toMatch(/no AI model is connected/);
    expect(reply).toMatch(/^[\x20-\x5a\x61-\x7a]{1,160}$/);
  });

  it("repeats what was written, all texts of the turn, and shows where it shortened them", async () => {
    expect(await answer(["A table", "for two"])).toContain("You wrote: A table for two");
    expect(await answer("long ".repeat(60))).toMatch(/\.\.\.$/);
  });

  it("asks the user's rules first, in order", async () => {
    const rules = [
      { match: "TABLE", reply: "Booked." },
      { match: /table|hello/, reply: "Second." },
    ];
    expect(await answer("a table please", { rules })).toBe("Booked.");
    expect(await answer("hello", { rules })).toBe("Second.");
    expect(await answer("Thanks", { rules })).toContain("welcome");
  });

  it("lets a rule make its reply from the turn, of any kind", async () => {
    const rules = [{ match: "human", reply: () => ({ kind: "hand-off" as const, text: "Someone will write." }) }];
    expect(await answer("A human!", { rules })).toEqual({ kind: "hand-off", text: "Someone will write." });
  });

  it("gives the same answer twice even to a rule with the g flag", async () => {
    const ai = offline({ rules: [{ match: /table/g, reply: "Booked." }] });
    expect(await ai.reply(turnOf(["a table"]), contextOf())).toBe("Booked.");
    expect(await ai.reply(turnOf(["a table"]), contextOf())).toBe("Booked.");
  });

  it("refuses empty rules by their place", () => {
    expect(() => offline({ rules: [{ match: "", reply: "x" }] })).toThrowError(/rules\[0\]\.match/);
    expect(() => offline({ rules: [{ match: "x", reply: " " }] })).toThrowError(/rules\[0\]\.reply/);
  });
});
