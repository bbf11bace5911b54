import { describe, expect, it } from "vitest";
import type { AiFunction } from "../../src/index.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { runTurn } from "../../src/testing/run-turn.ts";

const echo: AiFunction = ({ messages }) => `You wrote: ${messages.map(({ body }) => body).join(", ")}`;

describe("a turn that is run for a test", () => {
  it("asks the AI about what the participant wrote last, with the lines before as its history", async () => {
    const result = await runTurn({
      ai: echo,
      conversation: [
        "Hello",
        { by: "ai", body: "Hello! How can I help?" },
        "A table, please",
        { by: "operator", body: "For how many?" },
        { by: "service", body: "Your code is 1234." },
        "Two",
        "At eight",
      ],
    });
    expect(result.sends.map(({ body, origin }) => [body, origin])).toEqual([["You wrote: Two, At eight", "ai"]]);
    expect(result).toMatchObject({ outcome: "replied", reason: null, paused: false, consent: [], errors: [] });
    expect(result.asked).toHaveLength(1);
    expect(result.asked[0]?.history.map(({ role, author, text }) => [role, author ?? null, text])).toEqual([
      ["user", null, "Hello"],
      ["assistant", "ai", "Hello! How can I help?"],
      ["user", null, "A table, please"],
      ["assistant", "operator", "For how many?"],
      ["assistant", "service", "Your code is 1234."],
      ["user", null, "Two"],
      ["user", null, "At eight"],
    ]);
  });

  it("shows each part as it would leave, and what it costs", async () => {
    const { sends } = await runTurn({ ai: () => "**Yes** \u201cat eight\u201d", conversation: "Is 8 free?" });
    expect(sends).toEqual([{ body: 'Yes "at eight"', media: [], origin: "ai", encoding: "GSM-7", segments: 1 }]);
    const long = await runTurn({ ai: () => "word ".repeat(700), conversation: "Say it all" });
    expect(long.sends.length).toBeGreaterThan(1);
  });

  it("lets the policies judge: a STOP asks no AI, and a silence names its reason", async () => {
    const stopped = await runTurn({ ai: echo, conversation: "STOP" });
    expect(stopped).toMatchObject({ outcome: null, asked: [], consent: [{ state: "opted-out" }] });
    const night: Policy = { name: "night", turn: () => ({ silence: true, reason: "it is night" }) };
    const silenced = await runTurn({ ai: echo, conversation: "Hello", policies: [night] });
    expect(silenced).toMatchObject({ outcome: "silent", reason: "it is night", sends: [], asked: [] });
  });

  it("shows a hand-off, and the fallback text of an AI that fails", async () => {
    const handedOff = await runTurn({
      ai: () => ({ kind: "hand-off", text: "Ada will write.", reason: "asked for a person" }),
      conversation: "A human, please",
    });
    expect(handedOff).toMatchObject({ outcome: "handed-off", paused: true, reason: "asked for a person" });
    expect(handedOff.sends.map(({ body }) => body)).toEqual(["Ada will write."]);
    const failed = await runTurn({
      ai: () => {
        throw new Error("down");
      },
      conversation: "Hello",
    });
    expect(failed).toMatchObject({ outcome: "fallback", errors: [{ code: "ai_failed" }, {}, {}] });
    expect(failed.asked).toHaveLength(3);
  });

  it("plays a long history without meeting the loop guard", async () => {
    const past = Array.from({ length: 30 }, (_, n) => [`question ${n}`, { by: "ai" as const, body: `answer ${n}` }]);
    const result = await runTurn({ ai: echo, conversation: [...past.flat(), "and now?"] });
    expect(result.outcome).toBe("replied");
  });

  it.each([
    ["does not end with the participant", ["Hello", { by: "ai" as const, body: "Hi" }]],
    ["is empty", []],
    ["lets the AI speak first", [{ by: "ai" as const, body: "Hi" }, "Hello"]],
    ["lets the AI answer twice", ["a", { by: "ai" as const, body: "b" }, { by: "ai" as const, body: "c" }, "d"]],
  ])("refuses a conversation that %s", async (_, conversation) => {
    await expect(runTurn({ ai: echo, conversation })).rejects.toMatchObject({ code: "invalid_options" });
  });
});
