import { describe, expect, it } from "vitest";
import { isOwnlineError } from "../../src/index.ts";
import { OTHER, PERSON, rig } from "./rig.ts";

const NOW = { burst: { quietMs: 0 } };

const picture = { url: "https://example.com/a.jpg", contentType: "image/jpeg" };

describe("callers without a compiler", () => {
  it.each<[string, readonly unknown[]]>([
    ["simulate", []],
    ["simulate", [null]],
    ["simulate", [{ id: "1", from: 12345678900, body: "x" }]],
    ["simulate", [{ id: "1", from: PERSON, body: 5 }]],
    ["simulate", [{ id: "1", from: PERSON, body: "x", media: {} }]],
    ["simulate", [{ id: "1", from: PERSON, body: "x", media: [5] }]],
    ["send", []],
    ["send", [{ key: "1", to: PERSON, body: "x", origin: "ai" }]],
    ["send", [{ key: "1", to: PERSON, body: "x", media: picture.url }]],
    ["send", [{ key: "1", to: PERSON, body: "x", media: [null] }]],
    ["send", [{ key: "1", to: PERSON, body: "x", media: [{ ...picture, url: "a.jpg" }] }]],
    ["messages", []],
    ["messages", [{}]],
    ["messages", [{ conversationId: 5 }]],
    ["conversation", []],
    ["conversations", [{ after: 5 }]],
    ["explain", [{}]],
    ["pause", []],
    ["resume", []],
    ["erase", []],
    ["erase", [{ participant: PERSON, line: 5 }]],
    ["purge", []],
    ["purge", [{}]],
    ["purge", [{ olderThanMs: Number.NaN }]],
    ["purge", [{ olderThanMs: -1 }]],
    ["events", []],
    ["events", [{}]],
    ["events", [{ conversationId: "c", after: Number.NaN }]],
  ])("are told what %s takes, and nothing is stored: %j", async (name, args) => {
    await using house = rig(NOW);
    const text = await house.text("hello");
    await house.sms.settled();
    const method: unknown = Reflect.get(house.sms, name);
    if (typeof method !== "function") throw new Error("there is no such method");
    const told = async () => {
      const result: unknown = await Reflect.apply(method, house.sms, args);
      return name === "events" ? (result as AsyncGenerator).next() : result;
    };
    const error: unknown = await told().then(
      () => "nothing",
      (thrown: unknown) => thrown,
    );
    expect(isOwnlineError(error) && error.party).toBe("caller");
    expect(await house.history(text)).toHaveLength(2);
  });

  it.each<readonly unknown[]>([["messages", () => {}], ["__proto__", () => {}], ["message"], []])(
    "are told which events there are: on(%j)",
    async (...args) => {
      await using house = rig(NOW);
      expect(() => Reflect.apply(house.sms.on, house.sms, args)).toThrow("message, status, turn, consent");
    },
  );

  it("may use any string as an id, a message with media and no words, and a line as they write it", async () => {
    await using house = rig(NOW);
    await house.sms.simulate({ id: "__proto__", from: PERSON, body: "constructor" });
    await house.sms.send({ key: "constructor", to: OTHER, body: "", media: [picture] });
    await house.sms.settled();
    expect(house.carrier.sent.map(({ media }) => media.length).toSorted()).toEqual([0, 1]);
    const erased = await house.sms.erase({ participant: PERSON, line: "+1 (570) 325-1809" });
    expect(erased).toMatchObject({ conversations: 1 });
  });
});

describe("a runtime whose waitUntil throws", () => {
  it("does not make a text that is stored look as if it were not", async () => {
    await using house = rig(NOW);
    const waitUntil = () => {
      throw new Error("the request is over");
    };
    const stored = await house.sms.simulate({ id: "1", from: PERSON, body: "hello" }, { waitUntil });
    await house.sms.settled();
    expect(stored).toMatchObject({ body: "hello" });
    expect(house.errors).toMatchObject([{ code: "invalid_options" }]);
  });
});

describe("an id that was used for another person", () => {
  it("is refused, and shows nobody that person's text", async () => {
    await using house = rig(NOW);
    await house.sms.simulate({ id: "1", from: PERSON, body: "a secret" });
    await house.sms.send({ key: "1", to: PERSON, body: "a secret" });
    const simulated = house.sms.simulate({ id: "1", from: OTHER, body: "hello" });
    await expect(simulated).rejects.toMatchObject({ code: "invalid_message" });
    const sent = house.sms.send({ key: "1", to: OTHER, body: "hello" });
    await expect(sent).rejects.toMatchObject({ code: "invalid_message" });
  });
});
