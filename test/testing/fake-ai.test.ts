import { describe, expect, it } from "vitest";
import type { AiContext, AiTurn } from "../../src/ai/ai.ts";
import { type FakeAi, fakeAi } from "../../src/testing/fake-ai.ts";

const turn: AiTurn = {
  id: "t1",
  run: 1,
  conversationId: "c1",
  sender: "+15703251809",
  participant: "+12345678900",
  messages: [],
  history: [],
};

function contextOf(signal: AbortSignal = new AbortController().signal): AiContext {
  return { signal, toolStarted: () => {} };
}

const ask = (ai: FakeAi, context = contextOf()) => ai.reply(turn, context);

describe("fakeAi", () => {
  it("replies without a script by the number of the call, after what was pushed", async () => {
    const ai = fakeAi();
    expect(await ask(ai)).toBe("Reply 1");
    ai.push("Hello", { kind: "silence" });
    expect([await ask(ai), await ask(ai), await ask(ai)]).toEqual(["Hello", { kind: "silence" }, "Reply 4"]);
  });

  it("plays its script in order: replies, errors, functions", async () => {
    const boom = new Error("the model is down");
    const ai = fakeAi(["One", boom, (given, context) => `${given.id} ${context.signal.aborted}`]);
    expect(await ask(ai)).toBe("One");
    await expect(ask(ai)).rejects.toBe(boom);
    expect(await ask(ai)).toBe("t1 false");
    expect(ai.calls.map(({ outcome }) => outcome)).toEqual(["replied", "failed", "replied"]);
    expect(ai.aborted).toBe(0);
  });

  it("fails a call that the script does not know", async () => {
    const ai = fakeAi([]);
    await expect(ask(ai)).rejects.toMatchObject({ code: "ai_failed", retryable: false });
    ai.push("Hello");
    expect(await ask(ai)).toBe("Hello");
  });

  it("notes each call with its turn and its context", async () => {
    const ai = fakeAi();
    const context = contextOf();
    await ask(ai, context);
    expect(ai.calls).toEqual([{ turn, context, outcome: "replied" }]);
    expect(ai.calls[0]?.context).toBe(context);
  });

  it("hangs until it is aborted", async () => {
    const ai = fakeAi([{ kind: "hang" }]);
    const controller = new AbortController();
    const reply = ask(ai, contextOf(controller.signal));
    expect(ai.calls[0]?.outcome).toBe("running");
    const reason = new Error("time is up");
    controller.abort(reason);
    await expect(reply).rejects.toBe(reason);
    expect(ai.calls[0]?.outcome).toBe("aborted");
    expect(ai.aborted).toBe(1);
  });

  it("holds a call until it is released", async () => {
    const ai = fakeAi();
    const held = ai.hold("Booked.");
    const reply = ask(ai);
    const call = await held.reached;
    expect(call).toBe(ai.calls[0]);
    expect(call.outcome).toBe("running");
    held.release();
    expect(await reply).toBe("Booked.");
    expect(call.outcome).toBe("replied");
  });

  it("does not hold a call that was released before, and replies unscripted where it has no step", async () => {
    const ai = fakeAi();
    ai.hold().release();
    expect(await ask(ai)).toBe("Reply 1");
  });

  it("ends a held call when it is aborted", async () => {
    const ai = fakeAi();
    const held = ai.hold("Booked.");
    const controller = new AbortController();
    const reply = ask(ai, contextOf(controller.signal));
    await held.reached;
    const reason = new Error("a newer text came");
    controller.abort(reason);
    await expect(reply).rejects.toBe(reason);
    expect(ai.aborted).toBe(1);
  });

  it("can play a model that does not listen, and replies late", async () => {
    const ai = fakeAi();
    const held = ai.hold("Too late.", { onAbort: "ignore" });
    const controller = new AbortController();
    const reply = ask(ai, contextOf(controller.signal));
    await held.reached;
    controller.abort(new Error("a newer text came"));
    held.release();
    expect(await reply).toBe("Too late.");
    expect(ai.aborted).toBe(0);
  });

  it("takes a step for a call that was aborted before it began", async () => {
    const ai = fakeAi(["One", "Two"]);
    const reason = new Error("stopped");
    await expect(ask(ai, contextOf(AbortSignal.abort(reason)))).rejects.toBe(reason);
    expect(ai.aborted).toBe(1);
    expect(await ask(ai)).toBe("Two");
  });
});
