import { APICallError, jsonSchema, simulateReadableStream, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { describe, expect, it, vi } from "vitest";
import { type AiSdkOptions, aiSdk } from "../../src/ai/ai-sdk.ts";
import { contextOf, deferred, said, turnOf } from "./turn.ts";

type Generated = Exclude<ConstructorParameters<typeof MockLanguageModelV4>[0], undefined>["doGenerate"];
type Result = Extract<Generated, { content: unknown }>;
type Part = Result["content"][number];
type Chunk = Awaited<ReturnType<MockLanguageModelV4["doStream"]>>["stream"] extends ReadableStream<infer C> ? C : never;

const usage: Result["usage"] = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};

function result(content: Part[], unified: Result["finishReason"]["unified"] = "stop"): Result {
  return { content, finishReason: { unified, raw: undefined }, usage, warnings: [] };
}

const text = (words: string): Part => ({ type: "text", text: words });
const call = (toolName: string, input: object): Part => ({
  type: "tool-call",
  toolCallId: `call-${toolName}`,
  toolName,
  input: JSON.stringify(input),
});

/** A model that gives its results in turn, the last one again and again. */
function modelOf(...results: Result[]): MockLanguageModelV4 {
  return new MockLanguageModelV4({
    modelId: "mock-1",
    doGenerate: async () => {
      const next = results.length > 1 ? results.shift() : results[0];
      if (next === undefined) throw new Error("the mock has no result");
      return next;
    },
  });
}

const hello = () => modelOf(result([text("Hello!")]));

function ask(options: AiSdkOptions, turn = turnOf(["Hi"]), context = contextOf()) {
  return aiSdk(options).reply(turn, context);
}

const book = (execute: (input: { people: number }, options: { context: unknown }) => unknown) =>
  tool({
    inputSchema: jsonSchema<{ people: number }>({ type: "object", properties: { people: { type: "number" } } }),
    execute,
  });

describe("aiSdk", () => {
  it("gives the model the instructions, the history and the settings, and returns its text", async () => {
    const model = modelOf(result([text(" Hello!\n")]));
    const before = [said("user", "A table?"), said("assistant", "For how many?")];
    const reply = await ask(
      { model, instructions: (turn) => `You are on ${turn.sender}.`, temperature: 0.3 },
      turnOf(["Two", "or three"], before),
    );
    expect(reply).toBe("Hello!");
    expect(model.doGenerateCalls).toHaveLength(1);
    expect(model.doGenerateCalls[0]).toMatchObject({
      temperature: 0.3,
      prompt: [
        { role: "system", content: "You are on +15703251809." },
        { role: "user", content: [{ type: "text", text: "A table?" }] },
        { role: "assistant", content: [{ type: "text", text: "For how many?" }] },
        { role: "user", content: [{ type: "text", text: "Two\nor three" }] },
      ],
    });
    expect(aiSdk({ model }).name).toBe("mock-1");
    expect(aiSdk({ model: "openai/gpt-5-mini" }).name).toBe("openai/gpt-5-mini");
  });

  it("refuses a missing model by its name", () => {
    expect(() => Reflect.apply(aiSdk, undefined, [{}])).toThrowError(
      expect.objectContaining({
        code: "invalid_options",
        message: expect.stringContaining("options.model: give a model"),
      }),
    );
  });

  it("leaves reasoning out, whether it is a part of its own or stands in the text", async () => {
    const parts: Part[] = [{ type: "reasoning", text: "PRIVATE" }, text("<thinking>PRIVATE</thinking>\n\nAt ten.")];
    expect(await ask({ model: modelOf(result(parts)) })).toBe("At ten.");
    expect(await ask({ model: streaming(result([text("PRIVATE and so on</think> At ten.")])), stream: true })).toBe(
      "At ten.",
    );
    const model = modelOf(result([text("<think>PRIVATE</think>One moment."), call("staff", {})], "tool-calls"));
    expect(await ask({ model, tools: { staff: book(() => ({ kind: "hand-off" })) } })).toEqual({
      kind: "hand-off",
      text: "One moment.",
    });
  });

  it.each<[string, Result, boolean, RegExp]>([
    ["reasoning alone", result([text("<think>PRIVATE")]), true, /reasoning/],
    ["empty", result([text(" ")]), true, /returned an empty text/],
    ["cut", result([text("Half a sen")], "length"), true, /maxOutputTokens/],
    ["filtered", result([], "content-filter"), false, /filter/],
    ["an error", result([text("Half")], "error"), true, /error/],
  ])("fails rather than send a reply that is %s", async (_, answer, retryable, message) => {
    const failure = { code: "ai_failed", retryable, message: expect.stringMatching(message) };
    await expect(ask({ model: modelOf(answer) })).rejects.toMatchObject(failure);
    await expect(ask({ model: streaming(answer), stream: true })).rejects.toMatchObject(failure);
  });
});

describe("aiSdk with tools", () => {
  it("says that a tool starts before it acts, gives it the turn, and asks the model again", async () => {
    const model = modelOf(result([call("book", { people: 2 })], "tool-calls"), result([text("Booked for 2.")]));
    const context = contextOf();
    const seen: unknown[] = [];
    const tools = {
      book: book(({ people }, options) => {
        seen.push({ people, starts: context.toolStarts, context: options.context });
        return "ok";
      }),
    };
    const toolsContext = { book: { restaurant: "Rosa", turnId: "forged" } };
    expect(await ask({ model, tools, toolsContext }, turnOf(["A table for 2"]), context)).toBe("Booked for 2.");
    expect(seen).toEqual([
      {
        people: 2,
        starts: 1,
        context: {
          restaurant: "Rosa",
          turnId: "t-m1",
          run: 2,
          conversationId: "c1",
          sender: "+15703251809",
          participant: "+12345678900",
        },
      },
    ]);
    expect(model.doGenerateCalls[1]?.prompt.at(-1)).toMatchObject({ role: "tool" });
  });

  it("lets a tool declare with a schema what it reads of the turn", async () => {
    const model = modelOf(result([call("book", {})], "tool-calls"), result([text("Booked.")]));
    const keys: string[] = [];
    const tools = {
      book: tool({
        inputSchema: jsonSchema<object>({ type: "object" }),
        contextSchema: jsonSchema<{ turnId: string }>({ type: "object" }),
        execute: (_, { context }) => keys.push(context.turnId),
      }),
    };
    expect(await ask({ model, tools })).toBe("Booked.");
    expect(keys).toEqual(["t-m1"]);
  });

  it("makes the tools of each turn where they are a function", async () => {
    const model = modelOf(result([call("book", { people: 2 })], "tool-calls"), result([text("Booked.")]));
    const seen: string[] = [];
    const tools = (turn: { id: string }) => ({ book: book(() => seen.push(turn.id)) });
    expect(await ask({ model, tools })).toBe("Booked.");
    expect(seen).toEqual(["t-m1"]);
  });

  it("shows the model that a tool failed, instead of failing the turn", async () => {
    const model = modelOf(result([call("book", { people: 2 })], "tool-calls"), result([text("Sorry, full.")]));
    const tools = {
      book: book(() => {
        throw new Error("full");
      }),
    };
    expect(await ask({ model, tools })).toBe("Sorry, full.");
  });

  it("starts no tool once the turn was given up", async () => {
    const controller = new AbortController();
    const reason = new Error("a newer text came");
    const model = new MockLanguageModelV4({
      doGenerate: async () => {
        controller.abort(reason);
        return result([call("book", { people: 2 })], "tool-calls");
      },
    });
    const execute = vi.fn<() => string>();
    const context = contextOf(controller.signal);
    await expect(ask({ model, tools: { book: book(execute) } }, turnOf(["Hi"]), context)).rejects.toBe(reason);
    expect(execute).not.toHaveBeenCalled();
    expect(context.toolStarts).toBe(0);
  });

  it("ends the turn with what a tool decided, without asking the model again", async () => {
    const handOff = { kind: "hand-off", text: "A colleague will write to you.", reason: "asked for one" };
    const model = modelOf(result([text("One moment."), call("staff", {})], "tool-calls"));
    expect(await ask({ model, tools: { staff: book(() => handOff) } })).toEqual(handOff);
    expect(model.doGenerateCalls).toHaveLength(1);
    expect(await ask({ model, tools: { staff: book(() => ({ kind: "hand-off" })) } })).toEqual({
      kind: "hand-off",
      text: "One moment.",
    });
    const silent = modelOf(result([call("ignore", {})], "tool-calls"));
    expect(await ask({ model: silent, tools: { ignore: book(() => ({ kind: "silence" })) } })).toEqual({
      kind: "silence",
    });
  });

  it("prefers a hand-off to silence where two tools disagree", async () => {
    const model = modelOf(result([call("ignore", {}), call("staff", {})], "tool-calls"));
    const tools = { ignore: book(() => ({ kind: "silence" })), staff: book(() => ({ kind: "hand-off" })) };
    expect(await ask({ model, tools })).toEqual({ kind: "hand-off" });
  });

  it("gives a model whose steps are used up one more, without tools", async () => {
    let steps = 0;
    const model = new MockLanguageModelV4({
      doGenerate: async ({ toolChoice }) => {
        steps += 1;
        return toolChoice?.type === "none" ? result([text("Booked.")]) : result([call("book", {})], "tool-calls");
      },
    });
    const execute = vi.fn<() => string>(() => "again");
    expect(await ask({ model, tools: { book: book(execute) } })).toBe("Booked.");
    expect([steps, execute.mock.calls.length]).toEqual([9, 8]);
  });

  it("does not run a tool again in another run of a turn that failed after it", async () => {
    const overloaded = refusal(503, true);
    const answers = [result([call("book", {})], "tool-calls"), overloaded, result([text("Booked.")])];
    const model = new MockLanguageModelV4({
      doGenerate: async () => {
        const next = answers.shift();
        if (next === undefined || next instanceof Error) throw next;
        return next;
      },
    });
    const execute = vi.fn<() => string>(() => "ok");
    const ai = aiSdk({ model, tools: { book: book(execute) } });
    await expect(ai.reply(turnOf(["Hi"]), contextOf())).rejects.toMatchObject({ retryable: true });
    expect(await ai.reply(turnOf(["Hi"]), contextOf())).toBe("Booked.");
    expect(execute).toHaveBeenCalledTimes(1);
    expect(model.doGenerateCalls[2]?.prompt.map(({ role }) => role)).toEqual(["user", "assistant", "tool"]);
  });

  it("fails for good where the model never stops calling tools, and where nothing runs the call", async () => {
    const endless = () => result([text("Let me see."), call("book", { people: 2 })], "tool-calls");
    const model = modelOf(endless());
    const failure = { code: "ai_failed", retryable: false, message: expect.stringContaining("stopWhen") };
    const runs = vi.fn<() => string>(() => "again");
    await expect(ask({ model, tools: { book: book(runs) } })).rejects.toMatchObject(failure);
    expect([model.doGenerateCalls.length, runs.mock.calls.length]).toEqual([9, 8]);
    const streamed = { model: streaming(endless()), stream: true, tools: { book: book(runs) } };
    await expect(ask(streamed)).rejects.toMatchObject(failure);
    expect(runs).toHaveBeenCalledTimes(16);
    const unrun = {
      book: { inputSchema: jsonSchema({ type: "object" }), outputSchema: jsonSchema({ type: "object" }) },
    };
    await expect(ask({ model, tools: unrun })).rejects.toMatchObject(failure);
  });
});

describe("aiSdk with pictures", () => {
  const jpeg = { url: "https://api.twilio.com/Media/ME1", contentType: "image/jpeg" };
  const audio = { url: "https://api.twilio.com/Media/ME2", contentType: "audio/amr" };
  const turn = { ...turnOf(["Hi"]), history: [said("user", "See", [jpeg, audio]), said("assistant", "OK", [jpeg])] };
  const bytes = new Uint8Array([0xff, 0xd8, 0xff]);

  it("describes them unless the options say otherwise", async () => {
    const model = hello();
    await ask({ model }, turn);
    expect(model.doGenerateCalls[0]?.prompt).toMatchObject([
      { content: [{ type: "text", text: "See\n[image/jpeg attached]\n[audio/amr attached]" }] },
      { content: [{ type: "text", text: "OK\n[image/jpeg attached]" }] },
    ]);
  });

  it("shows what a function fetched, and describes what it did not find", async () => {
    const model = hello();
    const signals: AbortSignal[] = [];
    const context = contextOf();
    const media = async (_: unknown, signal: AbortSignal) => (signals.push(signal) === 1 ? bytes : null);
    await ask({ model, media }, turn, context);
    expect(signals).toHaveLength(1);
    expect(model.doGenerateCalls[0]?.prompt[0]?.content).toMatchObject([
      { type: "text", text: "See\n[audio/amr attached]" },
      { type: "file", mediaType: "image/jpeg", data: { type: "data", data: bytes } },
    ]);
    await ask({ model, media: async () => null }, turn);
    expect(model.doGenerateCalls[1]?.prompt[0]?.content).toMatchObject([
      { text: "See\n[audio/amr attached]" },
      { text: "[image/jpeg attached]" },
    ]);
  });

  it("links them for a provider that fetches for itself", async () => {
    const model = new MockLanguageModelV4({
      supportedUrls: { "image/*": [/^https:/] },
      doGenerate: result([text("Nice.")]),
    });
    await ask({ model, media: "link" }, turn);
    expect(model.doGenerateCalls[0]?.prompt[0]?.content).toMatchObject([
      { type: "text" },
      { type: "file", mediaType: "image/jpeg", data: { type: "url", url: new URL(jpeg.url) } },
    ]);
  });

  it("describes a picture that cannot be fetched", async () => {
    const model = hello();
    expect(await ask({ model, media: () => Promise.reject(new Error("503")) }, turn)).toBe("Hello!");
    expect(model.doGenerateCalls[0]?.prompt[0]?.content).toMatchObject([{}, { text: "[image/jpeg attached]" }]);
  });

  it("describes a link that cannot be fetched, and answers", async () => {
    const model = hello();
    const unreachable = [{ url: "http://127.0.0.1:9/ME1", contentType: "image/jpeg" }];
    const asked = { ...turnOf(["Hi"]), history: [said("user", "See", unreachable)] };
    expect(await ask({ model, media: "link" }, asked)).toBe("Hello!");
    expect(model.doGenerateCalls).toHaveLength(1);
    expect(model.doGenerateCalls[0]?.prompt).toMatchObject([
      { content: [{ type: "text", text: "See\n[image/jpeg attached]" }] },
    ]);
  });

  it("asks once more without pictures that the provider refuses, and does not show them again", async () => {
    const model = new MockLanguageModelV4({
      doGenerate: async ({ prompt }) => {
        if (JSON.stringify(prompt).includes('"file"')) throw refusal(400, false);
        return result([text("Nice.")]);
      },
    });
    const ai = aiSdk({ model, media: async () => bytes });
    expect(await ai.reply(turn, contextOf())).toBe("Nice.");
    expect(await ai.reply(turn, contextOf())).toBe("Nice.");
    expect(model.doGenerateCalls).toHaveLength(3);
  });
});

function refusal(statusCode: number | undefined, isRetryable: boolean): APICallError {
  const request = { url: "https://llm.example", requestBodyValues: { messages: ["a secret text"] } };
  return new APICallError({
    message: "no: a secret text",
    ...request,
    ...(statusCode && { statusCode }),
    isRetryable,
  });
}
const failing = (error: unknown) => new MockLanguageModelV4({ doGenerate: async () => Promise.reject(error) });

describe("aiSdk when the provider fails", () => {
  it.each([
    [401, false, "API key"],
    [404, false, "model's name"],
    [429, true, "limit"],
    [503, true, "later"],
    [undefined, true, "reached"],
  ])("maps HTTP %s to an error with a remedy, and asks once", async (status, retryable, remedy) => {
    const cause = refusal(status, retryable);
    const model = failing(cause);
    const error: unknown = await ask({ model }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ai_failed", retryable, cause, message: expect.stringContaining(remedy) });
    expect(String(error)).not.toContain("secret");
    expect(model.doGenerateCalls).toHaveLength(1);
  });

  it("believes the SDK about what may be retried", async () => {
    await expect(ask({ model: failing(refusal(503, false)) })).rejects.toMatchObject({ retryable: false });
  });

  it("treats an error that it does not know as worth another run, and leaves our own alone", async () => {
    const cause = new Error("a bug in a provider");
    await expect(ask({ model: failing(cause) })).rejects.toMatchObject({ code: "ai_failed", retryable: true, cause });
    const { OwnlineError } = await import("../../src/errors.ts");
    const own = new OwnlineError("ai_failed", "Closed today.");
    const instructions = () => Promise.reject(own);
    await expect(ask({ model: hello(), instructions })).rejects.toBe(own);
  });

  it.each([
    "AI_InvalidArgumentError",
    "AI_InvalidPromptError",
    "AI_UnsupportedFunctionalityError",
    "AI_UnsupportedModelVersionError",
    "AI_LoadSettingError",
  ])("does not ask again for what the SDK would refuse again: %s", async (name) => {
    const cause = Object.assign(new Error("no: a secret text"), { name });
    const error: unknown = await ask({ model: failing(cause) }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ai_failed", retryable: false, cause, message: expect.stringContaining(name) });
    expect(String(error)).not.toContain("secret");
  });

  it("refuses a setting that the SDK does not take, once", async () => {
    const model = hello();
    const failure = { retryable: false, message: expect.stringContaining("AI_InvalidArgumentError") };
    await expect(ask({ model, maxOutputTokens: -1 })).rejects.toMatchObject(failure);
    expect(model.doGenerateCalls).toHaveLength(0);
  });

  it("asks again where the model does not call the tool that toolChoice demands", async () => {
    const tools = { book: book(() => "ok") };
    const failure = { code: "ai_failed", retryable: true, message: expect.stringContaining("toolChoice") };
    await expect(ask({ model: hello(), tools, toolChoice: "required" })).rejects.toMatchObject(failure);
  });

  it("names the variable of a missing AI Gateway key", async () => {
    const missing = Object.assign(new Error("Unauthenticated"), { name: "GatewayAuthenticationError" });
    await expect(ask({ model: failing(missing) })).rejects.toMatchObject({
      retryable: false,
      message: expect.stringContaining("AI_GATEWAY_API_KEY"),
    });
  });

  it("calls a timeout of the SDK a timeout", async () => {
    const model = failing(new DOMException("The operation timed out", "TimeoutError"));
    await expect(ask({ model })).rejects.toMatchObject({ code: "ai_timeout", retryable: true });
  });

  it.each([[false], [true]])("throws the signal's reason when the turn is given up (stream: %s)", async (stream) => {
    const controller = new AbortController();
    const asked = deferred<AbortSignal | undefined>();
    const hang = ({ abortSignal }: { abortSignal?: AbortSignal | undefined }) => {
      asked.resolve(abortSignal);
      return new Promise<never>((_, reject) => {
        abortSignal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      });
    };
    const model = new MockLanguageModelV4({ doGenerate: hang, doStream: hang });
    const reply = ask({ model, stream }, turnOf(["Hi"]), contextOf(controller.signal));
    expect(await asked.promise).toBeInstanceOf(AbortSignal);
    const reason = new Error("a newer text came");
    controller.abort(reason);
    await expect(reply).rejects.toBe(reason);
  });

  it("does not ask the model when the turn was given up before", async () => {
    const model = hello();
    const reason = new Error("stopped");
    await expect(ask({ model }, turnOf(["Hi"]), contextOf(AbortSignal.abort(reason)))).rejects.toBe(reason);
    expect(model.doGenerateCalls).toEqual([]);
  });
});

/** A model that can only stream: each word of its text comes alone. */
function streaming(...results: Result[]): MockLanguageModelV4 {
  return streamingChunks(() => {
    const { content, finishReason } = (results.length > 1 ? results.shift() : results[0]) ?? result([]);
    return [...content.flatMap(chunksOf), { type: "finish", finishReason, usage }];
  });
}

function chunksOf(part: Part, index: number): Chunk[] {
  if (part.type === "tool-call") return [part];
  if (part.type !== "text") return [];
  const id = String(index);
  const deltas = part.text.split(/(?<= )/).map((delta): Chunk => ({ type: "text-delta", id, delta }));
  return [{ type: "text-start", id }, ...deltas, { type: "text-end", id }];
}

function streamingChunks(next: () => Chunk[]): MockLanguageModelV4 {
  return new MockLanguageModelV4({
    doStream: async () => ({
      stream: simulateReadableStream({ chunks: next(), initialDelayInMs: null, chunkDelayInMs: null }),
    }),
  });
}

describe("aiSdk with stream", () => {
  it("collects the stream and replies whole", async () => {
    const model = streaming(result([text("Your table for two is booked.")]));
    expect(await ask({ model, stream: true })).toBe("Your table for two is booked.");
  });

  it("runs tools as well", async () => {
    const context = contextOf();
    const model = streaming(result([call("book", { people: 2 })], "tool-calls"), result([text("Booked for 2.")]));
    const reply = await ask({ model, stream: true, tools: { book: book(() => "ok") } }, turnOf(["Hi"]), context);
    expect(reply).toBe("Booked for 2.");
    expect(context.toolStarts).toBe(1);
  });

  it("fails with what broke the stream, not with half of it, and prints nothing", async () => {
    const print = vi.spyOn(console, "error").mockImplementation(() => {});
    const cause = new APICallError({
      message: "overloaded",
      url: "https://llm.example",
      requestBodyValues: {},
      statusCode: 529,
      isRetryable: true,
    });
    const model = streamingChunks(() => [
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: "Half a" },
      { type: "error", error: cause },
    ]);
    await expect(ask({ model, stream: true })).rejects.toMatchObject({ code: "ai_failed", retryable: true, cause });
    expect(print).not.toHaveBeenCalled();
  });

  it("asks for a shorter answer without tools, so that none acts again", async () => {
    const model = hello();
    const turn = { ...turnOf(["Hi"]), tooLong: { parts: 613, maxParts: 25, text: "Long." } };
    expect(await ask({ model, tools: { book: book(() => "booked") }, toolChoice: "required" }, turn)).toBe("Hello!");
    const [asked] = model.doGenerateCalls;
    expect(asked?.tools).toBeUndefined();
    expect(JSON.stringify(asked?.prompt)).toContain("613 SMS");
  });
});
