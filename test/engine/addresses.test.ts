import { describe, expect, it } from "vitest";
import { ownline } from "../../src/index.ts";
import { OURS, PERSON, rig, scriptedTransport } from "./rig.ts";

const NOW = { burst: { quietMs: 0 } };

describe("a sender and a person on different channels", () => {
  it.each([
    [OURS, `whatsapp:${PERSON}`],
    [`whatsapp:${OURS}`, PERSON],
    [OURS, "messenger:123456789"],
    ["messenger:99", PERSON],
  ])("are refused by send() and simulate() before anything is stored: %s and %s", async (sender, person) => {
    const provider = scriptedTransport();
    const { storage } = rig(NOW);
    const senders = [OURS, `whatsapp:${OURS}`, "messenger:99"];
    await using sms = ownline({ senders, transport: provider, storage, ai: () => "ok", sweep: false });
    const refused = { code: "invalid_address", message: expect.stringContaining("21910") };
    await expect(sms.send({ key: "1", from: sender, to: person, body: "x" })).rejects.toMatchObject(refused);
    await expect(sms.simulate({ id: "1", from: person, to: sender, body: "x" })).rejects.toMatchObject(refused);
    expect((await sms.conversations()).conversations).toEqual([]);
    expect(provider.sent).toEqual([]);
  });

  it("are the provider's to judge where a Messaging Service picks the sender", async () => {
    const provider = scriptedTransport();
    const service = `MG${"a".repeat(32)}`;
    const { storage } = rig(NOW);
    await using sms = ownline({ senders: [service], transport: provider, storage, ai: () => "ok", sweep: false });
    const sent = await sms.send({ key: "1", to: `whatsapp:${PERSON}`, body: "x" });
    expect(sent).toMatchObject({ to: `whatsapp:${PERSON}` });
  });
});

it("send() texts the number that a trunk zero in brackets stood in", async () => {
  await using house = rig(NOW);
  await house.sms.send({ key: "1", to: "+44 (0)20 7946 0958", body: "x" });
  await house.sms.settled();
  expect(house.provider.sent.map(({ to }) => to)).toEqual(["+442079460958"]);
  const unsure = house.sms.send({ key: "2", to: "+54 (0)11 4123 4567", body: "x" });
  await expect(unsure).rejects.toMatchObject({ code: "invalid_address" });
});

it("a sender in the options is refused with the character that does not belong there", () => {
  const senders: [typeof OURS] = ["+1570325180O" as typeof OURS];
  expect(() => rig({ senders })).toThrow(/options\.senders\[0\].*U\+004F/);
});

describe("a message to a number that is not a sender", () => {
  const detailOf = async (to: string): Promise<string> => {
    await using house = rig(NOW);
    await house.text("hello", { to, from: "2345678900" });
    await house.sms.settled();
    return house.notices.map(({ kind, detail }) => `${kind}: ${detail}`).join("\n");
  };

  it("in national format is reported with the API version to set in the console", async () => {
    const detail = await detailOf("5703251809");
    expect(detail).toMatch(/^not-answered: .*2008-08-01.*2010-04-01.*console/);
    expect(detail).not.toContain("add it to senders");
  });

  it.each(["+15703251810", "68849", "whatsapp:+15703251810"])("is named as missing in senders: %s", async (to) => {
    expect(await detailOf(to)).toContain("add it to senders");
  });
});
