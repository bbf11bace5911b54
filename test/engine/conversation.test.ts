import { describe, expect, it } from "vitest";
import { isOwnlineError } from "../../src/index.ts";
import { OTHER, OURS, PERSON, rig } from "./rig.ts";

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isOwnlineError(error)) return error.code;
    throw error;
  }
  return "nothing was thrown";
}

describe("a conversation", () => {
  it("answers what a person typed in the app with one SMS from the owned number", async () => {
    await using house = rig();
    const typed = await house.sms.simulate({ id: "click-1", from: PERSON, body: "Hello!" });
    expect(house.provider.sent).toEqual([]);
    await house.sms.settled();

    expect(house.provider.sent).toMatchObject([{ from: OURS, to: PERSON, body: "re: Hello!" }]);
    expect(await house.history(typed)).toMatchObject([
      { direction: "inbound", origin: "simulated", from: PERSON, to: OURS, providerMessageId: null, seq: 1 },
      {
        direction: "outbound",
        origin: "ai",
        from: OURS,
        to: PERSON,
        status: "accepted",
        providerMessageIds: ["SM1"],
        seq: 2,
      },
    ]);
  });

  it("answers what a person texted, in the same conversation", async () => {
    await using house = rig();
    const typed = await house.type("Hello!");
    await house.sms.settled();
    const texted = await house.text("And on Friday?");
    await house.sms.settled();

    expect(texted.conversationId).toBe(typed.conversationId);
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: Hello!", "re: And on Friday?"]);
    expect(house.asked[1]?.turn.history.map(({ role, text }) => [role, text])).toEqual([
      ["user", "Hello!"],
      ["assistant", "re: Hello!"],
      ["user", "And on Friday?"],
    ]);
  });

  it("stores and answers a webhook once, however often it comes", async () => {
    await using house = rig();
    await house.text("once", { sid: "SMsame" });
    await house.sms.settled();
    await expect(house.text("once", { sid: "SMsame" })).rejects.toThrow("the text was not stored");
    await house.sms.settled();
    expect(house.asked).toHaveLength(1);
    expect(house.provider.sent).toHaveLength(1);
  });

  it("returns the first message when a simulated text or a send is repeated", async () => {
    await using house = rig();
    const first = await house.sms.simulate({ id: "same", from: PERSON, body: "Hello!" });
    const again = await house.sms.simulate({ id: "same", from: PERSON, body: "Hello!" });
    expect(again).toEqual(first);
    await house.sms.settled();
    const sent = await house.sms.send({ key: "order-1", to: OTHER, body: "Ready." });
    const repeated = await house.sms.send({ key: "order-1", to: OTHER, body: "Ready." });
    expect(repeated).toEqual(sent);
    expect(await house.sms.message(sent.id)).toEqual(sent);
    expect(await house.sms.message("absent")).toBeNull();
    await house.sms.settled();
    expect(house.provider.sent.map(({ to }) => to)).toEqual([PERSON, OTHER]);
  });

  it("splits a long reply into parts that leave in order, and loses nothing", async () => {
    await using house = rig();
    const sentence = "This is a sentence that is there to be long. ";
    house.script = () => sentence.repeat(100);
    await house.type("Say everything");
    await house.sms.settled();

    const bodies = house.provider.sent.map(({ body }) => body);
    expect(bodies.length).toBeGreaterThan(2);
    expect(Math.max(...bodies.map((body) => body.length))).toBeLessThanOrEqual(1600);
    expect(bodies.join(" ")).toBe(sentence.repeat(100).trim());
    expect(house.provider.sent.map(({ outboundId }) => outboundId.split("-")[1])).toEqual(
      bodies.map((_, index) => String(index + 1)),
    );
  });

  it("turns Markdown and typography into what a phone shows", async () => {
    await using house = rig();
    house.script = () => "**Yes** — see [the menu](https://example.com/a_b_c), it’s `open`.";
    await house.type("Open?");
    await house.sms.settled();
    const body = house.provider.sent[0]?.body ?? "";
    expect(body).not.toMatch(/[*`—’]/);
    expect(body).toContain("https://example.com/a_b_c");
  });

  it("keeps silent where the AI says so, and hands over where it says so", async () => {
    await using house = rig();
    house.script = () => ({ kind: "silence" });
    await house.type("👍");
    await house.sms.settled();
    expect(house.provider.sent).toEqual([]);
    expect(house.turns).toMatchObject([{ outcome: "silent" }]);

    house.script = () => ({ kind: "hand-off", text: "A colleague will write to you.", reason: "asked for a human" });
    const typed = await house.type("I want a human");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["A colleague will write to you."]);
    expect(await house.sms.conversation(typed.conversationId)).toMatchObject({ paused: true });
  });

  it("takes a picture without words for a text", async () => {
    await using house = rig();
    house.script = (turn) => `got ${turn.messages[0]?.media.length} picture`;
    await house.sms.simulate({
      id: "pic",
      from: PERSON,
      body: "",
      media: [{ url: "https://example.com/a.jpg", contentType: "image/jpeg" }],
    });
    await house.sms.settled();
    expect(house.provider.sent[0]?.body).toBe("got 1 picture");
  });
});

describe("the rule of the owned number", () => {
  it("refuses every way by which a person's number could become a sender, before any request", async () => {
    await using house = rig();
    const { sms } = house;
    const unlisted: string = PERSON;
    // @ts-expect-error an unlisted number does not compile as a sender
    expect(await codeOf(sms.send({ key: "k", to: OTHER, from: "+12345678900", body: "hi" }))).toBe("unknown_sender");
    // @ts-expect-error nor does a string that may be anything
    expect(await codeOf(sms.send({ key: "k", to: OTHER, from: unlisted, body: "hi" }))).toBe("unknown_sender");
    // @ts-expect-error nor as the number that was texted
    expect(await codeOf(sms.simulate({ id: "i", from: OTHER, to: unlisted, body: "hi" }))).toBe("unknown_sender");
    expect(await codeOf(sms.send({ key: "k", to: OURS, body: "hi" }))).toBe("sender_as_participant");
    expect(await codeOf(sms.simulate({ id: "i", from: OURS, body: "hi" }))).toBe("sender_as_participant");
    await sms.settled();
    expect(house.provider.sent).toEqual([]);
    expect(await sms.conversations()).toEqual({ conversations: [], cursor: null });
  });

  it("explains the rule with the provider's codes and the way that works", async () => {
    await using house = rig();
    // @ts-expect-error an unlisted number does not compile as a sender
    const sending = house.sms.send({ key: "k", to: OTHER, from: "+12345678900", body: "hi" });
    const error: unknown = await sending.catch((caught: unknown) => caught);
    const message = error instanceof Error ? error.message : "";
    for (const word of ["21212", "21606", "21659", "21660", "21661", "21601", "simulate("])
      expect(message).toContain(word);
    expect(message).not.toContain(PERSON);
  });

  it("refuses bad input with a sentence that says what to give", async () => {
    await using house = rig();
    const { sms } = house;
    expect(await codeOf(sms.send({ key: "k", to: "570 325 1809", body: "hi" }))).toBe("invalid_address");
    expect(await codeOf(sms.send({ key: "k", to: "384387", body: "hi" }))).toBe("invalid_address");
    expect(await codeOf(sms.send({ key: "", to: OTHER, body: "hi" }))).toBe("invalid_message");
    expect(await codeOf(sms.send({ key: "k", to: OTHER, body: " " }))).toBe("invalid_message");
    expect(await codeOf(sms.simulate({ id: "i", from: OTHER, body: "" }))).toBe("invalid_message");
    expect(
      await codeOf(
        sms.send({
          key: "k",
          to: OTHER,
          body: "x",
          media: Array.from({ length: 11 }, () => ({ url: "u", contentType: "" })),
        }),
      ),
    ).toBe("invalid_message");
    expect(await codeOf(sms.pause("absent"))).toBe("not_found");
    expect(await codeOf(sms.messages({ conversationId: "c", after: 1, before: 2 }))).toBe("invalid_options");
  });

  it("brings a number that was written for people into the provider's form", async () => {
    await using house = rig();
    await house.sms.send({ key: "k", to: "+1 (234) 567-8900", body: "hi" });
    await house.sms.settled();
    expect(house.provider.sent[0]?.to).toBe(PERSON);
  });

  it("stores a text that came to a number that is not configured, says so, and does not answer it", async () => {
    await using house = rig();
    await house.text("hello?", { to: "+15550009999" });
    await house.sms.settled();
    expect(house.asked).toEqual([]);
    expect(house.notices).toMatchObject([{ kind: "not-answered" }]);
  });
});
