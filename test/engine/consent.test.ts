import { describe, expect, it } from "vitest";
import { isOwnlineError } from "../../src/index.ts";
import type { ConsentEvent } from "../../src/model/events.ts";
import { loopGuard } from "../../src/policy/loop-guard.ts";
import { optOut } from "../../src/policy/opt-out.ts";
import type { InboundSnapshot, InboundVerdict } from "../../src/policy/policy.ts";
import { breathe, deferred, lost, OTHER, OURS, PERSON, refused, rig } from "./rig.ts";

const NOW = { burst: { quietMs: 0 } };

describe("a person who texts STOP", () => {
  it("is not answered, and the AI never sees it", async () => {
    await using house = rig(NOW);
    await house.text("hello");
    await house.sms.settled();
    await house.text("STOP");
    await house.text("hello again");
    await house.sms.settled();
    expect(house.asked).toHaveLength(1);
    expect(house.provider.sent).toHaveLength(1);
    expect(house.notices.filter(({ kind }) => kind === "not-answered")).toHaveLength(2);
  });

  it("stops a reply that waits to be sent, in the commit that stores the text", async () => {
    await using house = rig(NOW);
    house.provider.answers.push(refused("retry-later", 21611));
    await house.text("hello");
    await house.sms.processDue();
    await house.text("stop");
    expect(house.statuses.at(-1)).toMatchObject({ status: "cancelled" });
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
  });

  it("stops an answer that the AI is still working on", async () => {
    await using house = rig(NOW);
    const thinking = deferred<string>();
    house.script = () => thinking.promise;
    await house.text("hello");
    const sweep = house.sms.processDue();
    await breathe();
    await house.text("Stop.");
    expect(house.asked[0]?.context.signal.aborted).toBe(true);
    thinking.resolve("too late");
    await sweep;
    await house.sms.settled();
    expect(house.provider.sent).toEqual([]);
  });

  it("gets nothing from send() either, with an error that says who can undo it", async () => {
    await using house = rig(NOW);
    await house.text("STOP");
    const error: unknown = await house.sms
      .send({ key: "k", to: PERSON, body: "Your order" })
      .catch((caught: unknown) => caught);
    expect(isOwnlineError(error) && error.code).toBe("opted_out");
    expect(error instanceof Error && error.message).toContain("START");
    await house.sms.settled();
    expect(house.provider.sent).toEqual([]);
  });

  it("comes back with START, and the AI sees what was said before STOP and after", async () => {
    await using house = rig(NOW);
    await house.text("my name is Ada");
    await house.sms.settled();
    await house.text("STOP");
    await house.text("are you there?");
    await house.text("START");
    await house.text("what is my name?");
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(2);
    expect(house.asked[1]?.turn.history.map(({ text }) => text)).toEqual([
      "my name is Ada",
      "re: my name is Ada",
      "what is my name?",
    ]);
  });

  it("is believed when the provider says so first", async () => {
    await using house = rig({ ...NOW, autoReply: "Got it, one moment." });
    await house.text("arret", { optOut: "STOP" });
    expect(house.messages).toHaveLength(1);
    await expect(house.sms.send({ key: "k", to: PERSON, body: "hi" })).rejects.toMatchObject({ code: "opted_out" });
  });

  it("is noticed when the provider refuses a message for it", async () => {
    await using house = rig(NOW);
    house.provider.answers.push(refused("opted-out", 21610));
    const one = await house.sms.send({ key: "1", to: OTHER, body: "one" });
    await house.sms.send({ key: "2", to: OTHER, body: "two" });
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
    expect((await house.history(one)).map((message) => message.direction === "outbound" && message.status)).toEqual([
      "failed",
      "cancelled",
    ]);
    await expect(house.sms.send({ key: "3", to: OTHER, body: "three" })).rejects.toMatchObject({ code: "opted_out" });
  });

  it("is forgotten by name but not by consent when erased", async () => {
    await using house = rig(NOW);
    await house.text("STOP", { sid: "SMerase" });
    expect(await house.sms.erase({ participant: PERSON })).toEqual({ conversations: 1, messages: 1 });
    await expect(house.text("STOP", { sid: "SMerase" })).rejects.toThrow("was not stored");
    await expect(house.sms.send({ key: "k", to: PERSON, body: "hi" })).rejects.toMatchObject({ code: "opted_out" });
    expect(JSON.stringify(await house.sms.conversations())).not.toContain(PERSON);
  });
});

describe("the confirmation of an opt-out", () => {
  const rideOn = (house: ReturnType<typeof rig>) => {
    const rode: (string | null)[] = [];
    house.provider.acknowledge = (reply) => {
      rode.push(reply?.body ?? null);
      return new Response(null);
    };
    const confirmations: string[] = [];
    house.sms.on("consent", ({ state, confirmation }) => confirmations.push(`${state} ${confirmation}`));
    return { rode, confirmations };
  };
  const TEXT = expect.stringContaining("START");

  it("rides on the webhook's answer, and again on that of a repeated webhook, until a START", async () => {
    await using house = rig(NOW);
    const { rode, confirmations } = rideOn(house);
    const again = () =>
      expect(house.text("please stop texting me", { sid: "SMrefusal" })).rejects.toThrow("was not stored");
    await house.text("please stop texting me", { sid: "SMrefusal" });
    await again();
    await house.text("START");
    await again();
    await house.sms.settled();
    expect(rode).toEqual([TEXT, TEXT, null, null]);
    expect(rode[0]).toBe(rode[1]);
    expect(confirmations).toEqual(["opted-out sent", "opted-in not-needed"]);
    expect(house.provider.sent).toEqual([]);
  });

  it("is sent once per opt-out, and never where the provider replied", async () => {
    await using house = rig(NOW);
    const { rode, confirmations } = rideOn(house);
    await house.text("STOP");
    await house.text("stop texting me");
    await house.text("START");
    await house.text("stop texting me");
    await house.text("no more texts");
    await house.text("START");
    await house.text("Stop please", { optOut: "STOP" });
    expect(rode).toEqual([null, null, null, TEXT, null, null, null]);
    expect(confirmations.filter((one) => one.startsWith("opted-out"))).toEqual([
      "opted-out not-needed",
      "opted-out sent",
      "opted-out not-needed",
    ]);
  });

  it("is not sent where the provider replied, even if a policy of the service's own replies", async () => {
    const eager = {
      name: "eager",
      inbound: () => ({ answer: false, consent: "opted-out" as const, reply: "Bye. START", reason: "it is eager" }),
    };
    await using house = rig({ ...NOW, policies: [eager] });
    const { rode } = rideOn(house);
    await house.text("STOP", { optOut: "STOP" });
    expect(rode).toEqual([null]);
  });

  it("passes the pause, the loop guard and a policy that holds messages back", async () => {
    const night = { name: "night", send: () => ({ delayMs: 3_600_000 }) };
    await using house = rig({
      ...NOW,
      autoReply: "Got it.",
      policies: [loopGuard({ limits: [{ max: 1, windowMs: 600_000 }] }), night],
    });
    const { rode } = rideOn(house);
    const { conversationId } = await house.text("hello");
    await house.sms.pause(conversationId);
    await house.text("leave me alone");
    expect(rode).toEqual([null, TEXT]);
  });

  it("leaves as one message of its own where the refusal was typed in the app, past pause, limits and policies", async () => {
    const night = { name: "night", send: () => ({ delayMs: 3_600_000 }) };
    const policies = [optOut(), loopGuard({ limits: [{ max: 1, windowMs: 600_000 }] }), night];
    await using house = rig({ ...NOW, policies });
    const { confirmations } = rideOn(house);
    const { conversationId } = await house.type("hello");
    await house.sms.pause(conversationId);
    await house.sms.simulate({ id: "click-stop", from: PERSON, body: "stop" });
    await house.sms.simulate({ id: "click-stop", from: PERSON, body: "stop" });
    await house.type("no more texts");
    await house.sms.settled();
    expect(house.provider.sent).toMatchObject([{ from: OURS, to: PERSON, body: TEXT }]);
    expect(house.messages.filter(({ origin }) => origin === "system")).toHaveLength(1);
    expect(confirmations).toEqual(["opted-out sent"]);
  });

  it("leaves by itself where the transport cannot reply on the webhook's answer", async () => {
    await using house = rig(NOW);
    Object.assign(house.provider, { capabilities: { ...house.provider.capabilities, autoReply: false } });
    await house.text("please stop texting me");
    await house.text("STOP");
    await house.sms.settled();
    expect(house.provider.sent).toMatchObject([{ body: TEXT }]);
  });

  it("is never sent again where its answer was lost", async () => {
    await using house = rig(NOW);
    house.provider.answers.push(lost);
    await house.type("stop");
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
    expect(house.notices.map(({ kind }) => kind)).toContain("dropped");
  });

  it("is sent again where the provider did not take it, and not after five minutes", async () => {
    await using house = rig(NOW);
    house.provider.answers.push(refused("retry-now", 20429));
    await house.type("stop");
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(2);
    await house.text("START");
    house.provider.answers.push(refused("retry-now", 20429, 301_000));
    await house.type("stop");
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(3);
    expect(house.statuses.at(-1)).toMatchObject({ origin: "system", status: "cancelled" });
  });

  it("does not wait for a message whose answer was lost, and does not leave to a person who opted in again", async () => {
    await using house = rig(NOW);
    house.provider.answers.push(lost);
    await house.sms.send({ key: "1", to: PERSON, body: "hi" });
    await house.sms.processDue();
    await house.type("stop");
    await house.sms.processDue();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["hi", TEXT]);
    await house.text("START");
    await house.type("stop");
    await house.text("START");
    await house.sms.settled();
    expect(house.provider.sent.filter(({ body }) => body !== "hi")).toHaveLength(1);
  });
});

describe("what is typed in the app", () => {
  it("never opts in, whichever policy says so, and does not reach the phone after a STOP", async () => {
    const eager = {
      name: "eager",
      inbound: ({ origin }: InboundSnapshot): InboundVerdict | null =>
        origin === "simulated" ? { answer: true, consent: "opted-in", reason: "the app vouches for the person" } : null,
    };
    await using house = rig({ ...NOW, policies: [eager] });
    await house.text("STOP");
    for (const body of ["START", "unstop", "Yes", "are you there?"]) await house.type(body);
    await house.sms.settled();
    expect(house.provider.sent).toEqual([]);
    await expect(house.sms.send({ key: "1", to: PERSON, body: "hi" })).rejects.toMatchObject({ code: "opted_out" });
  });

  it("leaves Cancel to the AI, so that the next reminder still leaves", async () => {
    await using house = rig(NOW);
    await house.type("Cancel");
    await house.sms.send({ key: "reminder", to: PERSON, body: "Your table is at 7." });
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body).toSorted()).toEqual(["Your table is at 7.", "re: Cancel"]);
  });
});

describe("a YES from the phone", () => {
  it("undoes a STOP that Twilio blocks by itself, and the AI sees it", async () => {
    await using house = rig(NOW);
    const changes: ConsentEvent[] = [];
    house.sms.on("consent", (change) => changes.push(change));
    await house.text("Stop");
    await house.text("Yes!");
    await expect(house.sms.send({ key: "1", to: PERSON, body: "hi" })).rejects.toMatchObject({ code: "opted_out" });
    await house.text(" yes ");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re:  yes"]);
    expect(changes.map(({ state, confirmation }) => [state, confirmation])).toEqual([
      ["opted-out", "not-needed"],
      ["opted-in", "not-needed"],
    ]);
  });

  it("undoes a refusal that the provider reported by a failed message", async () => {
    await using house = rig(NOW);
    house.provider.answers.push(refused("opted-out", 21610));
    await house.sms.send({ key: "1", to: PERSON, body: "hi" });
    await house.sms.settled();
    await house.text("yes");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["hi", "re: yes"]);
  });

  it.each(["please stop texting me", "STOP 🛑", "arrêt"])(
    "is an everyday answer after %j, which Twilio does not block",
    async (words) => {
      await using house = rig(NOW);
      await house.text(words);
      await house.text("YES");
      await expect(house.sms.send({ key: "1", to: PERSON, body: "hi" })).rejects.toMatchObject({ code: "opted_out" });
      await house.text("STOP");
      await house.text("YES");
      await house.sms.settled();
      expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: YES"]);
    },
  );

  it("changes nothing for a person who has not refused", async () => {
    await using house = rig(NOW);
    const changes: ConsentEvent[] = [];
    house.sms.on("consent", (change) => changes.push(change));
    await house.text("YES");
    await house.sms.settled();
    expect(changes).toEqual([]);
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: YES"]);
  });

  it("undoes a refusal in other words where the provider took it for a START", async () => {
    await using house = rig(NOW);
    await house.text("please stop texting me");
    await house.text("Yes");
    await expect(house.sms.send({ key: "1", to: PERSON, body: "hi" })).rejects.toMatchObject({ code: "opted_out" });
    await house.text("Yes", { optOut: "START" });
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: Yes"]);
  });
});

describe("a person who is erased", () => {
  it("is forgotten on every channel of the number", async () => {
    await using house = rig(NOW);
    await house.text("by SMS");
    await house.text("by WhatsApp", { from: `whatsapp:${PERSON}` });
    expect(await house.sms.erase({ participant: PERSON })).toEqual({ conversations: 2, messages: 2 });
    expect(await house.sms.conversations()).toEqual({ conversations: [], cursor: null });
  });
});

describe("the auto-reply", () => {
  it("is stored as a message of ours, stands outside the outbox and is given again when the webhook comes again", async () => {
    await using house = rig({ ...NOW, autoReply: "Got it, one moment." });
    const acknowledged: unknown[] = [];
    house.provider.acknowledge = (reply) => {
      acknowledged.push(reply);
      return new Response(null);
    };
    await house.text("hello", { sid: "SMtwice" });
    await expect(house.text("hello", { sid: "SMtwice" })).rejects.toThrow("was not stored");
    expect(acknowledged).toHaveLength(2);
    expect(acknowledged[0]).toEqual(acknowledged[1]);
    expect(acknowledged[0]).toMatchObject({ from: OURS, to: PERSON, body: "Got it, one moment.", attempt: 1 });
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
    expect(house.messages.map(({ origin }) => origin)).toEqual(["webhook", "auto-reply", "ai"]);
  });

  it("does not ride again after a STOP, while a person has taken over, nor where the provider has reported about it", async () => {
    await using house = rig({ ...NOW, autoReply: "Got it." });
    const rode: (string | null)[] = [];
    house.provider.acknowledge = (reply) => {
      rode.push(reply?.body ?? null);
      return new Response(null);
    };
    const again = () => expect(house.text("hello", { sid: "SMagain" })).rejects.toThrow("was not stored");
    const { conversationId } = await house.text("hello", { sid: "SMagain" });
    await house.sms.pause(conversationId);
    await again();
    await house.sms.resume(conversationId);
    await again();
    await house.text("STOP");
    await again();
    await house.text("START");
    const reply = house.messages.find(({ origin }) => origin === "auto-reply");
    await house.storage.recordStatus({
      callId: "call-shown",
      outboundId: reply?.id ?? null,
      attempt: 1,
      providerMessageId: "SMreply",
      status: "sent",
      rawStatus: "sent",
      error: null,
      optOut: false,
    });
    await again();
    expect(rode).toEqual(["Got it.", null, "Got it.", null, null, null, null]);
  });

  it("does not ride on a simulated text, which has no webhook", async () => {
    await using house = rig({ ...NOW, autoReply: () => "Got it." });
    await house.type("hello");
    await house.sms.settled();
    expect(house.messages.map(({ origin }) => origin)).toEqual(["simulated", "ai"]);
  });

  it("is not for people who opted out, nor for a conversation that a person has taken over", async () => {
    await using house = rig({ ...NOW, autoReply: "Got it." });
    const first = await house.text("hello");
    await house.sms.settled();
    await house.sms.pause(first.conversationId);
    await house.text("still there?");
    await house.text("STOP");
    await house.text("hello?");
    expect(house.messages.filter(({ origin }) => origin === "auto-reply")).toHaveLength(1);
  });
});

describe("a person who takes over", () => {
  it("silences the AI until the conversation is handed back, and what was said meanwhile is not answered late", async () => {
    await using house = rig(NOW);
    const text = await house.text("hello");
    await house.sms.settled();
    await house.sms.pause(text.conversationId);
    await house.text("can a human help?");
    await house.sms.settled();
    await house.sms.send({ key: "operator-1", to: PERSON, body: "Yes, I am Eva.", origin: "operator" });
    await house.sms.settled();
    await house.sms.resume(text.conversationId);
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello", "Yes, I am Eva."]);
    await house.text("thanks, bot");
    await house.sms.settled();
    expect(house.provider.sent.at(-1)?.body).toBe("re: thanks, bot");
    expect(house.asked.at(-1)?.turn.history.map(({ text: said }) => said)).toEqual([
      "hello",
      "re: hello",
      "can a human help?",
      "Yes, I am Eva.",
      "thanks, bot",
    ]);
  });

  it("is seen by the AI that answers afterwards, and the person's text still comes last", async () => {
    await using house = rig(NOW);
    const text = await house.text("is it open?");
    await house.sms.send({ key: "call", to: PERSON, body: "Eva here, one moment.", origin: "operator" });
    await house.sms.settled();
    expect(text.seq).toBe(1);
    expect(house.asked[0]?.turn.history.map(({ text: said }) => said)).toEqual([
      "Eva here, one moment.",
      "is it open?",
    ]);
  });

  it("may let the AI answer what is unanswered", async () => {
    await using house = rig(NOW);
    const text = await house.text("hello");
    await house.sms.settled();
    await house.sms.pause(text.conversationId);
    await house.text("anyone?");
    await house.sms.resume(text.conversationId, { answerUnanswered: true });
    await house.sms.settled();
    expect(house.provider.sent.at(-1)?.body).toBe("re: anyone?");
  });

  it("stops an answer that is being written, and one that waits to be sent", async () => {
    await using house = rig(NOW);
    const thinking = deferred<string>();
    house.script = () => thinking.promise;
    const text = await house.text("hello");
    const sweep = house.sms.processDue();
    await breathe();
    await house.sms.pause(text.conversationId);
    thinking.resolve("too late");
    await sweep;
    await house.sms.settled();
    expect(house.provider.sent).toEqual([]);
  });
});

describe("two bots", () => {
  it("do not text each other for ever", async () => {
    await using house = rig(NOW);
    house.script = () => "Sorry, I did not understand that. Please choose one of the options of our menu.";
    for (let round = 0; round < 40; round += 1) {
      await house.text("Sorry, I did not understand that. Please choose one of the options of the menu.");
      await house.sms.processDue();
      await house.clock.advance(2000);
    }
    expect(house.provider.sent.length).toBeLessThan(15);
    expect(house.notices.some(({ kind }) => kind === "silenced" || kind === "cancelled")).toBe(true);
  });

  it("are cut off even when every text differs", async () => {
    await using house = rig(NOW);
    house.script = (turn) => `Answer number ${turn.messages[0]?.seq} about ${Math.sin(turn.messages[0]?.seq ?? 0)}`;
    for (let round = 0; round < 60; round += 1) {
      await house.text(`Statement ${round}: ${Math.cos(round)} and then some words that differ ${"x".repeat(round)}`);
      await house.sms.processDue();
      await house.clock.advance(1000);
    }
    expect(house.provider.sent.length).toBeLessThan(30);
  });

  it("do not begin when one of our own numbers texts another", async () => {
    await using house = rig({ ...NOW, senders: [OURS, OTHER] as never });
    await house.text("hello from your sibling", { from: OTHER });
    await house.sms.settled();
    expect(house.asked).toEqual([]);
    expect(house.provider.sent).toEqual([]);
  });
});
