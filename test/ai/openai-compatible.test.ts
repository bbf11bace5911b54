import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import nock from "nock";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OpenAiCompatibleOptions, openAiCompatible } from "../../src/ai/openai-compatible.ts";
import { contextOf, deferred, said, turnOf } from "./turn.ts";

const options: OpenAiCompatibleOptions = { baseUrl: "https://llm.example/v1", apiKey: "sk-secret", model: "tiny" };

function completion(message: object, finish_reason = "stop"): nock.Body {
  return { id: "x", object: "chat.completion", choices: [{ index: 0, message, finish_reason }] };
}

const hello = completion({ role: "assistant", content: " Hello! " });

function ask(more: Partial<OpenAiCompatibleOptions> = {}, turn = turnOf(["Hi"]), context = contextOf()) {
  return openAiCompatible({ ...options, ...more }).reply(turn, context);
}

function answering(status: number, body: nock.Body | string): void {
  nock("https://llm.example").post("/v1/chat/completions").reply(status, body);
}

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

describe("openAiCompatible", () => {
  it("asks for one whole completion and returns its text, trimmed", async () => {
    let sent: unknown;
    const scope = nock("https://llm.example", {
      reqheaders: { authorization: "Bearer sk-secret", "content-type": "application/json", "x-team": "tables" },
    })
      .post("/v1/chat/completions", (body: unknown) => {
        sent = body;
        return true;
      })
      .reply(200, hello);
    const before = [said("user", "A table?"), said("assistant", "For how many?")];
    const reply = await ask(
      {
        instructions: (turn) => `You are on ${turn.sender}.`,
        temperature: 0.2,
        maxTokens: 100,
        headers: { "x-team": "tables" },
        extraBody: { reasoning_effort: "low", stream: true },
      },
      turnOf(["Two", "or three"], before),
    );
    expect(reply).toBe("Hello!");
    expect(scope.isDone()).toBe(true);
    expect(sent).toEqual({
      reasoning_effort: "low",
      model: "tiny",
      messages: [
        { role: "system", content: "You are on +15703251809." },
        { role: "user", content: "A table?" },
        { role: "assistant", content: "For how many?" },
        { role: "user", content: "Two\nor three" },
      ],
      stream: false,
      temperature: 0.2,
      max_tokens: 100,
    });
  });

  it.each([
    ["https://llm.example", "/v1/chat/completions"],
    ["https://llm.example/", "/v1/chat/completions"],
    ["https://llm.example/v1", "/v1/chat/completions"],
    ["https://llm.example/v1/", "/v1/chat/completions"],
    ["https://llm.example/api/v1", "/api/v1/chat/completions"],
    ["https://llm.example/v1/chat/completions", "/v1/chat/completions"],
    ["https://llm.example/openai/deployments/a?api-version=1", "/openai/deployments/a/chat/completions?api-version=1"],
  ])("finds the endpoint from the base URL %s", async (baseUrl, path) => {
    nock("https://llm.example").post(path).reply(200, hello);
    expect(await ask({ baseUrl })).toBe("Hello!");
  });

  it.each<[string, Partial<OpenAiCompatibleOptions>]>([
    ["apiKey", { apiKey: undefined }],
    ["apiKey", { apiKey: "" }],
    ["baseUrl", { baseUrl: undefined }],
    ["baseUrl", { baseUrl: "llm.example/v1" }],
    ["baseUrl", { baseUrl: "file:///v1" }],
    ["baseUrl", { baseUrl: "https://user:pass@llm.example/v1" }],
    ["model", { model: undefined }],
    ["temperature", { temperature: Number.NaN }],
    ["maxTokens", { maxTokens: 0.5 }],
  ])("refuses a missing or wrong %s by its name at once: %j", (name, wrong) => {
    expect(() => openAiCompatible({ ...options, ...wrong })).toThrowError(
      expect.objectContaining({ code: "invalid_options", message: expect.stringContaining(`options.${name}: `) }),
    );
  });

  it.each([
    [401, false, "API key"],
    [403, false, "API key"],
    [404, false, "model's name"],
    [402, false, "Top it up"],
    [400, false, "cause"],
    [307, false, "redirects"],
    [408, true, "later"],
    [429, true, "limit"],
    [500, true, "later"],
    [503, true, "later"],
  ])("says what to do about HTTP %i (retryable: %s)", async (status, retryable, remedy) => {
    answering(status, { error: { message: "no", type: "some_error" } });
    await expect(ask()).rejects.toMatchObject({
      code: "ai_failed",
      party: "ai",
      retryable,
      message: expect.stringMatching(new RegExp(`HTTP ${status}, some_error.*${remedy}`)),
    });
  });

  it("follows no redirect, which would lose the key or the request", async () => {
    nock("https://llm.example").post("/v1/chat/completions").reply(308, "", { location: "https://llm.example/v2" });
    const elsewhere = nock("https://llm.example").post("/v2").reply(200, hello);
    await expect(ask()).rejects.toMatchObject({ retryable: false, message: expect.stringContaining("redirects") });
    expect(elsewhere.isDone()).toBe(false);
  });

  it("does not try again where the account has no credit left, although the status is 429", async () => {
    answering(429, { error: { code: "insufficient_quota", message: "You exceeded your quota" } });
    await expect(ask()).rejects.toMatchObject({ retryable: false, message: expect.stringContaining("credit") });
  });

  it("keeps the server's words in the cause, without the key, and out of the message", async () => {
    answering(400, { error: { message: "Bad key sk-secret for 'Hi'", code: "not a plain word" } });
    const error: unknown = await ask().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ cause: { message: "Bad key [apiKey] for 'Hi'" } });
    expect(String(error)).not.toMatch(/secret|'Hi'|plain word/);
  });

  it.each<[string, nock.Body | string, boolean, string]>([
    ["cut by the token limit", completion({ content: "Half a sen" }, "length"), true, "maxTokens"],
    ["filtered", completion({ content: "" }, "content_filter"), false, "filter"],
    ["empty", completion({ content: " \n" }), true, "empty"],
    ["without content", completion({ content: null, refusal: "no" }), true, "empty"],
    ["of thoughts alone", completion({ content: "<think>they want" }), true, "empty"],
    ["of reasoning in a field alone", completion({ content: null, reasoning_content: "PRIVATE" }), true, "reasoning"],
    ["without a message", { choices: [] }, true, "no message"],
    ["no object", "[]", true, "no message"],
    ["not JSON", "<html>Sign in</html>", true, "not JSON"],
    ["an error inside a 200", { error: { message: "upstream is down" } }, true, "error"],
  ])("refuses an answer that is %s", async (_, body, retryable, word) => {
    answering(200, body);
    await expect(ask()).rejects.toMatchObject({
      code: "ai_failed",
      retryable,
      message: expect.stringContaining(word),
    });
  });

  it("leaves a model's thoughts out of the reply, and joins a reply in parts", async () => {
    answering(200, completion({ content: "<think>They want\na table.</think>\n\nFor how many?" }));
    expect(await ask()).toBe("For how many?");
    answering(200, completion({ content: "PRIVATE</thinking>\nFor how many?", reasoning_content: "PRIVATE" }));
    expect(await ask()).toBe("For how many?");
    answering(
      200,
      completion({
        content: [
          { type: "reasoning", text: "PRIVATE" },
          { type: "thinking", thinking: [{ type: "text", text: "PRIVATE" }] },
          { type: "text", text: "For how " },
          { type: "text", text: "many?" },
        ],
      }),
    );
    expect(await ask()).toBe("For how many?");
  });

  it("reports a server that it cannot reach as retryable, with the reason as cause", async () => {
    const down = new TypeError("fetch failed");
    const unreachable = () => Promise.reject(down);
    await expect(ask({ fetch: unreachable })).rejects.toMatchObject({
      code: "ai_failed",
      retryable: true,
      cause: down,
    });
  });
});

describe("openAiCompatible against a server", () => {
  let server: Server;
  let requests: IncomingMessage[];
  let arrived: ReturnType<typeof deferred<true>>;
  let baseUrl: string;
  let answer: boolean;

  beforeEach(async () => {
    nock.enableNetConnect("127.0.0.1");
    requests = [];
    answer = true;
    arrived = deferred();
    server = createServer((request, response) => {
      requests.push(request);
      arrived.resolve(true);
      request.resume();
      if (answer) response.setHeader("content-type", "application/json").end(JSON.stringify(hello));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address() as AddressInfo;
    baseUrl = `http://127.0.0.1:${address.port}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });

  it("sends no authorization where the key is null", async () => {
    expect(await ask({ baseUrl, apiKey: null })).toBe("Hello!");
    expect(requests[0]?.url).toBe("/v1/chat/completions");
    expect(requests[0]?.headers.authorization).toBeUndefined();
  });

  it("lets go of the server when the turn is aborted, and throws the signal's reason", async () => {
    answer = false;
    const controller = new AbortController();
    const reply = ask({ baseUrl }, turnOf(["Hi"]), contextOf(controller.signal));
    await arrived.promise;
    const reason = new Error("a newer text came");
    controller.abort(reason);
    await expect(reply).rejects.toBe(reason);
  });

  it("sends nothing when the turn was aborted before", async () => {
    const reason = new Error("stopped");
    await expect(ask({ baseUrl }, turnOf(["Hi"]), contextOf(AbortSignal.abort(reason)))).rejects.toBe(reason);
    expect(requests).toEqual([]);
  });

  it("reports to the model that its answer was too long", async () => {
    const turn = { ...turnOf(["Hi"]), tooLong: { parts: 613, maxParts: 25, text: "Long." } };
    let sent: unknown;
    const fetch = async (_: unknown, request?: RequestInit) => {
      sent = request?.body;
      return Response.json(hello);
    };
    expect(await ask({ fetch }, turn)).toBe("Hello!");
    expect(sent).toContain("613 SMS");
  });
});
