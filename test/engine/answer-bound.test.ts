import { describe, expect, it } from "vitest";
import { OURS, PERSON, type Rig, rig } from "./rig.ts";

const FALLBACK = "Sorry, I cannot answer right now. Please try again in a little while.";
const NOW = { burst: { quietMs: 0 }, sending: { rateLimit: false } } as const;
const parts = (count: number) => "word ".repeat(320 * count).trim();
const bodies = (house: Rig) => house.provider.sent.map(({ body }) => body);

describe("an answer of more parts than a phone should get", () => {
  it("is asked for once more, and then one fallback leaves", async () => {
    await using house = rig(NOW);
    house.script = () => parts(100);
    await house.text("say it all");
    await house.sms.settled();
    expect(house.asked.map(({ turn }) => turn.tooLong?.parts)).toEqual([undefined, 100]);
    expect(house.asked[1]?.turn.tooLong).toMatchObject({ maxParts: 25 });
    expect(bodies(house)).toEqual([FALLBACK]);
    expect(house.turns).toMatchObject([{ outcome: "fallback", run: 1 }]);
    expect(house.errors.map(({ message }) => message)).toEqual([
      expect.stringContaining("100 parts, then 100, and answer.maxParts is 25"),
    ]);
  });

  it("gives way to a second, shorter answer", async () => {
    await using house = rig(NOW);
    house.script = ({ tooLong }) => (tooLong ? "in short" : parts(26));
    await house.text("say it all");
    await house.sms.settled();
    expect(bodies(house)).toEqual(["in short"]);
    expect(house.errors).toEqual([]);
  });

  it("leaves whole up to the bound", async () => {
    await using house = rig(NOW);
    house.script = () => parts(20);
    await house.text("say it all");
    await house.sms.settled();
    expect(house.asked).toHaveLength(1);
    expect(bodies(house).join(" ")).toBe(parts(20));
  });

  it("stays a hand-off, with the fallback in place of its text", async () => {
    await using house = rig(NOW);
    house.script = ({ tooLong }) =>
      tooLong ? parts(30) : { kind: "hand-off", text: parts(40), reason: "asks for a person" };
    await house.text("a person, please");
    await house.sms.settled();
    expect(bodies(house)).toEqual([FALLBACK]);
    expect(house.turns).toMatchObject([{ outcome: "handed-off", reason: "asks for a person" }]);
    expect(house.errors).toHaveLength(1);
  });

  it("bounds neither the fallback nor what the service sends", async () => {
    await using house = rig({ ...NOW, answer: { maxParts: 1, fallbackText: parts(2) } });
    house.script = () => parts(3);
    await house.text("say it all");
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(2);
    await house.sms.send({ key: "k", from: OURS, to: PERSON, body: parts(3) });
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(5);
  });
});
