import { describe, expect, it } from "vitest";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { ledger } from "./rig.ts";
import { apart, LINES, MINUTE_MS, service, shared, together } from "./two-services.ts";

describe("two services over one ledger", () => {
  it("do not touch each other's conversations where each has a scope", async () => {
    await expect(shared(["shop", "clinic"], apart)).resolves.toBeUndefined();
  });

  it("do not touch each other's where one has the common scope", async () => {
    await expect(shared([undefined, "clinic"], apart)).resolves.toBeUndefined();
  });

  it("answer and send nothing of each other in one scope by mistake, and say what to do", async () => {
    await expect(shared([undefined, undefined], together)).resolves.toBeUndefined();
  });

  it("end settled() beside what is the other's, and answer it when the other service comes", () =>
    shared([undefined, undefined], async ([one, other], clock) => {
      await other.sms.simulate({ id: "1", from: "+12345678900", body: "hello" });
      await clock.advance(MINUTE_MS);
      await one.sms.settled();
      expect([one.sent, one.asked]).toEqual([[], []]);
      await other.sms.settled();
      expect(other.sent.map(({ body }) => body)).toEqual([`${LINES[1]} says: hello`]);
    }));

  it("go on with a conversation that was filed under another scope", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    const before = service(storage, clock, LINES[0]);
    await before.sms.simulate({ id: "1", from: "+12345678900", body: "one" });
    await before.sms.settled();
    await before.sms.send({ key: "1", to: "+12345678900", body: "news" });
    await before.sms.stop();
    const after = service(storage, clock, LINES[0], "shop");
    await after.sms.simulate({ id: "2", from: "+12345678900", body: "two" });
    await after.sms.settled();
    expect(after.sent.map(({ body }) => body)).toEqual(["news", `${LINES[0]} says: two`]);
    await after.sms.close();
  });

  it("keep each other's keys apart", () =>
    shared(["shop", "clinic"], async ([one, other]) => {
      const first = await one.sms.send({ key: "order-1", to: "+12345678900", body: "shop" });
      const second = await other.sms.send({ key: "order-1", to: "+12345678900", body: "clinic" });
      expect(second.id).not.toBe(first.id);
      expect((await one.sms.send({ key: "order-1", to: "+12345678900", body: "shop" })).id).toBe(first.id);
    }));
});
