import { describe, expect, it } from "vitest";
import { OURS, PERSON, rig } from "./rig.ts";

const NOW = { burst: { quietMs: 0 } };

describe("erase()", () => {
  it.each([
    "68849",
    "AMAZON",
    "Bank of X",
    "+68849",
    "2345678900",
    "12345678900",
    "+44 020",
    "+4402079460958",
    "anonymous@example.com",
    "messenger:123456789",
    "whatsapp:2345678900",
    "rcs:my_agent",
  ])("forgets each participant that conversations() returns: %s", async (from) => {
    await using house = rig(NOW);
    await house.text("Your code is 1234", { from });
    await house.text("hello", { from: PERSON });
    await house.sms.settled();
    const { conversations } = await house.sms.conversations();
    const participant = conversations.find((one) => one.participant !== PERSON)?.participant ?? "";
    expect(participant).toBe(from);
    expect(await house.sms.erase({ participant })).toMatchObject({ conversations: 1 });
    expect((await house.sms.conversations()).conversations.map((one) => one.participant)).toEqual([PERSON]);
  });

  it("takes the line of a conversation as it is stored, too", async () => {
    await using house = rig(NOW);
    await house.text("hello", { to: "5703251809" });
    await house.text("hello", { to: OURS });
    await house.sms.settled();
    expect(await house.sms.erase({ participant: PERSON, line: "5703251809" })).toMatchObject({ conversations: 1 });
    expect((await house.sms.conversations()).conversations.map(({ line }) => line)).toEqual([OURS]);
  });

  it("forgets a number however it is written, and by whichever channel it came", async () => {
    await using house = rig(NOW);
    await house.text("hello", { from: "whatsapp:+442079460958" });
    await house.text("hello", { from: "+442079460958" });
    expect(await house.sms.erase({ participant: "+44 (0)20 7946 0958" })).toMatchObject({ conversations: 2 });
    expect(await house.sms.erase({ participant: "+44 (0)20 7946 0958" })).toEqual({ conversations: 0, messages: 0 });
  });

  it.each(["570 325 1809", "5703251809", "Ada", "+١٥٧٠٣٢٥١٨٠٩", "", "a\0b", "half \ud83d", "y".repeat(300), 5, null])(
    "does not let a number that was mistyped look erased: %j",
    async (participant) => {
      await using house = rig(NOW);
      await house.text("hello");
      const order: object = { participant };
      await expect(Reflect.apply(house.sms.erase, house.sms, [order])).rejects.toMatchObject({
        code: "invalid_address",
      });
    },
  );

  it("erases under every address before it reports that one of them failed", async () => {
    await using house = rig(NOW);
    await house.text("hello", { from: `whatsapp:${PERSON}` });
    const erase = house.storage.erase.bind(house.storage);
    house.storage.erase = async (order) => {
      if (order.participant === PERSON) throw new Error("busy");
      return erase(order);
    };
    await expect(house.sms.erase({ participant: PERSON })).rejects.toThrow("busy");
    expect((await house.sms.conversations()).conversations).toEqual([]);
  });
});
