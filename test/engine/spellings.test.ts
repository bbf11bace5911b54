import { describe, expect, it } from "vitest";
import type { FindQuery, ProviderMessage } from "../../src/transport/transport.ts";
import { lost, OURS, type Rig, type RigOptions, rig } from "./rig.ts";
import { inbound, scene as sweepScene } from "./sweep-scene.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A Brazilian mobile number, with and without its 9. */
const [WITH_NINE, WITHOUT_NINE] = ["+5511987654321", "+551187654321"];

const house = (options: RigOptions = {}): Rig => rig({ burst: { quietMs: 0 }, ...options });

const participants = async ({ sms }: Rig): Promise<readonly string[]> =>
  (await sms.conversations()).conversations.map(({ participant }) => participant);

/** A provider that lists what it took under the number that each message was sent to, as Twilio does. */
function listing({ provider, clock }: Rig): { readonly looks: FindQuery[]; readonly entries: ProviderMessage[] } {
  const looks: FindQuery[] = [];
  const entries: ProviderMessage[] = [];
  provider.find = async (query) => {
    looks.push(query);
    const messages = entries.filter(({ to, createdAt }) => createdAt >= query.since && to === (query.to ?? to));
    return { messages, asOf: clock.now() };
  };
  return { looks, entries };
}

describe("a person whose number is written in two ways", () => {
  it("has one conversation, and is answered at the form that the provider showed last", async () => {
    await using one = house();
    await one.text("hello", { from: WITH_NINE });
    await one.sms.settled();
    await one.text("again", { from: WITHOUT_NINE });
    await one.sms.settled();
    expect(one.provider.sent.map(({ to, body }) => [to, body])).toEqual([
      [WITH_NINE, "re: hello"],
      [WITHOUT_NINE, "re: again"],
    ]);
    expect(await participants(one)).toEqual([WITHOUT_NINE]);
    expect(one.asked[1]?.turn).toMatchObject({ participant: WITHOUT_NINE });
    expect(one.asked[1]?.turn.history.map(({ text }) => text).slice(0, 2)).toEqual(["hello", "re: hello"]);
  });

  it.each([
    ["whatsapp:+551187654321", "whatsapp:+5511987654321"],
    ["whatsapp:+5215512345678", "whatsapp:+525512345678"],
    ["whatsapp:+5491123456789", "whatsapp:+541123456789"],
  ])("is one person on WhatsApp: %s and %s", async (from, other) => {
    await using one = house();
    await one.text("hello", { from, to: `whatsapp:${OURS}` });
    await one.text("again", { from: other, to: `whatsapp:${OURS}` });
    expect(await participants(one)).toEqual([other]);
  });

  it.each([
    ["a Brazilian landline, and a mobile number", "+551133334444", "+5511933334444"],
    ["an Argentine number that may be a landline, on SMS", "+541123456789", "+5491123456789"],
  ])("is not %s", async (_, from, other) => {
    await using one = house();
    await one.text("hello", { from });
    await one.text("hello", { from: other });
    await one.sms.settled();
    expect((await participants(one)).toSorted()).toEqual([from, other].toSorted());
    expect(one.provider.sent.map(({ to }) => to).toSorted()).toEqual([from, other].toSorted());
  });

  it("stays at the form that the provider showed, whichever is typed in the app or sent to", async () => {
    await using one = house();
    await one.type("hello", WITH_NINE);
    expect((await one.sms.send({ key: "1", to: WITHOUT_NINE, body: "one" })).to).toBe(WITH_NINE);
    await one.text("hello", { from: WITHOUT_NINE });
    await one.type("hello", WITH_NINE);
    expect((await one.sms.send({ key: "2", to: WITH_NINE, body: "two" })).to).toBe(WITHOUT_NINE);
    expect(await participants(one)).toEqual([WITHOUT_NINE]);
    await one.sms.settled();
    expect(new Set(one.provider.sent.map(({ to }) => to))).toEqual(new Set([WITHOUT_NINE]));
  });

  it("is shown by a message that the provider's list brings, unless a newer one has come since", async () => {
    const one = sweepScene();
    await using rigged = one.house;
    await rigged.type("hello", WITH_NINE);
    one.lose("SM1in", "lost", MINUTE, WITHOUT_NINE);
    await rigged.sms.processDue();
    expect(await participants(rigged)).toEqual([WITHOUT_NINE]);
    await rigged.clock.advance(2 * MINUTE);
    await rigged.text("here", { from: WITH_NINE });
    one.lose("SM2in", "lost earlier", MINUTE, WITHOUT_NINE);
    await rigged.sms.processDue();
    expect(await inbound(one)).toHaveLength(4);
    expect(await participants(rigged)).toEqual([WITH_NINE]);
    await rigged.sms.settled();
    expect(rigged.provider.sent.at(-1)?.to).toBe(WITH_NINE);
  });

  it("may be named in either way when a send() or a typed message is repeated", async () => {
    await using one = house();
    const first = await one.sms.send({ key: "1", to: WITH_NINE, body: "hi" });
    expect(await one.sms.send({ key: "1", to: WITHOUT_NINE, body: "hi" })).toEqual(first);
    await one.text("hello", { from: WITHOUT_NINE });
    expect(await one.sms.send({ key: "1", to: WITH_NINE, body: "hi" })).toMatchObject({ id: first.id });
    await expect(one.sms.send({ key: "1", to: "+5511976543210", body: "hi" })).rejects.toMatchObject({
      code: "key_reused",
    });
    const typed = await one.sms.simulate({ id: "1", from: WITH_NINE, body: "hi" });
    expect(await one.sms.simulate({ id: "1", from: WITHOUT_NINE, body: "hi" })).toEqual(typed);
    const other = one.sms.simulate({ id: "1", from: "+5511976543210", body: "hi" });
    await expect(other).rejects.toMatchObject({ code: "invalid_message" });
  });

  it("is opted out in both ways, with what waits to leave", async () => {
    await using one = house();
    const { id } = await one.sms.send({ key: "1", to: WITH_NINE, body: "hi" });
    await one.text("STOP", { from: WITHOUT_NINE });
    expect(await one.sms.message(id)).toMatchObject({ status: "cancelled" });
    const again = one.sms.send({ key: "2", to: WITH_NINE, body: "hi" });
    await expect(again).rejects.toMatchObject({ code: "opted_out" });
    await one.text("START", { from: WITH_NINE });
    await one.sms.send({ key: "3", to: WITHOUT_NINE, body: "hi" });
    await one.sms.settled();
    expect(one.provider.sent.at(-1)).toMatchObject({ to: WITH_NINE, body: "hi" });
  });

  it.each([
    [WITH_NINE, WITHOUT_NINE, "+55 (11) 98765-4321"],
    [WITHOUT_NINE, WITH_NINE, "+55 (11) 98765-4321"],
    [WITH_NINE, WITHOUT_NINE, "+55 11 8765-4321"],
    [WITHOUT_NINE, WITH_NINE, "whatsapp:+551187654321"],
  ])("is forgotten in either way, on every channel: %s, %s, by %s", async (first, last, participant) => {
    await using one = house();
    await one.text("hello", { from: first });
    await one.text("hello", { from: last });
    await one.text("hello", { from: `whatsapp:${first}`, to: `whatsapp:${OURS}` });
    await one.text("hello", { from: "+551133334444" });
    await one.sms.settled();
    expect(await one.sms.erase({ participant })).toMatchObject({ conversations: 2 });
    expect(await participants(one)).toEqual(["+551133334444"]);
  });

  it("is forgotten on SMS by the form that WhatsApp writes", async () => {
    await using one = house();
    await one.text("hello", { from: "+5491123456789" });
    await one.text("hello", { from: "whatsapp:+541123456789", to: `whatsapp:${OURS}` });
    expect(await one.sms.erase({ participant: "whatsapp:+541123456789" })).toMatchObject({ conversations: 2 });
  });
});

describe("a message to such a person", () => {
  it("leaves to the form that the provider has shown since it was filed", async () => {
    await using one = house();
    const { id } = await one.sms.send({ key: "1", to: WITH_NINE, body: "hi" });
    await one.text("hello", { from: WITHOUT_NINE });
    await one.sms.settled();
    expect(one.provider.sent[0]).toMatchObject({ outboundId: id, to: WITHOUT_NINE, body: "hi" });
    expect(await one.sms.message(id)).toMatchObject({ to: WITHOUT_NINE });
  });

  it("whose answer was lost is found in the list under the form that it was sent to", async () => {
    await using one = house();
    const { looks, entries } = listing(one);
    one.provider.answers.push(lost);
    await one.text("hello", { from: WITH_NINE });
    await one.sms.processDue();
    const [{ to, body } = { to: "", body: "" }] = one.provider.sent;
    const entry = { from: OURS, to, body, mediaCount: 0, status: "delivered", createdAt: one.clock.now() } as const;
    entries.push({ ...entry, providerMessageId: "SM1" });
    await one.text("thanks", { from: WITHOUT_NINE });
    await one.clock.advance(15 * SECOND);
    await one.sms.processDue();
    expect(new Set(looks.map((look) => look.to))).toEqual(new Set([WITH_NINE, WITHOUT_NINE]));
    expect(one.statuses.find(({ status }) => status === "delivered")).toMatchObject({
      providerMessageIds: ["SM1"],
      to,
    });
    await one.sms.settled();
    expect(one.provider.sent.map((sent) => sent.body)).toEqual(["re: hello", "re: thanks"]);
  });

  it("is found under its first form also where it was sent again to the second one", async () => {
    await using one = house({ sending: { unknown: "hold" } });
    const { entries } = listing(one);
    one.provider.answers.push(lost, lost);
    const { id } = await one.sms.send({ key: "1", to: WITH_NINE, body: "hi" });
    await one.sms.processDue();
    await one.text("hello", { from: WITHOUT_NINE });
    await one.sms.resolve(id, "resend");
    await one.clock.advance(2 * SECOND);
    await one.sms.processDue();
    expect(one.provider.sent.map(({ to }) => to)).toEqual([WITH_NINE, WITHOUT_NINE]);
    const entry = { from: OURS, body: "hi", mediaCount: 0, status: "delivered", createdAt: one.clock.now() } as const;
    entries.push({ ...entry, providerMessageId: "SM1", to: WITH_NINE });
    await one.clock.advance(15 * SECOND);
    await one.sms.processDue();
    expect(await one.sms.message(id)).toMatchObject({ status: "delivered", providerMessageIds: ["SM1"] });
  });

  it("is not taken for a landline's", async () => {
    await using one = house({ sending: { unknown: "hold" } });
    const { looks, entries } = listing(one);
    one.provider.answers.push(lost);
    const { id } = await one.sms.send({ key: "1", to: "+5511933334444", body: "hi" });
    await one.sms.processDue();
    const entry = { from: OURS, body: "hi", mediaCount: 0, status: "delivered", createdAt: one.clock.now() } as const;
    entries.push({ ...entry, providerMessageId: "SM1", to: "+551133334444" });
    await one.clock.advance(15 * SECOND);
    await one.sms.processDue();
    expect(new Set(looks.map(({ to }) => to))).toEqual(new Set(["+5511933334444"]));
    expect(await one.sms.message(id)).toMatchObject({ status: "unknown" });
  });

  it("shows recover() that the person was answered, under either form", async () => {
    const one = sweepScene();
    await using rigged = one.house;
    const { entries } = listing(rigged);
    one.lose("SM1in", "hello", MINUTE, WITH_NINE);
    const answer = { from: OURS, to: WITHOUT_NINE, body: "re: hello", mediaCount: 0, status: "delivered" } as const;
    entries.push({ ...answer, providerMessageId: "SM2", createdAt: rigged.clock.now() });
    expect(await rigged.sms.recover()).toEqual({ markedUnknown: 0, swept: 1 });
    await rigged.sms.settled();
    expect(rigged.provider.sent).toEqual([]);
  });
});
