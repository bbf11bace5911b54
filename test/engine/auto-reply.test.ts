import { describe, expect, it } from "vitest";
import { ownline } from "../../src/index.ts";
import { type OptOutOptions, optOut } from "../../src/policy/opt-out.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { twilioEmulator } from "../../src/testing/node/node.ts";
import { manualClock } from "../../src/testing/testing.ts";
import { signRequest, twilio } from "../../src/transport/twilio/twilio.ts";
import { ledger, OURS, PERSON, type RigOptions, rig } from "./rig.ts";

const HOOK = "https://app.test/sms";
const SHORT = "68849";

interface Scene extends AsyncDisposable {
  readonly errors: string[];
  readonly origins: string[];
  /** Posts one webhook, signed, and reads the answer. */
  post(body: string, to?: string): Promise<{ status: number; text: string }>;
  settled(): Promise<void>;
}

/** The real transport over the emulator: it decides what its answer can carry. */
function scene(options: RigOptions): Scene {
  const clock = manualClock();
  const provider = twilioEmulator({ numbers: [OURS, SHORT], now: () => clock.now() });
  const sms = ownline({
    transport: twilio({ ...provider.credentials, webhookUrl: HOOK, fetch: provider.fetch }),
    storage: ledger(clock),
    ai: () => "ok",
    clock,
    sweep: false,
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    ...options,
    senders: [OURS, SHORT],
  });
  const errors: string[] = [];
  const origins: string[] = [];
  sms.on("error", ({ code, message }) => errors.push(`${code}: ${message}`));
  sms.on("message", ({ origin }) => origins.push(origin));
  return {
    errors,
    origins,
    async post(body, to = OURS) {
      const { accountSid, authToken } = provider.credentials;
      const sid = `SM${"1".repeat(32)}`;
      const params = new URLSearchParams({ AccountSid: accountSid, MessageSid: sid, From: PERSON, To: to, Body: body });
      const signature = await signRequest({ authToken, url: HOOK, params });
      const headers = { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature };
      const answer = await sms.fetch(new Request(HOOK, { method: "POST", headers, body: params.toString() }));
      return { status: answer.status, text: await answer.text() };
    },
    settled: () => sms.settled(),
    async [Symbol.asyncDispose]() {
      await sms.close();
      await provider.close();
    },
  };
}

const stopReply = (stop: string): { policies: readonly Policy[] } => {
  const options: OptOutOptions = { replies: { stop } };
  return { policies: [optOut(options)] };
};

describe("an auto-reply that TwiML cannot carry", () => {
  it.each<[string, RigOptions, string]>([
    ["a fixed text with a form feed", { autoReply: "Thanks!\fBye." }, "Hello"],
    ["a NUL that echoes the person's", { autoReply: ({ body }) => `"${body}"` }, "a\0b"],
    ["an escape", { autoReply: () => "\u001b[1mThanks" }, "Hello"],
    ["U+FFFE, no character at all", { autoReply: "Thanks\ufffe" }, "Hello"],
    ["1,601 characters", { autoReply: () => "y".repeat(1601) }, "Hello"],
    ["half an emoji, as slice() leaves it", { autoReply: ({ body: said }) => said.slice(0, 7) }, "Thanks\u{1f600}"],
    ["half an emoji that makes it one too long", { autoReply: () => `${"y".repeat(1600)}\ud83d` }, "Hello"],
  ])("costs its own words, and the message is stored, acknowledged and answered: %s", async (_, options, body) => {
    await using house = scene(options);
    const first = await house.post(body);
    const second = await house.post(body);
    expect([first, second].map(({ status }) => status)).toEqual([200, 200]);
    expect(first.text + second.text).not.toContain("<Message");
    await house.settled();
    expect(house.origins).toEqual(["webhook", "ai"]);
    expect(house.errors[0]).toMatch(/^invalid_options: options\.autoReply .*(control character|1,600 characters)/);
  });

  it("is the policy's mistake, by its name, where a policy replied; its opt-out counts all the same", async () => {
    await using house = scene(stopReply("You are out.\u000bBye."));
    expect(await house.post("STOP", SHORT)).toMatchObject({ status: 200 });
    expect(await house.post("STOP", SHORT)).toMatchObject({ status: 200 });
    await house.settled();
    expect(house.origins).toEqual(["webhook"]);
    expect(house.errors[0]).toMatch(/^invalid_options: the policy "opt-out" .*control character/);
  });

  it("is repaired where a policy's reply was cut through an emoji, since it may confirm a STOP", async () => {
    await using house = scene(stopReply("You are out \ud83d"));
    expect((await house.post("STOP", SHORT)).text).toContain("You are out \ufffd");
    expect(house.errors).toEqual([]);
  });

  it("does not keep the next one from leaving that it can carry: 1,600 characters, tabs and line feeds", async () => {
    await using house = scene({ autoReply: `\t${"y".repeat(1598)}\n` });
    expect((await house.post("Hello")).text).toContain("yyy");
    expect(house.errors).toEqual([]);
  });
});

it.each<[string, () => unknown]>([
  ["a number", () => 5],
  ["a blank text", () => " \n"],
  ["a promise that rejects", () => Promise.reject(new Error("late"))],
])("a policy's reply that is %s costs its own words only", async (_, reply) => {
  const policy = { name: "bad", inbound: () => ({ answer: true, reason: "test", reply: reply() }) };
  // @ts-expect-error -- a policy in plain JavaScript
  await using house = rig({ burst: { quietMs: 0 }, policies: [policy] });
  await house.text("hello");
  await house.sms.settled();
  expect(house.messages.map(({ origin }) => origin)).toEqual(["webhook", "ai"]);
  expect(house.errors).toMatchObject([
    { code: "invalid_options", message: expect.stringContaining('the policy "bad"') },
  ]);
});

it("a transport that cannot write the auto-reply after all still acknowledges the message", async () => {
  await using house = rig({ burst: { quietMs: 0 }, autoReply: "Got it." });
  house.provider.acknowledge = (autoReply) => {
    if (autoReply !== null) throw new Error("no");
    return new Response(null);
  };
  await expect(house.text("hello")).resolves.toMatchObject({ body: "hello" });
  expect(house.log.join("\n")).toContain("acknowledged without its auto-reply");
});
