import { describe, expect, it } from "vitest";
import { accepted, breathe, deferred, lost, OTHER, OURS, refused, rig } from "./rig.ts";

const MINUTE = 60_000;

describe("sending", () => {
  it("waits as long as the provider asks after too many requests, and then sends once", async () => {
    await using house = rig({ burst: { quietMs: 0 }, sending: { backoffMs: 1000 } });
    house.provider.answers.push(refused("retry-now", 20429, 7000));
    await house.text("hello");
    await house.sms.processDue();
    await house.clock.advance(6999);
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(1);
    await house.clock.advance(1);
    await house.sms.processDue();
    expect(house.provider.sent.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(house.statuses.at(-1)).toMatchObject({ status: "accepted", attempts: 2, providerMessageIds: ["SM2"] });
  });

  it("backs off longer with every refusal", async () => {
    await using house = rig({ burst: { quietMs: 0 }, sending: { backoffMs: 1000 } });
    for (let times = 0; times < 4; times += 1) house.provider.answers.push(refused("retry-now", 20429));
    await house.text("hello");
    const at: number[] = [];
    const start = house.clock.now();
    house.provider.send = ((send) => async (request) => {
      at.push(house.clock.now() - start);
      return send(request);
    })(house.provider.send);
    await house.sms.settled();
    expect(at).toEqual([0, 1000, 3000, 7000, 15_000]);
  });

  it("never repeats a request whose answer was lost before the window is over, then sends again and says so", async () => {
    await using house = rig({ burst: { quietMs: 0 }, sending: { unknownWindowMs: 10 * MINUTE } });
    house.provider.answers.push(lost);
    await house.text("hello");
    await house.sms.processDue();
    expect(house.statuses.at(-1)).toMatchObject({ status: "unknown" });
    await house.clock.advance(10 * MINUTE - 1);
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(1);
    await house.clock.advance(1);
    await house.sms.processDue();
    expect(house.provider.sent.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(house.notices.map(({ kind }) => kind)).toEqual(["unknown", "resent"]);
  });

  it("asks the provider to give a message up after five minutes, and waits a minute longer for evidence", async () => {
    await using house = rig({ burst: { quietMs: 0 } });
    house.provider.answers.push(lost);
    await house.text("hello");
    await house.sms.processDue();
    expect(house.provider.sent[0]?.validityMs).toBe(5 * MINUTE);
    await house.clock.advance(6 * MINUTE - 1);
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(1);
    await house.clock.advance(1);
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(2);
  });

  it("settles a lost answer by the callback that carries our id, and sends no second SMS", async () => {
    await using house = rig({ burst: { quietMs: 0 } });
    house.provider.answers.push(lost);
    await house.text("hello");
    await house.sms.processDue();
    const outboundId = house.provider.sent[0]?.outboundId ?? "";
    await status(house, {
      outboundId,
      attempt: 1,
      providerMessageId: "SM9",
      status: "delivered",
      rawStatus: "delivered",
    });
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
    expect(house.statuses.at(-1)).toMatchObject({ id: outboundId, status: "delivered", providerMessageIds: ["SM9"] });
  });

  it("counts it when the provider turns out to have a message twice", async () => {
    await using house = rig({ burst: { quietMs: 0 } });
    house.provider.answers.push(lost);
    await house.text("hello");
    await house.sms.settled();
    const outboundId = house.provider.sent[0]?.outboundId ?? "";
    await status(house, {
      outboundId,
      attempt: 1,
      providerMessageId: "SMfirst",
      status: "delivered",
      rawStatus: "delivered",
    });
    expect(house.notices.map(({ kind }) => kind)).toContain("duplicate");
  });

  it.each([
    ["hold", "held"],
    ["drop", "failed"],
  ] as const)("does what the policy says where no evidence comes: %s", async (unknown, expected) => {
    await using house = rig({ burst: { quietMs: 0 }, sending: { unknown } });
    house.provider.answers.push(lost);
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
    expect(house.statuses.at(-1)).toMatchObject({ status: expected });
  });

  it("gives up what the provider will never take, and cancels the rest of that reply", async () => {
    await using house = rig({ burst: { quietMs: 0 } });
    house.script = () => "A sentence that fills the page. ".repeat(120);
    house.provider.answers.push(refused("permanent", 21614));
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
    const statuses = (await house.history(await last(house)))
      .filter((message) => message.direction === "outbound")
      .map(({ status: state }) => state);
    expect(statuses).toEqual(["failed", "cancelled", "cancelled"]);
    expect(house.notices.map(({ kind }) => kind)).toEqual(["failed", "cancelled", "cancelled"]);
  });

  it("says loudly who must do what when a setting is wrong", async () => {
    await using house = rig({ burst: { quietMs: 0 } });
    house.provider.answers.push(refused("configuration", 21606));
    await house.text("hello");
    await house.sms.settled();
    expect(house.errors).toMatchObject([{ code: "transport_rejected", providerCode: 21606 }]);
    expect(house.statuses.at(-1)).toMatchObject({ status: "failed" });
  });

  it("keeps a reply when the account's credentials are wrong, and sends it once they are right", async () => {
    await using house = rig({ burst: { quietMs: 0 } });
    const denied = { ...refused("configuration", 20003), wholeAccount: true };
    house.provider.answers.push(denied, denied);
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(3);
    expect(house.statuses.at(-1)).toMatchObject({ status: "accepted" });
  });

  it("treats a transport that throws as an answer that was lost", async () => {
    await using house = rig({ burst: { quietMs: 0 }, sending: { unknown: "hold" } });
    house.provider.answers.push(new Error("socket hang up"));
    await house.text("hello");
    await house.sms.settled();
    expect(house.provider.sent).toHaveLength(1);
    expect(house.statuses.at(-1)).toMatchObject({ status: "held" });
  });

  it("hands nothing over after standing still for longer than its lease, and sends it once afterwards", async () => {
    await using house = rig({ worker: { leaseMs: 10_000 } });
    const { claimSend } = house.storage;
    let freezes = 1;
    house.storage.claimSend = async (claim) => {
      const claimed = await claimSend.call(house.storage, claim);
      if (freezes-- > 0) await house.clock.advance(10_000);
      return claimed;
    };
    await house.sms.send({ key: "frozen", to: OTHER, body: "one" });
    await house.sms.processDue();
    expect(house.provider.sent).toEqual([]);
    await house.sms.settled();
    expect(house.provider.sent.map(({ attempt, body }) => [attempt, body])).toEqual([[2, "one"]]);
  });

  it("cancels what has waited past its expiry", async () => {
    await using house = rig({ sending: { expiryMs: MINUTE } });
    await house.sms.send({ key: "late", to: OTHER, body: "Your taxi is here." });
    await house.clock.advance(MINUTE + 1);
    await house.sms.settled();
    expect(house.provider.sent).toEqual([]);
    expect(house.statuses.at(-1)).toMatchObject({ status: "cancelled" });
  });

  it("sends the texts of one conversation in order, one after the other", async () => {
    await using house = rig({ sending: { rateLimit: false } });
    const first = deferred();
    house.provider.answers.push(async (request) => {
      await first.promise;
      return accepted(`SM-${request.outboundId}`);
    });
    await house.sms.send({ key: "1", to: OTHER, body: "one" });
    await house.sms.send({ key: "2", to: OTHER, body: "two" });
    const sweep = house.sms.processDue();
    for (let round = 0; round < 5; round += 1) await breathe();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["one"]);
    first.resolve();
    await sweep;
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["one", "two"]);
  });

  it("lets a later message overtake one whose fate is unknown after a while, with a notice", async () => {
    await using house = rig({ sending: { orderWaitMs: 2 * MINUTE, unknownWindowMs: 10 * MINUTE } });
    house.provider.answers.push(lost);
    const one = await house.sms.send({ key: "1", to: OTHER, body: "one" });
    await house.sms.send({ key: "2", to: OTHER, body: "two" });
    await house.sms.processDue();
    await house.clock.advance(2 * MINUTE - 1);
    await house.sms.processDue();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["one"]);
    await house.clock.advance(1);
    await house.sms.processDue();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["one", "two"]);
    expect(house.notices).toContainEqual(expect.objectContaining({ kind: "overtaken", messageId: one.id }));
  });

  it("merges status callbacks by rank, in any order", async () => {
    await using house = rig({ burst: { quietMs: 0 } });
    await house.text("hello");
    await house.sms.settled();
    const outboundId = house.provider.sent[0]?.outboundId ?? "";
    for (const [state, raw] of [
      ["delivered", "delivered"],
      ["sent", "sent"],
      ["accepted", "queued"],
      ["delivered", "delivered"],
    ] as const) {
      await status(house, { outboundId, attempt: 1, providerMessageId: "SM1", status: state, rawStatus: raw });
    }
    expect(house.statuses.filter(({ status: state }) => state === "delivered")).toHaveLength(1);
    const story = await house.sms.explain(outboundId);
    expect(story?.message).toMatchObject({ status: "delivered" });
    expect(story?.steps.join("\n")).toContain('"delivered"');
    expect(story?.attempts[0]?.events.find((event) => event.rawStatus === "delivered")?.times).toBe(2);
  });

  it("keeps from the provider every message but those of ours", async () => {
    await using house = rig({ burst: { quietMs: 0 } });
    await house.type("typed");
    await house.text("texted");
    await house.sms.send({ key: "k", to: OTHER, body: "sent" });
    await house.sms.settled();
    expect(new Set(house.provider.sent.map(({ from }) => from))).toEqual(new Set([OURS]));
    expect(house.provider.sent.map(({ body }) => body)).not.toContain("typed");
  });

  it("notices a callback about a message that it does not know", async () => {
    await using house = rig();
    await status(house, {
      outboundId: null,
      attempt: null,
      providerMessageId: "SMother",
      status: "delivered",
      rawStatus: "delivered",
    });
    expect(house.notices).toMatchObject([{ kind: "unmatched-status" }]);
  });
});

type House = ReturnType<typeof rig>;
type Report = {
  outboundId: string | null;
  attempt: number | null;
  providerMessageId: string;
  status: "accepted" | "sent" | "delivered" | "failed";
  rawStatus: string;
};

async function status(house: House, callback: Report): Promise<void> {
  const receive = house.provider.receive;
  house.provider.receive = async () => ({ kind: "status", callback: { ...callback, error: null, optOut: false } });
  const response = await house.sms.fetch(new Request("https://example.com/sms", { method: "POST", body: "x" }));
  house.provider.receive = receive;
  if (response.status !== 200) throw new Error(`the callback was answered ${response.status}`);
}

async function last(house: House) {
  const message = house.messages[0];
  if (message === undefined) throw new Error("no message was stored");
  return message;
}
