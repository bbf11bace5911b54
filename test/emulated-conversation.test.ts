import { describe, expect, it } from "vitest";
import { type Ownline, ownline } from "../src/index.ts";
import { sqlite } from "../src/storage/sqlite.ts";
import { type TwilioEmulator, twilioEmulator } from "../src/testing/node/node.ts";
import { type ManualClock, manualClock } from "../src/testing/testing.ts";
import { twilio } from "../src/transport/twilio/twilio.ts";

const OURS = ["+15703251809", "+15703251810"] as const;
const PEOPLE = ["+12345678900", "+12345678911", "+12345678922"];
const WEBHOOK = "https://app.test/sms#rc=5&rp=all";

interface House extends AsyncDisposable {
  readonly sms: Ownline<typeof OURS>;
  readonly emulator: TwilioEmulator;
  readonly clock: ManualClock;
}

/** The real transport, real signatures and a real SQLite; only the provider and the AI are stood in for. */
function house(autoReply?: string): House {
  const clock = manualClock();
  const deliver = (request: Request): Promise<Response> => sms.fetch(request);
  const emulator = twilioEmulator({ numbers: [...OURS], smsUrl: WEBHOOK, deliver });
  const sms = ownline({
    senders: OURS,
    transport: twilio({ ...emulator.credentials, webhookUrl: WEBHOOK, fetch: emulator.fetch }),
    storage: sqlite(":memory:", { clock }),
    ai: (turn) => `You said: ${turn.messages.map(({ body }) => body).join(" / ")}`,
    clock,
    burst: { quietMs: 1000 },
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    ...(autoReply === undefined ? {} : { autoReply }),
  });
  return {
    sms,
    emulator,
    clock,
    async [Symbol.asyncDispose]() {
      await sms[Symbol.asyncDispose]();
      await emulator.close();
    },
  };
}

async function settle({ sms, emulator }: House): Promise<void> {
  await sms.settled();
  await emulator.idle();
  await sms.settled();
}

describe("a conversation over the emulated provider", () => {
  it("makes no request at all for a simulated text, until the AI's answer leaves", async () => {
    await using world = house();
    await world.sms.simulate({ id: "click", from: "+12345678900", to: OURS[0], body: "Hello!" });
    expect(world.emulator.requests).toEqual([]);
    await settle(world);
    expect(world.emulator.requests.map(({ method }) => method)).toEqual(["POST"]);
    expect(world.emulator.messages).toMatchObject([
      { direction: "outbound-api", from: OURS[0], to: "+12345678900", body: "You said: Hello!", status: "delivered" },
    ]);
  });

  it("goes from the app to the phone and back, delivered to the last tick", async () => {
    await using world = house();
    const typed = await world.sms.simulate({ id: "click", from: "+12345678900", to: OURS[0], body: "Hello!" });
    await settle(world);
    await world.emulator.text({ from: "+12345678900", to: OURS[0], body: "Friday at 7?" });
    await settle(world);
    expect(await world.sms.messages({ conversationId: typed.conversationId })).toMatchObject([
      { origin: "simulated", body: "Hello!" },
      { origin: "ai", status: "delivered" },
      { origin: "webhook", body: "Friday at 7?" },
      { origin: "ai", body: "You said: Friday at 7?", status: "delivered" },
    ]);
  });

  it("sends from owned numbers only: every request to the provider is looked at", async () => {
    await using world = house("Got it, one moment.");
    for (const [index, from] of PEOPLE.entries()) {
      for (const to of OURS) {
        await world.sms.simulate({ id: `s${index}${to}`, from, to, body: "typed in the app" });
        await world.emulator.text({ from, to, body: "texted from the phone" });
        await world.sms.send({ key: `k${index}${to}`, to: from, from: to, body: "from the service" });
        // @ts-expect-error a person's number is not a sender
        await world.sms.send({ key: `bad${index}${to}`, to: PEOPLE[0], from, body: "spoofed" }).catch(() => {});
        await world.sms.simulate({ id: `own${index}${to}`, from: to, to, body: "from ourselves" }).catch(() => {});
      }
    }
    world.emulator.faults.next({ kind: "drop-after-accept" });
    world.emulator.faults.next({ kind: "error-after-accept" });
    await settle(world);
    const senders = world.emulator.requests.filter(({ method }) => method === "POST").map(({ params }) => params.From);
    expect(senders.length).toBeGreaterThan(10);
    expect(senders.filter((sender) => !OURS.some((ours) => ours === sender))).toEqual([]);
    const outbound = world.emulator.messages.filter(({ direction }) => direction !== "inbound");
    expect(outbound.filter(({ from }) => !OURS.some((ours) => ours === from))).toEqual([]);
  });

  it("rides the auto-reply on the webhook's answer, with ticks of its own", async () => {
    await using world = house("Got it, one moment.");
    const { replies, sid } = await world.emulator.text({ from: "+12345678900", to: OURS[0], body: "hello" });
    expect(replies).toMatchObject([{ body: "Got it, one moment.", direction: "outbound-reply" }]);
    await world.emulator.redeliver(sid);
    await settle(world);
    const [conversation] = (await world.sms.conversations()).conversations;
    const messages = await world.sms.messages({ conversationId: conversation?.id ?? "" });
    expect(messages.map(({ origin }) => origin)).toEqual(["webhook", "auto-reply", "ai"]);
    expect(messages[1]).toMatchObject({ status: "delivered" });
  });

  it("settles a send whose answer was lost by the callback, and never sends a second SMS", async () => {
    await using world = house();
    world.emulator.faults.next({ kind: "drop-after-accept" });
    await world.emulator.text({ from: "+12345678900", to: OURS[0], body: "hello" });
    await world.clock.advance(1000);
    await world.sms.processDue();
    await world.emulator.idle();
    await settle(world);
    expect(world.emulator.messages.filter(({ direction }) => direction === "outbound-api")).toHaveLength(1);
  });

  it("honours STOP as the provider does, and comes back with START", async () => {
    await using world = house();
    const text = (body: string) => world.emulator.text({ from: "+12345678900", to: OURS[0], body });
    await text("hello");
    await settle(world);
    await text("STOP");
    await text("anyone?");
    await settle(world);
    await text("START");
    await text("hello again");
    await settle(world);
    const ours = world.emulator.requests.filter(({ method }) => method === "POST").map(({ params }) => params.Body);
    expect(ours).toEqual(["You said: hello", "You said: hello again"]);
  });

  it("refuses a forged webhook and stores nothing of it", async () => {
    await using world = house();
    const response = await world.sms.fetch(
      new Request("https://app.test/sms", {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": "Zm9yZ2Vk" },
        body: "MessageSid=SM1&AccountSid=AC1&From=%2B12345678900&To=%2B15703251809&Body=forged",
      }),
    );
    expect(response.status).toBe(403);
    expect((await world.sms.conversations()).conversations).toEqual([]);
  });
});
