import { describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "../../examples/hono-worker/src/config.ts";
import { workersAi } from "../../examples/hono-worker/src/workers-ai.ts";
import { isOwnlineError } from "../../src/index.ts";
import { contextOf, said, turnOf } from "../ai/turn.ts";

const DB = { prepare: () => ({}), batch: async () => [] };
const WAKE = { send: async () => {} };
const COMPLETE = {
  DB,
  WAKE,
  API_SECRET: "sixteen-letters!",
  TWILIO_ACCOUNT_SID: "AC1",
  TWILIO_AUTH_TOKEN: "token",
  TWILIO_PHONE_NUMBER: "+15703251809, +1 570 325 1810",
  WEBHOOK_URL: "https://sms.example.com/webhooks/sms#rc=5&rp=all",
};

function mistakesOf(environment: Record<string, unknown>): string[] {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n- ").slice(1);
    throw error;
  }
  return [];
}

describe("the Worker example's environment", () => {
  it("is bindings, secrets and variables", () => {
    expect(readConfig(COMPLETE)).toEqual({
      database: DB,
      wake: WAKE,
      apiSecret: COMPLETE.API_SECRET,
      senders: ["+15703251809", "+15703251810"],
      provider: { accountSid: "AC1", authToken: "token", webhookUrl: COMPLETE.WEBHOOK_URL, apiUrl: null },
      ai: { kind: "offline" },
    });
  });

  it("names everything that is missing, an empty variable too, without a value", () => {
    const { DB: _, ...rest } = COMPLETE;
    const mistakes = mistakesOf({ ...rest, API_SECRET: " ", WAKE: "no queue", WEBHOOK_URL: undefined });
    expect(mistakes.map((line) => line.split(" ")[0])).toEqual(["DB", "WAKE", "API_SECRET", "WEBHOOK_URL"]);
    expect(mistakes.join()).not.toContain("token ");
  });

  it.each([
    [{ API_SECRET: "short" }, "API_SECRET is shorter than 16"],
    [{ TWILIO_PHONE_NUMBER: "+15703251809,12" }, "TWILIO_PHONE_NUMBER is not a phone number"],
    [{ WEBHOOK_URL: "https://sms.example.com/" }, "WEBHOOK_URL leads elsewhere"],
    [{ WEBHOOK_URL: "sms.example.com/webhooks/sms" }, "WEBHOOK_URL leads elsewhere"],
    [{ AI: "yes" }, "AI is not a Workers AI binding"],
    [{ OPENAI_MODEL: "m" }, "OPENAI_MODEL is set without a server"],
    [{ OPENAI_BASE_URL: "http://localhost" }, "OPENAI_MODEL is missing"],
  ])("names the mistake in %o", (change, words) => {
    expect(mistakesOf({ ...COMPLETE, ...change })).toEqual([expect.stringContaining(words)]);
  });

  it("takes Workers AI where it is bound, else a server of OpenAI's kind", () => {
    const AI = { run: async () => ({}) };
    const openAi = { OPENAI_API_KEY: "key" };
    expect(readConfig({ ...COMPLETE, ...openAi, AI, AI_MODEL: "@cf/a/b" }).ai).toEqual({
      kind: "workers-ai",
      binding: AI,
      model: "@cf/a/b",
    });
    expect(readConfig({ ...COMPLETE, ...openAi }).ai).toEqual({
      kind: "openai-compatible",
      apiKey: "key",
      baseUrl: "https://api.openai.com/v1",
      model: "gpt-5-mini",
    });
  });
});

describe("the Worker example's Workers AI", () => {
  it("asks the model with what was said, and takes its text", async () => {
    const asked: unknown[] = [];
    const run = async (...call: unknown[]) => {
      asked.push(call);
      return { response: "At seven." };
    };
    const ai = workersAi({ run }, "@cf/a/b", "Be brief.");
    expect(await ai.reply(turnOf(["When?"], [said("assistant", "Tonight.")]), contextOf())).toBe("At seven.");
    expect(asked).toEqual([
      [
        "@cf/a/b",
        {
          messages: [
            { role: "system", content: "Be brief." },
            { role: "assistant", content: "Tonight." },
            { role: "user", content: "When?" },
          ],
        },
      ],
    ]);
  });

  it.each([{}, { response: " " }, null, "text"])("refuses %o, which is not a text of a model", async (answer) => {
    const ai = workersAi({ run: async () => answer }, "@cf/a/b", "Be brief.");
    const failure: unknown = await ai.reply(turnOf(["When?"]), contextOf()).then(
      () => null,
      (error: unknown) => error,
    );
    expect(isOwnlineError(failure) && [failure.code, failure.retryable]).toEqual(["ai_failed", true]);
  });
});
