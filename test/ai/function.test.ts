import { describe, expect, it } from "vitest";
import type { Reply } from "../../src/ai/ai.ts";
import { fromFunction } from "../../src/ai/function.ts";
import { normalizeReply } from "../../src/ai/reply.ts";
import { contextOf, turnOf } from "./turn.ts";

const picture = { url: "https://example.com/menu.png", contentType: "image/png" };

describe("normalizeReply", () => {
  it.each<[Reply, unknown]>([
    ["Hello", { kind: "text", text: "Hello", media: [] }],
    [
      { kind: "text", text: "Hello" },
      { kind: "text", text: "Hello", media: [] },
    ],
    [
      { kind: "text", text: "", media: [picture] },
      { kind: "text", text: "", media: [picture] },
    ],
    [{ kind: "silence" }, { kind: "silence" }],
    [{ kind: "hand-off" }, { kind: "hand-off" }],
    [
      { kind: "hand-off", text: "A colleague will write.", reason: "angry" },
      { kind: "hand-off", text: "A colleague will write.", reason: "angry" },
    ],
    [{ kind: "hand-off", text: " ", reason: "" }, { kind: "hand-off" }],
  ])("brings %j into one form, and leaves that form alone", (reply, expected) => {
    expect(normalizeReply(reply)).toStrictEqual(expected);
    expect(normalizeReply(normalizeReply(reply))).toStrictEqual(expected);
  });

  it.each([[""], [" \n"], [{ kind: "text", text: "" }]])(
    "takes the blank text %j for a failure worth another run",
    (reply) => {
      expect(() => normalizeReply(reply)).toThrowError(
        expect.objectContaining({ code: "ai_failed", retryable: true, message: expect.stringContaining("empty text") }),
      );
    },
  );

  it.each([
    [undefined, "undefined"],
    [null, "null"],
    [42, "number"],
    [["Hello"], "`kind`"],
    [{ text: "Hello" }, "`kind`"],
    [{ kind: "shout", text: "Hello" }, "`kind`"],
    [{ kind: "text" }, "`text`"],
    [{ kind: "text", text: "Hello", media: "menu.png" }, "`media`"],
    [{ kind: "text", text: "Hello", media: ["menu.png"] }, "`media`"],
    [{ kind: "text", text: "Hello", media: [{ url: "/menu.png", contentType: "" }] }, "`url`"],
    [{ kind: "text", text: "Hello", media: [{ url: "ftp://example.com/x", contentType: "" }] }, "`url`"],
    [{ kind: "hand-off", text: 7 }, "`text`"],
    [{ kind: "hand-off", reason: {} }, "`reason`"],
  ])("refuses %j, which no other run would mend, and says what is wrong", (reply, word) => {
    expect(() => normalizeReply(reply)).toThrowError(
      expect.objectContaining({ code: "ai_failed", retryable: false, message: expect.stringContaining(word) }),
    );
  });
});

describe("fromFunction", () => {
  it("makes a plain function an AI that gets the turn and the context", async () => {
    const context = contextOf();
    const ai = fromFunction((turn, given) => `${turn.messages[0]?.body} ${given === context}`);
    expect(ai.name).toBe("function");
    expect(await ai.reply(turnOf(["Hi"]), context)).toEqual({ kind: "text", text: "Hi true", media: [] });
  });

  it("keeps the name of an AI, calls it as its method, and checks its reply too", async () => {
    class Model {
      readonly name = "my-model";
      readonly answer = "";
      async reply(): Promise<Reply> {
        return this.answer;
      }
    }
    const ai = fromFunction(new Model());
    expect(ai.name).toBe("my-model");
    await expect(ai.reply(turnOf(["Hi"]), contextOf())).rejects.toMatchObject({ code: "ai_failed" });
  });

  it("turns a throw into a rejection and leaves the error as it is", async () => {
    const boom = new Error("boom");
    const ai = fromFunction(() => {
      throw boom;
    });
    await expect(ai.reply(turnOf(["Hi"]), contextOf())).rejects.toBe(boom);
  });

  it("refuses what is neither a function nor an AI", () => {
    for (const wrong of [undefined, null, "gpt", {}]) {
      expect(() => Reflect.apply(fromFunction, undefined, [wrong])).toThrowError(
        expect.objectContaining({ code: "invalid_options" }),
      );
    }
  });
});
