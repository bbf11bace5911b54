import { describe, expect, it } from "vitest";
import { OwnlineError } from "../../src/errors.ts";
import { optOut } from "../../src/policy/opt-out.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { breathe, deferred, ledger, OTHER, OURS, PERSON, type RigOptions } from "./rig.ts";
import { inbound, kinds, MINUTE, SECOND, scene } from "./sweep-scene.ts";

describe("a text whose webhook never came", () => {
  it("is found, stored with the provider's time, answered once, counted and reported", async () => {
    const one = scene();
    await using house = one.house;
    one.lose("SMlost", "hello", 30 * SECOND);
    const { turns } = await house.sms.processDue();
    expect(turns).toBe(1);
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
    expect(await inbound(one)).toMatchObject([
      { body: "hello", providerMessageId: "SMlost", origin: "webhook", occurredAt: house.clock.now() - 30 * SECOND },
    ]);
    expect(kinds(one)).toEqual(["swept"]);
    expect(house.sms.counts().swept).toBe(1);
  });

  it("is the same text when its webhook comes late after all", async () => {
    const one = scene();
    await using house = one.house;
    one.lose("SMlate", "hello");
    await house.sms.processDue();
    await expect(house.text("hello", { sid: "SMlate" })).rejects.toThrow("was not stored");
    await house.sms.settled();
    expect(await inbound(one)).toHaveLength(1);
    expect(house.provider.sent).toHaveLength(1);
  });

  it("is not swept when its webhook came", async () => {
    const one = scene();
    await using house = one.house;
    await house.text("hello", { sid: "SMcame" });
    one.lose("SMcame", "hello");
    await house.sms.processDue();
    expect(await inbound(one)).toHaveLength(1);
    expect(kinds(one)).toEqual([]);
  });

  it("is looked for from the installation on, then from the last look, each time with an overlap", async () => {
    const one = scene({ sweep: { everyMs: MINUTE, overlapMs: 5 * MINUTE } });
    await using house = one.house;
    one.lose("SMold", "before we were here", 6 * MINUTE);
    const start = house.clock.now();
    await house.sms.processDue();
    await house.sms.processDue();
    await house.clock.advance(MINUTE);
    await house.sms.processDue();
    expect(one.looks.map(({ since }) => since)).toEqual([{ lastMs: 5 * MINUTE }, start - 5 * MINUTE]);
    expect(await inbound(one)).toEqual([]);
  });

  it("is found within the overlap, and what was seen there is not listed again", async () => {
    const one = scene();
    await using house = one.house;
    one.lose("SM-a", "a");
    await house.sms.processDue();
    await house.clock.advance(2 * MINUTE);
    one.lose("SM-b", "it lagged", 2 * MINUTE + SECOND);
    await house.sms.processDue();
    expect((await inbound(one)).map(({ body }) => body)).toEqual(["a", "it lagged"]);
    expect(one.missing).toEqual([["AC1:SM-a"], ["AC1:SM-b"]]);
  });

  it("is stored and shown, but not answered, when it is found too late", async () => {
    const one = scene({ sweep: { overlapMs: 120 * MINUTE, answerWithinMs: 60 * MINUTE } });
    await using house = one.house;
    one.lose("SM-old", "old", 61 * MINUTE);
    one.lose("SM-new", "new", 60 * MINUTE);
    await house.sms.processDue();
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: new"]);
    expect(await inbound(one)).toMatchObject([{ needsAnswer: false }, { needsAnswer: true }]);
    expect(kinds(one).toSorted()).toEqual(["not-answered", "swept", "swept"]);
  });

  it("carries no auto-reply", async () => {
    const one = scene({ autoReply: "One moment." });
    await using house = one.house;
    one.lose("SM-1", "hello");
    await house.sms.processDue();
    expect((await house.history(house.messages[0] ?? (await house.type("x")))).map(({ origin }) => origin)).toEqual([
      "webhook",
      "ai",
    ]);
  });

  it("confirms a refusal once by a message of its own, though its webhook comes late, and not one found too late", async () => {
    const one = scene();
    await using house = one.house;
    one.lose("SM-phrase", "please stop texting me", 30 * SECOND);
    one.lose("SM-late", "stop texting me", 59 * MINUTE, OTHER);
    await house.sms.processDue();
    await house.text("please stop texting me", { sid: "SM-phrase" }).catch(() => {});
    await house.sms.settled();
    expect(house.provider.sent).toMatchObject([{ to: PERSON, body: expect.stringContaining("START") }]);
    expect(house.messages.filter(({ origin }) => origin === "system")).toHaveLength(1);
  });

  it("opts a person out who texted STOP, unless a START came after it; and never opts anybody in", async () => {
    const one = scene();
    await using house = one.house;
    one.lose("SM-stop", "STOP");
    await house.sms.processDue();
    await expect(house.sms.send({ key: "1", to: PERSON, body: "x" })).rejects.toMatchObject({ code: "opted_out" });
    await house.clock.advance(MINUTE);
    one.lose("SM-start", "START");
    await house.sms.processDue();
    await expect(house.sms.send({ key: "2", to: PERSON, body: "x" })).rejects.toMatchObject({ code: "opted_out" });
    await house.text("START");
    one.lose("SM-stop-2", "STOP", 30 * SECOND);
    await house.clock.advance(MINUTE);
    await house.sms.processDue();
    await house.sms.send({ key: "3", to: PERSON, body: "welcome back" });
    await house.clock.advance(MINUTE);
    one.lose("SM-stop-3", "STOP");
    await house.clock.advance(MINUTE);
    await house.sms.processDue();
    await expect(house.sms.send({ key: "4", to: PERSON, body: "x" })).rejects.toMatchObject({ code: "opted_out" });
  });

  it("is left to its webhook for as long as that may come, where it opts in or gets a reply", async () => {
    const words = { stop: "You are out.", help: "We are ownline." };
    const one = scene({ policies: [optOut({ providerReplies: () => false, replies: words })] });
    await using house = one.house;
    await house.text("STOP");
    one.lose("SM-start", "START");
    one.lose("SM-help", "HELP");
    await house.clock.advance(4 * MINUTE);
    await house.sms.processDue();
    expect(kinds(one)).not.toContain("swept");
    const help = await house.text("HELP", { sid: "SM-help" });
    expect((await house.history(help)).map(({ body }) => body)).toEqual(["STOP", words.stop, "HELP", words.help]);
    await house.text("START", { sid: "SM-start" });
    await house.text("hello again");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toContain("re: hello again");
  });

  it("is left to its webhook where a STOP may still come that was sent before it", async () => {
    const one = scene();
    await using house = one.house;
    one.lose("SM-start", "START");
    await house.clock.advance(MINUTE);
    await house.sms.processDue();
    await house.text("STOP");
    await house.text("START", { sid: "SM-start" });
    await house.text("hello again");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello again"]);
  });

  it("is left to its webhook while its person is opted out, since a START may be on its way or stand in it", async () => {
    const one = scene();
    await using house = one.house;
    await house.text("BAJA", { optOut: "STOP" });
    one.lose("SM-start", "ALTA");
    one.lose("SM-hello", "hello");
    await house.clock.advance(MINUTE);
    await house.sms.processDue();
    expect(kinds(one)).not.toContain("swept");
    await house.text("ALTA", { sid: "SM-start", optOut: "START" });
    await house.text("hello", { sid: "SM-hello" });
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
  });

  it("is answered after its person's START, however their webhooks fared", async () => {
    const one = scene();
    await using house = one.house;
    await house.text("STOP");
    one.lose("SM-start", "START");
    one.lose("SM-hello", "hello");
    await house.clock.advance(MINUTE);
    await house.sms.processDue();
    await house.text("START", { sid: "SM-start" });
    await house.clock.advance(MINUTE);
    await house.sms.processDue();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
  });

  it("is not left to its webhook where that would change nothing, or where it opts out", async () => {
    const words = { stop: "You are out." };
    const one = scene({ policies: [optOut({ providerReplies: () => false, replies: words })] });
    await using house = one.house;
    one.lose("SM-yes", "Yes!");
    await house.sms.processDue();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: Yes!"]);
    await house.clock.advance(MINUTE);
    one.lose("SM-stop", "STOP");
    await house.sms.processDue();
    await expect(house.sms.send({ key: "1", to: PERSON, body: "x" })).rejects.toMatchObject({ code: "opted_out" });
  });

  it("is stored without its consent or its reply when its webhook does not come any more", async () => {
    const one = scene();
    await using house = one.house;
    await house.text("STOP");
    one.lose("SM-start", "START");
    await house.clock.advance(5 * MINUTE);
    await house.sms.processDue();
    expect((await inbound(one)).map(({ body }) => body)).toEqual(["STOP", "START"]);
    await expect(house.sms.send({ key: "1", to: PERSON, body: "x" })).rejects.toMatchObject({ code: "opted_out" });
  });

  it("opts its person out by its webhook, although the list brought it beside a START whose webhook was late", async () => {
    const one = scene();
    await using house = one.house;
    await house.text("STOP");
    await house.clock.advance(MINUTE);
    one.lose("SM-start", "START");
    await house.clock.advance(SECOND);
    one.lose("SM-stop", "STOP");
    await house.clock.advance(SECOND);
    await house.text("START", { sid: "SM-start" });
    await house.sms.processDue();
    await house.text("STOP", { sid: "SM-stop" }).catch(() => {});
    await expect(house.sms.send({ key: "1", to: PERSON, body: "x" })).rejects.toMatchObject({ code: "opted_out" });
  });

  it("is found again after an error of the list, which is reported: nothing is passed over", async () => {
    const one = scene();
    await using house = one.house;
    await house.sms.processDue();
    const [first] = one.looks;
    expect(first?.since).toEqual({ lastMs: 10 * MINUTE });
    one.broken = new OwnlineError("transport_unavailable", "The list could not be read.", { retryable: true });
    await house.clock.advance(MINUTE);
    one.lose("SM-1", "hello");
    await house.sms.processDue();
    expect(house.errors).toMatchObject([{ code: "transport_unavailable" }]);
    one.broken = null;
    await house.clock.advance(30 * MINUTE);
    await house.sms.processDue();
    expect(one.looks.at(-1)?.since).toEqual(one.looks.at(-2)?.since);
    expect((await inbound(one)).map(({ body }) => body)).toEqual(["hello"]);
  });

  it("is found again after an error of the ledger, which is reported as the ledger's own", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    const down = new OwnlineError("storage_unavailable", "The ledger is away.", { retryable: true });
    let isDown = true;
    const unrecorded: typeof storage.unrecorded = async (keys) => {
      if (isDown) throw down;
      return storage.unrecorded(keys);
    };
    const one = scene({ clock, storage: { ...storage, unrecorded } });
    await using house = one.house;
    one.lose("SM-1", "hello");
    await house.sms.processDue();
    expect(house.errors).toEqual([down]);
    expect(await inbound(one)).toEqual([]);
    isDown = false;
    await clock.advance(MINUTE);
    await house.sms.processDue();
    expect((await inbound(one)).map(({ body }) => body)).toEqual(["hello"]);
  });

  it("keeps the claim's fence: of two processes one sweeps, and both store it once", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    const one = scene({ clock, storage });
    const other = scene({ clock, storage });
    await using house = one.house;
    one.lose("SM-1", "hello");
    other.lose("SM-1", "hello");
    await Promise.all([house.sms.processDue(), other.house.sms.processDue()]);
    expect([...one.looks, ...other.looks]).toHaveLength(1);
    await clock.advance(MINUTE);
    await other.house.sms.processDue();
    expect(await inbound(one)).toHaveLength(1);
  });

  it("is found by a process that was started, every minute", async () => {
    const one = scene();
    await using house = one.house;
    await house.sms.start();
    for (let round = 0; round < 5; round += 1) await breathe();
    one.lose("SM-1", "hello");
    await house.clock.advance(MINUTE);
    for (let round = 0; round < 20 && house.provider.sent.length === 0; round += 1) await breathe();
    await house.clock.advance(SECOND);
    for (let round = 0; round < 20 && house.provider.sent.length === 0; round += 1) await breathe();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
    await house.sms.stop();
  });
});

describe("the search for lost webhooks", () => {
  it("leaves a number alone whose webhook is another service's, and says so once", async () => {
    const one = scene();
    await using house = one.house;
    one.owned.push({
      address: OURS,
      capabilities: ["sms"],
      webhookUrl: "https://live.example/sms",
      posts: "elsewhere",
    });
    one.lose("SM-1", "hello");
    for (let minute = 0; minute < 5; minute += 1) {
      await house.sms.processDue();
      await house.clock.advance(2 * MINUTE);
    }
    expect(one.looks).toEqual([]);
    expect(kinds(one)).toEqual(["not-swept"]);
  });

  it.each<[string, RigOptions]>([
    ["it is switched off", { sweep: false }],
    ["a function finds the senders", { senders: ((address: string) => ({ address })) as never }],
  ])("does not take place where %s", async (_, options) => {
    const one = scene(options);
    await using house = one.house;
    one.lose("SM-1", "hello");
    await house.sms.processDue();
    expect(one.looks).toEqual([]);
  });

  it("does not take place where the provider has no list", async () => {
    const one = scene();
    await using house = one.house;
    Object.assign(house.provider, { capabilities: { ...house.provider.capabilities, lists: false } });
    await house.sms.processDue();
    expect(one.looks).toEqual([]);
  });

  it.each(["start", "processDue"] as const)("does not keep %s() from stopping while no list comes", async (call) => {
    const one = scene();
    await using house = one.house;
    house.provider.listInbound = () => deferred<never>().promise;
    const working = house.sms[call]();
    for (let round = 0; round < 5; round += 1) await breathe();
    // Without any time passing: nothing waits for the bound.
    const ending = Promise.all([house.sms.stop({ timeoutMs: 10_000 }), working]).then(() => "stopped");
    await expect(ending).resolves.toBe("stopped");
  });
});
