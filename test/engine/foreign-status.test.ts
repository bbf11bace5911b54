import { describe, expect, it } from "vitest";
import type { StatusCallback } from "../../src/transport/transport.ts";
import { OURS, PERSON, rig } from "./rig.ts";

async function reported(sender: NonNullable<StatusCallback["sender"]>, hasId = true) {
  await using house = rig();
  const { id } = await house.sms.send({ key: "1", to: PERSON, body: "hello" });
  await house.sms.settled();
  const message = await house.sms.message(id);
  const providerMessageId = message?.direction === "outbound" ? (message.providerMessageIds[0] ?? "") : "";
  house.provider.receive = async () => ({
    kind: "status",
    callback: {
      outboundId: hasId ? id : null,
      attempt: hasId ? 1 : null,
      providerMessageId,
      status: "delivered",
      rawStatus: "delivered",
      error: null,
      optOut: true,
      sender,
    },
  });
  await house.sms.fetch(new Request("https://example.com/sms", { method: "POST", body: "x" }));
  const after = await house.sms.message(id);
  return {
    status: after?.direction === "outbound" ? after.status : null,
    kinds: house.notices.map(({ kind }) => kind),
  };
}

describe("a status callback that speaks for one sender", () => {
  it("moves a message of that sender", async () => {
    expect(await reported({ from: OURS, service: null })).toMatchObject({ status: "delivered" });
  });

  it.each([
    ["another tenant's number", { from: "+15703251810", service: null }, true],
    ["another tenant's service", { from: null, service: `MG${"b".repeat(32)}` }, true],
    ["a message that it names by the provider's id alone", { from: "+15703251810", service: null }, false],
  ] as const)("moves no message from %s, and opts out no person", async (_, sender, hasId) => {
    expect(await reported(sender, hasId)).toEqual({ status: "accepted", kinds: ["unmatched-status"] });
  });
});
