import { describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "../../examples/express/src/config.ts";

function mistakesOf(env: Record<string, string>): string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n- ").slice(1);
    throw error;
  }
  return [];
}

const TWILIO = {
  TWILIO_ACCOUNT_SID: "AC1",
  TWILIO_AUTH_TOKEN: "token",
  TWILIO_PHONE_NUMBER: "+15703251809, +15703251810",
  WEBHOOK_URL: "https://example.com/api/webhooks/sms",
};

describe("the example's environment", () => {
  it("needs nothing", () => {
    expect(readConfig({})).toEqual({
      host: "127.0.0.1",
      port: 3000,
      uiPort: 8080,
      senders: ["+15703251809"],
      webhookUrl: null,
      storage: { kind: "sqlite", file: expect.stringMatching(/examples\/express\/\.data\/ownline\.db$/) },
      provider: { kind: "emulator" },
      ai: { kind: "offline" },
    });
  });

  it("takes an empty variable for a missing one, as an .env file writes it", () => {
    const names = ["PORT", "UI_PORT", "HOST", "OWNLINE_STORAGE", "OPENAI_API_KEY", ...Object.keys(TWILIO)];
    expect(readConfig(Object.fromEntries(names.map((name) => [name, " "])))).toEqual(readConfig({}));
  });

  it("is the real thing with Twilio's variables and a model's", () => {
    expect(
      readConfig({ ...TWILIO, OPENAI_API_KEY: "key", UI_PORT: "0", OWNLINE_STORAGE: "sqlite:/data/a.db" }),
    ).toMatchObject({
      uiPort: null,
      senders: ["+15703251809", "+15703251810"],
      webhookUrl: TWILIO.WEBHOOK_URL,
      storage: { kind: "sqlite", file: "/data/a.db" },
      provider: { kind: "twilio", accountSid: "AC1", authToken: "token", apiUrl: null },
      ai: { kind: "openai-compatible", apiKey: "key", baseUrl: "https://api.openai.com/v1", model: "gpt-5-mini" },
    });
  });

  it.each([
    ["postgres", "postgres://user:password@localhost:5432/texts"],
    ["postgres", "postgresql://localhost/texts"],
    ["mongodb", "mongodb://one:27017,two:27017/texts?replicaSet=rs0"],
    ["mongodb", "mongodb+srv://cluster.example.com/texts"],
  ])("keeps the texts in %s by one variable: %s", (kind, url) => {
    expect(readConfig({ OWNLINE_STORAGE: url }).storage).toEqual({ kind, url });
  });

  it("takes a model's server of one's own without a key", () => {
    expect(readConfig({ OPENAI_BASE_URL: "http://localhost:11434/v1", OPENAI_MODEL: "llama" }).ai).toEqual({
      kind: "openai-compatible",
      apiKey: null,
      baseUrl: "http://localhost:11434/v1",
      model: "llama",
    });
  });

  it.each([
    [{ PORT: "70000" }, "PORT is not a port"],
    [{ UI_PORT: "x" }, "UI_PORT is not a port"],
    [{ OWNLINE_STORAGE: "postgres://:x" }, "write postgres://USER"],
    [{ OWNLINE_STORAGE: "mongodb:localhost" }, "write mongodb://HOST"],
    [{ OWNLINE_STORAGE: "sqlite:" }, "names no file"],
    [{ OWNLINE_STORAGE: "ownline.db" }, "write sqlite:FILE, postgres://…, mongodb://…, or memory:"],
    [{ OWNLINE_STORAGE: "mysql://localhost/x" }, "OWNLINE_STORAGE is not understood"],
    [{ OPENAI_MODEL: "m" }, "OPENAI_MODEL is set without a server"],
    [{ OPENAI_BASE_URL: "http://localhost" }, "OPENAI_MODEL is missing"],
  ])("names the mistake in %o", (env, words) => {
    expect(mistakesOf(env)).toEqual([expect.stringContaining(words)]);
  });

  it("names all that is missing of Twilio's, without their values", () => {
    const mistakes = mistakesOf({ TWILIO_AUTH_TOKEN: "secret" });
    expect(mistakes.map((line) => line.split(" ")[0])).toEqual([
      "TWILIO_ACCOUNT_SID",
      "TWILIO_PHONE_NUMBER",
      "WEBHOOK_URL",
    ]);
    expect(mistakes.join()).not.toContain("secret");
  });
});
