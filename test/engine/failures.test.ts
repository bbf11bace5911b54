import { describe, expect, it } from "vitest";
import { OwnlineError } from "../../src/index.ts";
import { breathe, deferred, rig } from "./rig.ts";

const FALLBACK = "Sorry, I cannot answer right now. Please try again in a little while.";

describe("an AI that fails", () => {
  it("is asked again with a growing wait, then one fallback text goes out, once", async () => {
    await using house = rig({ burst: { quietMs: 0 }, answer: { attempts: 3, backoffMs: 2000 } });
    house.script = () => Promise.reject(new Error("overloaded"));
    const text = await house.text("hello");
    await house.sms.processDue();
    expect(house.asked).toHaveLength(1);
    await house.clock.advance(1999);
    await house.sms.processDue();
    expect(house.asked).toHaveLength(1);
    await house.clock.advance(1);
    await house.sms.processDue();
    expect(house.asked).toHaveLength(2);
    await house.clock.advance(3999);
    await house.sms.processDue();
    expect(house.asked).toHaveLength(2);
    await house.clock.advance(1);
    await house.sms.processDue();
    await house.sms.settled();

    expect(house.asked).toHaveLength(3);
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
    expect(house.turns).toMatchObject([{ outcome: "fallback", run: 3 }]);
    expect(house.errors).toHaveLength(3);
    expect((await house.sms.explain(text.id))?.steps).toContain("the AI failed 2 time(s)");
  });

  it("may throw what cannot even be looked at", async () => {
    await using house = rig({ burst: { quietMs: 0 }, answer: { attempts: 1 } });
    const shy = Object.defineProperty(new Error("x"), "name", { value: Symbol("no word") });
    house.script = () => Promise.reject(shy);
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
  });

  it("says why above debug, without texts and numbers, and shows the fields of its error at debug alone", async () => {
    const lines = { debug: [] as string[], above: [] as string[] };
    const above = (line: string) => lines.above.push(line);
    const logger = { debug: (line: string) => lines.debug.push(line), info: above, warn: above, error: above };
    await using house = rig({ burst: { quietMs: 0 }, answer: { attempts: 1 }, logger });
    house.script = ({ messages, participant }) => {
      const [asked] = messages;
      throw Object.assign(new TypeError(`refused: "${asked?.body}" of ${participant}`), {
        statusCode: 418,
        requestBodyValues: { messages },
      });
    };
    await house.text("do you have a table tonight?");
    await house.sms.settled();
    const logged = lines.above.join("\n");
    expect(logged).toMatch(/ai_failed: .*\ncaused by TypeError: refused: .*\n\s+at /);
    expect(logged).not.toMatch(/tonight|12345678900|418|requestBodyValues/);
    const shown = lines.debug.find((line) => line.startsWith("caused by "));
    expect(shown).toContain("statusCode: 418");
    expect(shown).toMatch(/requestBodyValues: .*do you have a table tonight\?/);
  });

  it("is forgiven when a later attempt succeeds", async () => {
    await using house = rig({ burst: { quietMs: 0 } });
    house.script = (turn) => (turn.run === 1 ? Promise.reject(new Error("hiccup")) : "here I am");
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["here I am"]);
  });

  it("is not asked again about what cannot be repaired by asking", async () => {
    await using house = rig({ burst: { quietMs: 0 } });
    house.script = () => Promise.reject(new OwnlineError("ai_failed", "the key is wrong"));
    await house.text("hello");
    await house.sms.settled();
    expect(house.asked).toHaveLength(1);
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
  });

  it("runs out of time, even if it ignores the signal", async () => {
    await using house = rig({ burst: { quietMs: 0 }, answer: { timeoutMs: 30_000, attempts: 1 } });
    house.script = () => deferred<string>().promise;
    await house.text("hello");
    const sweep = house.sms.processDue();
    await breathe();
    await house.clock.advance(30_000);
    await sweep;
    expect(house.errors).toMatchObject([{ code: "ai_timeout" }]);
    expect(house.asked[0]?.context.signal.aborted).toBe(true);
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
  });

  it("has failed when it says nothing without saying so", async () => {
    for (const nothing of ["", "   ", undefined, null, 42, { kind: "text", text: "" }, { text: "no kind" }]) {
      await using house = rig({ burst: { quietMs: 0 }, answer: { attempts: 1 } });
      house.script = () => nothing as string;
      await house.text("hello");
      await house.sms.settled();
      expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK]);
      expect(house.errors).toMatchObject([{ code: "ai_failed" }]);
    }
  });

  it("does not hold up the next text after the fallback", async () => {
    await using house = rig({ burst: { quietMs: 0 }, answer: { attempts: 1 } });
    house.script = (turn) => (turn.messages[0]?.body === "poison" ? Promise.reject(new Error("boom")) : "fine");
    await house.text("poison");
    await house.sms.settled();
    await house.text("next");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual([FALLBACK, "fine"]);
  });

  it("keeps its backoff although new texts come, and answers them all", async () => {
    await using house = rig({ burst: { quietMs: 0 }, answer: { attempts: 3, backoffMs: 10_000 } });
    house.script = (turn) => (turn.run === 1 ? Promise.reject(new Error("overloaded")) : `re: ${turn.messages.length}`);
    await house.text("one");
    await house.sms.processDue();
    await house.text("two");
    await house.sms.processDue();
    expect(house.asked).toHaveLength(1);
    await house.clock.advance(10_000);
    await house.sms.processDue();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: 2"]);
  });
});

describe("listeners", () => {
  it("harm nothing when they throw or reject", async () => {
    await using house = rig({ burst: { quietMs: 0 } });
    house.sms.on("message", () => {
      throw new Error("listener");
    });
    house.sms.on("turn", async () => {
      throw new Error("async listener");
    });
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
    expect(house.log.filter((line) => line.includes("a listener of"))).not.toEqual([]);
  });
});
