import { describe, expect, it } from "vitest";
import { isOwnlineError } from "../../src/index.ts";
import { OTHER, OURS, PERSON, rig } from "./rig.ts";

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
    ["conversation", [`c${"0".repeat(300)}`]],
    ["conversation", ["c\u0000"]],
    ["conversations", [null]],
    ["conversations", [{ limit: 10, order: "asc" }]],
    ["conversations", [{ after: "1.\ud83d" }]],
    ["messages", [{ conversationId: "c", limit: 0 }]],
    ["messages", [{ conversationId: "c", after: 1, before: 2 }]],
    ["changes", [{ conversationId: "c", before: 1 }]],
    ["resume", ["c", null]],
    ["resume", ["c", { answerUnanswered: "yes" }]],
    ["resume", ["c", { answerUnanswereds: true }]],
    ["stop", [null]],
    ["stop", [{ timeoutMs: -1 }]],
    ["stop", [{ timeout: 5 }]],
    ["resolve", ["m", "keep"]],
    ["requeue", [7]],
    ["erase", [{ participant: PERSON, everywhere: true }]],
    ["events", [{ conversationId: "c", signal: true }]],
    ["simulate", [{ id: "1", from: PERSON, body: "x", mediaUrl: "https://example.com" }]],
    ["simulate", [{ id: "1\n", from: PERSON, body: "x" }]],
    ["simulate", [{ id: "1", from: PERSON, body: "x" }, 5]],
    ["send", [{ key: "\ud83d", to: PERSON, body: "x" }]],
    ["send", [{ key: "1", to: "messenger:1\u00002", body: "x" }]],
    ["send", [{ key: "1", to: PERSON, text: "x", body: "x" }]],
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
  ])("learn what %s takes, and nothing is stored: %j", async (name, args) => {
    await using house = rig(NOW);
    const text = await house.text("hello");
    await house.sms.settled();
    const method: unknown = Reflect.get(house.sms, name);
    if (typeof method !== "function") throw new Error("there is no such method");
    const shown = async () => {
      const result: unknown = await Reflect.apply(method, house.sms, args);
      return name === "events" ? (result as AsyncGenerator).next() : result;
    };
    const error: unknown = await shown().then(
      () => "nothing",
      (thrown: unknown) => thrown,
    );
    expect(isOwnlineError(error) && error.party).toBe("caller");
    expect(await house.history(text)).toHaveLength(2);
  });

  it("learn all mistakes at once, with the code of the first, and none of what they wrote", async () => {
    await using house = rig(NOW);
    const input: unknown = { key: "", to: "87654321", body: 5, bodi: "a secret", media: [{ url: "a.jpg" }] };
    const error: unknown = await Promise.resolve(Reflect.apply(house.sms.send, house.sms, [input])).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: "invalid_message" });
    const lines = String(Reflect.get(Object(error), "message")).split("\n- ");
    expect(lines[0]).toBe("send() refuses its input:");
    expect(lines.slice(1).map((line) => line.split(/:? /u, 1)[0])).toEqual([
      "key",
      "to",
      "body",
      "media[0].url",
      "media[0].contentType",
      "bodi",
    ]);
    expect(lines.join()).not.toMatch(/87654321|secret|a\.jpg/);
  });

  it.each<readonly unknown[]>([["messages", () => {}], ["__proto__", () => {}], ["message"], []])(
    "learn which events there are: on(%j)",
    async (...args) => {
      await using house = rig(NOW);
      expect(() => Reflect.apply(house.sms.on, house.sms, args)).toThrow("message, status, turn, consent");
      expect(() => Reflect.apply(house.sms.off, house.sms, args)).toThrow("message, status, turn, consent");
    },
  );

  it("may use any string as an id, a message with media and no words, and a line as they write it", async () => {
    await using house = rig(NOW);
    await house.sms.simulate({ id: "__proto__", from: PERSON, body: "constructor" });
    await house.sms.send({ key: "constructor", to: OTHER, body: "", media: [picture] });
    await house.sms.settled();
    expect(house.provider.sent.map(({ media }) => media.length).toSorted()).toEqual([0, 1]);
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
  it("is refused, and does not show that person's text", async () => {
    await using house = rig(NOW);
    await house.sms.simulate({ id: "1", from: PERSON, body: "a secret" });
    const simulated = house.sms.simulate({ id: "1", from: OTHER, body: "hello" });
    await expect(simulated).rejects.toMatchObject({ code: "invalid_message" });
  });
});

describe("a key that comes again", () => {
  const first = { key: "reminder", to: PERSON, body: "Your visit is tomorrow at 9." } as const;

  it("gets the first message for the same content, however it is written", async () => {
    await using house = rig(NOW);
    const media = [{ url: "https://example.com/map.png?signature=1", contentType: "image/png" }];
    const body = "Caf\u00e9 at 9.\nSee you!";
    const sent = await house.sms.send({ ...first, body, media });
    const again = {
      key: "reminder",
      to: "+1 (234) 567-8900",
      from: OURS,
      body: "Cafe\u0301 at 9. \r\nSee you!",
      media: [{ url: "https://example.com/map.png?signature=2", contentType: "image/png" }],
      origin: "operator",
    } as const;
    expect((await house.sms.send(again)).id).toBe(sent.id);
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
  });

  it.each([
    ["another text", { body: "Your visit was moved to Friday at 14." }],
    ["another person", { to: OTHER }],
    ["a picture more", { media: [{ url: "https://example.com/map.png", contentType: "image/png" }] }],
  ])("is refused with %s, and names the first message", async (_what, change) => {
    await using house = rig(NOW);
    const { id } = await house.sms.send(first);
    const refused = { code: "key_reused", party: "caller", retryable: false, messageId: id };
    await expect(house.sms.send({ ...first, ...change })).rejects.toMatchObject(refused);
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual([first.body]);
  });

  it("stays used after an erasure, and shows nothing of the content", async () => {
    await using house = rig(NOW);
    await house.sms.send(first);
    await house.sms.erase({ participant: PERSON });
    await expect(house.sms.send(first)).rejects.toMatchObject({ code: "erased" });
    await expect(house.sms.send({ ...first, body: "Another text." })).rejects.toMatchObject({ code: "erased" });
  });
});
