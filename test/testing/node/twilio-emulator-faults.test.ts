import { describe, expect, it } from "vitest";
import type { PlannedFault } from "../../../src/testing/node/node.ts";
import type { SendResult } from "../../../src/transport/transport.ts";
import { twilio } from "../../../src/transport/twilio/twilio.ts";
import { bench, OURS, PERSON, single, twiml, WEBHOOK } from "./emulator-bench.ts";

describe("faults", () => {
  it.each<[PlannedFault, SendResult["kind"], number]>([
    [{ kind: "drop-after-accept" }, "unknown", 1],
    [{ kind: "error-after-accept" }, "unknown", 1],
    [{ kind: "error-after-accept", httpStatus: 503 }, "unknown", 1],
    [{ kind: "drop-before-accept" }, "unknown", 0],
    [{ kind: "refuse", code: 30022 }, "refused", 0],
    [{ kind: "delay", ms: 1 }, "accepted", 1],
  ])("%j ends as %s with %i message(s) taken", async (fault, kind, taken) => {
    const { emulator, send } = bench();
    emulator.faults.next(fault);
    expect((await send()).kind).toBe(kind);
    expect(emulator.messages).toHaveLength(taken);
    expect(emulator.faults.remaining).toBe(0);
    expect((await send()).kind).toBe("accepted");
  });

  it("breaks the connection over HTTP as well, after taking the message", async () => {
    const { emulator } = bench();
    const { accountSid, authToken } = emulator.credentials;
    const transport = twilio({ accountSid, authToken, webhookUrl: WEBHOOK, apiUrl: await emulator.listen() });
    emulator.faults.next({ kind: "drop-after-accept" });
    const request = { outboundId: "o", attempt: 1, line: OURS, from: OURS, to: PERSON, body: "x", media: [] };
    expect((await transport.send(request)).kind).toBe("unknown");
    expect(emulator.messages).toHaveLength(1);
    expect(emulator.requests).toMatchObject([{ httpStatus: null }]);
    expect((await transport.send(request)).kind).toBe("accepted");
  });

  it("asks for patience with 429 and Retry-After", async () => {
    const { emulator, send } = bench();
    emulator.faults.next({ kind: "refuse", code: 20429, retryAfterSeconds: 2, times: 2 });
    const patience = { kind: "refused", refusal: "retry-now", retryAfterMs: 2000, tooFast: true };
    expect([await send(), await send()]).toMatchObject([patience, patience]);
    expect((await send()).kind).toBe("accepted");
  });

  it("hangs until the caller gives up", async () => {
    const { emulator, send } = bench();
    emulator.faults.next({ kind: "hang" });
    const controller = new AbortController();
    const stop = emulator.onMessage(() => controller.abort());
    expect((await send({ signal: controller.signal })).kind).toBe("unknown");
    stop();
    expect(emulator.messages).toHaveLength(1);
  });

  it("waits for the request that it is meant for, and can be forgotten", async () => {
    const { emulator, send } = bench();
    emulator.faults.next({ kind: "refuse", code: 21610, match: ({ body }) => body === "second" });
    expect((await send({ body: "first" })).kind).toBe("accepted");
    expect((await send({ body: "second" })).kind).toBe("refused");
    emulator.faults.next({ kind: "drop-after-accept", times: 3 });
    expect(emulator.faults.remaining).toBe(3);
    emulator.faults.clear();
    expect((await send()).kind).toBe("accepted");
  });

  it.each<[PlannedFault["kind"], string[]]>([
    ["duplicate-callback", ["sent", "sent", "delivered"]],
    ["drop-callback", ["delivered"]],
    ["reorder-callbacks", ["delivered", "sent"]],
  ])("%s makes the callbacks come as %j", async (kind, expected) => {
    const { emulator, send, statuses } = bench();
    emulator.faults.next({ kind } as PlannedFault);
    await send();
    await emulator.idle();
    expect(statuses()).toEqual(expected);
    expect(single(emulator).status).toBe("delivered");
  });

  it("loses or doubles a webhook", async () => {
    const { emulator, hooks } = bench({}, () => twiml("<Response><Message>Hi</Message></Response>"));
    emulator.faults.next({ kind: "lose-webhook" });
    expect(await emulator.text({ from: PERSON, to: OURS, body: "1" })).toMatchObject({ response: null, replies: [] });
    expect(hooks).toEqual([]);
    emulator.faults.next({ kind: "duplicate-webhook" });
    const { replies } = await emulator.text({ from: PERSON, to: OURS, body: "2" });
    expect(hooks.map(({ params }) => params.Body)).toEqual(["2", "2"]);
    expect(replies).toHaveLength(1);
  });

  it("hides young messages from a lagging list", async () => {
    let now = Date.UTC(2026, 0, 1);
    const { emulator, transport, send } = bench({ now: () => now });
    await send({ body: "old" });
    now += 120_000;
    await send({ body: "young" });
    emulator.faults.next({ kind: "lagging-list" });
    const query = { from: OURS, to: PERSON, since: 0 };
    const lagging = await transport.find(query);
    expect(lagging.messages.map(({ body }) => body)).toEqual(["old"]);
    expect(lagging.asOf).toBe(now);
    expect((await transport.find(query)).messages.map(({ body }) => body)).toEqual(["young", "old"]);
  });
});
