import { describe, expect, it, vi } from "vitest";
import type { HistoryEntry } from "../../src/ai/ai.ts";
import { loopGuard } from "../../src/policy/loop-guard.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { breathe, deferred, OTHER, OURS, PERSON, type RigOptions, refused, rig } from "./rig.ts";

const NOW = { burst: { quietMs: 0 } };
const FALLBACK = "Sorry, I cannot answer right now. Please try again in a little while.";

/** What a caller without a compiler hands over. */
const unchecked = (options: object): RigOptions => options;

const broken = (): never => {
  throw new Error("a mistake of the service");
};

describe("what the service itself has written, and wrongly", () => {
  it.each<[string, RigOptions]>([
    ["a policy that judges turns", { policies: [{ name: "bad", turn: broken }] }],
    ["history.select", { history: { select: broken } }],
  ])("ends a turn with the fallback, once, when it throws: %s", async (_, options) => {
    await using house = rig({ ...NOW, ...options });
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
    expect(house.errors).toHaveLength(3);
    expect(house.errors[0]).toMatchObject({ code: "invalid_options" });
  });

  it("has no more time for selecting history than the AI for its answer", async () => {
    await using house = rig({
      ...NOW,
      answer: { attempts: 1, timeoutMs: 30_000 },
      history: { select: () => deferred<never>().promise },
    });
    await house.text("hello");
    const sweep = house.sms.processDue();
    await breathe();
    await house.clock.advance(30_000);
    await sweep;
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
  });

  it("calls history.select and sending.rateLimit on the objects that hold them", async () => {
    class History {
      readonly #mark = "so far: ";
      select(history: readonly HistoryEntry[]) {
        return history.map((entry) => ({ ...entry, text: this.#mark + entry.text }));
      }
    }
    class Sending {
      readonly #rate = 5;
      rateLimit() {
        return this.#rate;
      }
    }
    await using house = rig({ ...NOW, history: new History(), sending: new Sending() });
    await house.text("hello");
    await house.sms.settled();
    expect(house.asked[0]?.turn.history.map(({ text }) => text)).toEqual(["so far: hello"]);
    expect(house.errors).toEqual([]);
  });

  it("does not have the AI begin what was given up before", async () => {
    const held = deferred();
    let calls = 0;
    await using house = rig({
      ...NOW,
      history: {
        async select(history) {
          calls += 1;
          if (calls === 1) await held.promise;
          return history;
        },
      },
    });
    await house.text("one");
    const sweep = house.sms.processDue();
    for (let round = 0; round < 10; round += 1) await breathe();
    await house.text("two");
    held.resolve();
    await sweep;
    await house.sms.settled();
    expect(house.asked.map(({ turn }) => turn.messages.length)).toEqual([2]);
  });

  it("keeps a message from leaving unjudged, holds up no other, and lets it expire at last", async () => {
    const policy: Policy = {
      name: "bad",
      send: ({ message }) => (message?.body === "bad" ? broken() : null),
    };
    await using house = rig({ policies: [policy], sending: { expiryMs: 90_000 } });
    for (let index = 0; index < 100; index += 1) {
      await house.sms.send({ key: `${index}`, to: `+1234567${1000 + index}`, body: "bad" });
    }
    await house.clock.advance(1);
    await house.sms.send({ key: "good", to: OTHER, body: "good" });
    await house.sms.processDue();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["good"]);
    await house.sms.settled();
    expect(house.statuses.filter(({ status }) => status === "cancelled")).toHaveLength(100);
    expect(house.provider.sent).toHaveLength(1);
  });

  it.each<[string, object]>([
    ["a promise", { turn: async () => null }],
    ["a promise that rejects", { turn: async () => broken() }],
    ["false", { turn: () => false }],
    ["an object that says nothing", { turn: () => ({}) }],
    ["a list", { turn: () => [{ silence: true, reason: "said in a list" }] }],
    ["a list of nothing", { turn: () => [] }],
  ])("does not silence a person by a policy that judges turns and returns %s", async (_, judge) => {
    await using house = rig(unchecked({ ...NOW, answer: { attempts: 1 }, policies: [{ name: "bad", ...judge }] }));
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
    expect(house.errors).toMatchObject([
      { code: "invalid_options", message: expect.stringContaining('"bad" returned no verdict') },
    ]);
  });

  it.each<[string, unknown]>([
    ["a promise", async () => ({ cancel: "not at night" })],
    ["a delay that is not a number", () => ({ delayMs: Number.NaN })],
    ["a list", () => [{ cancel: "not at night" }]],
    ["false", () => false],
  ])("lets nothing leave unjudged when a policy that judges messages returns %s", async (_, send) => {
    await using house = rig(unchecked({ policies: [{ name: "bad", send }], sending: { expiryMs: 90_000 } }));
    await house.sms.send({ key: "k", to: OTHER, body: "x" });
    await house.sms.settled();
    expect(house.provider.sent).toEqual([]);
    expect(house.errors[0]).toMatchObject({ code: "invalid_options" });
  });

  it.each<[string, unknown]>([
    ["a promise", async () => null],
    ["false", () => false],
    ["an error", broken],
  ])("acknowledges no text that a policy judges by %s", async (_, inbound) => {
    await using house = rig(unchecked({ ...NOW, policies: [{ name: "bad", inbound }] }));
    await expect(house.text("hello")).rejects.toThrow("500");
    await expect(house.type("hello")).rejects.toMatchObject({ code: "invalid_options" });
    expect(house.messages).toEqual([]);
  });

  it.each<[string, unknown]>([
    ["throws", broken],
    ["returns a promise", async () => "hi"],
    ["returns a promise that rejects", async () => broken()],
    ["returns a number", () => 5],
    ["returns an empty text", () => ""],
    ["returns a blank text", () => "  "],
  ])("costs an auto-reply its words and not the person's text: it %s", async (_, autoReply) => {
    await using house = rig(unchecked({ ...NOW, autoReply }));
    await house.text("hello");
    await house.sms.settled();
    expect(house.messages.map(({ origin }) => origin)).toEqual(["webhook", "ai"]);
    expect(house.errors[0]).toMatchObject({ code: "invalid_options" });
  });

  it("cannot break the report by throwing what is not a string and cannot be made one", async () => {
    await using house = rig({ ...NOW, answer: { attempts: 1 } });
    house.script = () => Promise.reject(Object.create(null));
    house.sms.on("message", () => {
      throw Object.create(null);
    });
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
  });

  it("shows no person's number above debug, even where it names an error by it", async () => {
    await using house = rig({ ...NOW, answer: { attempts: 1 } });
    house.script = () => Promise.reject(Object.assign(new Error("x"), { name: PERSON }));
    await house.text("hello");
    await house.sms.settled();
    expect(house.log.join("\n")).not.toContain(PERSON);
  });

  it("is a fallback text of nothing but spaces, or an auto-reply", () => {
    expect(() => rig({ answer: { fallbackText: "   " } })).toThrow("options.answer.fallbackText");
    expect(() => rig({ autoReply: "\n" })).toThrow("options.autoReply");
  });
});

describe("a listener that changes what it gets", () => {
  it("changes neither the ledger nor what is sent", async () => {
    await using house = rig(NOW);
    house.script = () => "what the AI said";
    house.sms.on("message", (message) => void Object.assign(message, { body: "changed" }));
    const { conversationId } = await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["what the AI said"]);
    const kept = await house.sms.messages({ conversationId });
    expect(kept.map(({ body }) => body)).toEqual(["hello", "what the AI said"]);
  });
});

describe("a listener that is no longer wanted", () => {
  it("is ended by what on() returned, once for each registration", async () => {
    await using house = rig(NOW);
    const heard: string[] = [];
    const listen = ({ body }: { readonly body: string }): void => void heard.push(body);
    const stops = [house.sms.on("message", listen), house.sms.on("message", listen)];
    const sayHello = async () => {
      heard.length = 0;
      await house.sms.simulate({ id: crypto.randomUUID(), from: PERSON, body: "hello" });
      return heard.length;
    };
    expect(await sayHello()).toBe(2);
    stops[0]?.();
    stops[0]?.();
    expect(await sayHello()).toBe(1);
    stops[1]?.();
    expect(await sayHello()).toBe(0);
  });

  it("is ended by off() as well, in all its registrations", async () => {
    await using house = rig(NOW);
    let heard = 0;
    const listen = (): void => {
      heard += 1;
    };
    house.sms.on("message", listen);
    const stop = house.sms.on("message", listen);
    house.sms.off("message", listen);
    await house.text("hello");
    stop();
    expect(heard).toBe(0);
  });
});

describe("a logger that fails", () => {
  const throws = broken;
  const rejects = async (): Promise<never> => broken();

  it.each([
    ["throws", throws],
    ["rejects", rejects],
  ])("costs its lines alone, and those that matter stand on the console, when it %s", async (_, log) => {
    const onConsole = [vi.spyOn(console, "warn"), vi.spyOn(console, "error")];
    for (const spied of onConsole) spied.mockImplementation(() => {});
    try {
      const logger = { debug: log, info: log, warn: log, error: log };
      let calls = 0;
      const ai = () => (calls++ === 0 ? broken() : "here");
      await using house = rig({ ...NOW, logger, ai });
      house.sms.on("message", broken);
      await house.text("hello");
      await house.sms.settled();
      expect(house.provider.sent.map(({ body }) => body)).toEqual(["here"]);
      const lines = onConsole.flatMap(({ mock }) => mock.calls.map(String));
      expect(lines).toContainEqual(expect.stringContaining("ai_failed"));
    } finally {
      for (const spied of onConsole) spied.mockRestore();
    }
  });
});

describe("a function that finds senders", () => {
  it("may say null where a number is not ours, as databases do", async () => {
    const senders = async (address: string) => (address === OURS ? { address } : null);
    await using house = rig(unchecked({ ...NOW, senders }));
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent.map(({ from }) => from)).toEqual([OURS]);
  });

  it.each<[string, unknown]>([
    ["another number", { address: OURS }],
    ["nothing useful", {}],
    ["a word", "yes"],
  ])("never makes a person a sender by answering with %s", async (_, found) => {
    const senders = async (address: string) => (address === OTHER ? undefined : found);
    await using house = rig(unchecked({ ...NOW, senders }));
    const sending = house.sms.send({ key: "k", from: PERSON as typeof OURS, to: OTHER, body: "spoofed" });
    await expect(sending).rejects.toMatchObject({ code: "invalid_options" });
    await house.sms.settled();
    expect(house.provider.sent).toEqual([]);
  });

  it("knows a Messaging Service by a number of its", async () => {
    const service = `MG${"1".repeat(32)}`;
    const senders = async (address: string) =>
      address === OURS || address === service ? { address: OURS, service } : undefined;
    await using house = rig(unchecked({ ...NOW, senders }));
    await house.sms.send({ key: "k", from: service as typeof OURS, to: OTHER, body: "x" });
    await house.sms.settled();
    expect(house.provider.sent).toMatchObject([{ line: service, from: service }]);
  });

  it("keeps messages waiting while it fails, and says so under its own name", async () => {
    let down = false;
    const senders = async (address: string) => {
      if (down) throw new Error("no database");
      return address === OURS ? { address } : undefined;
    };
    await using house = rig({ ...NOW, senders: senders as never });
    await house.sms.send({ key: "k", from: OURS, to: OTHER, body: "x" });
    down = true;
    await house.sms.processDue();
    expect(house.provider.sent).toEqual([]);
    expect(house.errors).toMatchObject([{ code: "invalid_options" }]);
    down = false;
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
  });
});

describe("the loop guard", () => {
  it("does not count what the provider refused to take", async () => {
    await using house = rig({ ...NOW, policies: [loopGuard({ limits: [{ max: 2, windowMs: 120_000 }] })] });
    for (let times = 0; times < 3; times += 1) house.provider.answers.push(refused("retry-now", 20429));
    await house.text("hello");
    await house.sms.settled();
    expect(house.statuses.at(-1)).toMatchObject({ status: "accepted", attempts: 4 });
  });

  it("asks the AI no more than the limit allows, reports the full window once, and answers after it", async () => {
    await using house = rig({ ...NOW, policies: [loopGuard({ limits: [{ max: 3, windowMs: 3_600_000 }] })] });
    for (let index = 0; index < 6; index += 1) {
      await house.text(`question number ${index} about ${"abcdef".charAt(index).repeat(9)}`);
      await house.sms.processDue();
      await house.clock.advance(28_000);
    }
    expect(house.asked).toHaveLength(3);
    expect(house.provider.sent).toHaveLength(3);
    const limits = house.notices.filter(({ kind }) => kind === "silenced");
    expect(limits.map(({ detail }) => detail)).toEqual([
      expect.stringContaining("3 answers to one person within 3600 s"),
    ]);
    await house.clock.advance(3_600_000);
    await house.text("hello again");
    await house.sms.processDue();
    expect(house.asked).toHaveLength(4);
  });

  it("sends an answer of many parts whole, and counts it once", async () => {
    const policies = [loopGuard({ limits: [{ max: 2, windowMs: 3_600_000 }] })];
    await using house = rig({ ...NOW, policies, sending: { maxSegments: 1, rateLimit: false } });
    house.script = () => "This sentence stands in a long answer to one question. ".repeat(30);
    await house.text("say it all");
    await house.sms.settled();
    const parts = house.provider.sent.length;
    expect(parts).toBeGreaterThan(8);
    await house.text("and once more please");
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(parts * 2);
  });

  it("sees a loop although the AI is shown few messages", async () => {
    await using house = rig({ ...NOW, history: { maxMessages: 2 } });
    house.script = () => "Sorry, I did not understand that. Please choose one of the options of our menu.";
    for (let round = 0; round < 8; round += 1) {
      await house.text("Sorry, I did not understand that. Please choose one of the options of the menu.");
      await house.sms.processDue();
      await house.clock.advance(30_000);
    }
    expect(house.notices.map(({ kind }) => kind)).toContain("silenced");
    expect(house.asked.map(({ turn }) => turn.history.length)).toEqual([1, 2, 2]);
  });
});

describe("a provider that asks to be left alone for a year", () => {
  it("is asked no more once the message has expired, and holds up nothing for longer", async () => {
    await using house = rig({ sending: { expiryMs: 60_000 } });
    house.provider.answers.push(refused("retry-later", 20429, 31_536_000_000));
    await house.sms.send({ key: "1", to: OTHER, body: "one" });
    await house.sms.processDue();
    await house.clock.advance(60_000);
    await house.sms.send({ key: "2", to: OTHER, body: "two" });
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["one", "two"]);
    expect(house.notices).toMatchObject([{ kind: "cancelled" }]);
  });
});
