import { describe, expect, it } from "vitest";
import { type FakeCarrier, fakeCarrier } from "../../src/testing/fake-carrier.ts";
import type { ReceivedWebhook, SendRequest } from "../../src/transport/transport.ts";

const OURS = "+15703251809";
const PERSON = "+12345678900";
const request: SendRequest = {
  outboundId: "out_1",
  attempt: 1,
  line: OURS,
  from: OURS,
  to: PERSON,
  body: "Hi",
  media: [],
};

async function receive(carrier: FakeCarrier, webhook: Request): Promise<ReceivedWebhook> {
  const { method, url, headers } = webhook;
  return carrier.receive({ method, url, headers, body: await webhook.text() });
}

describe("fakeCarrier", () => {
  it("takes every text and writes it down, unless told otherwise", async () => {
    const carrier = fakeCarrier({ now: () => 5 });
    expect(await carrier.send(request)).toEqual({
      kind: "accepted",
      carrierId: "fake-1",
      status: "accepted",
      rawStatus: "queued",
    });
    expect(carrier.sends).toEqual([request]);
    expect(carrier.taken).toMatchObject([
      { carrierId: "fake-1", outboundId: "out_1", from: OURS, to: PERSON, createdAt: 5 },
    ]);
  });

  it("answers as scripted, first by the queue, then by respond", async () => {
    const refusal = {
      refusal: "permanent",
      wholeAccount: false,
      retryAfterMs: null,
      error: { code: 1, reason: "no" },
    } as const;
    const carrier = fakeCarrier({ respond: () => ({ kind: "refused", ...refusal }) });
    const unknown = { kind: "unknown", error: { code: null, reason: "?" } } as const;
    carrier.answerNext(unknown, { kind: "lost" });
    expect(await carrier.send(request)).toEqual(unknown);
    expect((await carrier.send(request)).kind).toBe("unknown");
    expect(await carrier.send(request)).toEqual({ kind: "refused", ...refusal });
    expect(carrier.sends).toHaveLength(3);
    expect(carrier.taken.map(({ carrierId }) => carrierId)).toEqual(["fake-2"]);
  });

  it("holds a send up as long as respond does", async () => {
    const releases: (() => void)[] = [];
    const held = new Promise<void>((resolve) => releases.push(resolve));
    const carrier = fakeCarrier({ respond: () => held.then(() => ({ kind: "lost" as const })) });
    const sending = carrier.send(request);
    expect(carrier.sends).toHaveLength(1);
    expect(carrier.taken).toEqual([]);
    releases[0]?.();
    expect((await sending).kind).toBe("unknown");
  });

  it("makes webhooks of texts that it understands itself", async () => {
    const carrier = fakeCarrier();
    const webhook = carrier.text({ from: PERSON, to: OURS, body: "Hello", optOut: "STOP" });
    expect(await receive(carrier, webhook)).toEqual({
      kind: "inbound",
      text: {
        key: "fake:fake-text-1",
        carrierId: "fake-text-1",
        from: PERSON,
        to: OURS,
        service: null,
        body: "Hello",
        media: [],
        optOut: "STOP",
        occurredAt: null,
      },
    });
    const again = { from: PERSON, to: OURS, body: "Hello", id: "T1" };
    const [one, two] = [await receive(carrier, carrier.text(again)), await receive(carrier, carrier.text(again))];
    expect(one).toEqual(two);
    const { texts } = await carrier.listInbound({ to: OURS, since: 0 });
    expect(texts).toHaveLength(2);
    const unrecorded = async (keys: readonly string[]) => keys.filter((key) => key !== "fake:T1");
    expect((await carrier.listInbound({ to: OURS, since: { lastMs: 60_000 }, unrecorded })).texts).toHaveLength(1);
    const later = await carrier.listInbound({ to: OURS, since: Date.now() + 60_000 });
    expect(later).toEqual({ texts: [], asOf: null });
  });

  it("reports on what it took, and on what it never saw", async () => {
    const carrier = fakeCarrier();
    await carrier.send(request);
    const error = { code: 30003, reason: "off" };
    expect(await receive(carrier, carrier.report({ carrierId: "fake-1", status: "undelivered", error }))).toEqual({
      kind: "status",
      report: {
        outboundId: "out_1",
        attempt: 1,
        carrierId: "fake-1",
        status: "undelivered",
        rawStatus: "undelivered",
        error,
        optOut: false,
      },
    });
    expect(carrier.taken).toMatchObject([{ status: "undelivered" }]);
    expect(await receive(carrier, carrier.report({ carrierId: "other", status: "sent" }))).toMatchObject({
      report: { outboundId: null, attempt: null },
    });
  });

  it("turns away what another carrier made", async () => {
    const carrier = fakeCarrier();
    const foreign = fakeCarrier().text({ from: PERSON, to: OURS, body: "forged" });
    expect(await receive(carrier, foreign)).toMatchObject({ kind: "rejected", httpStatus: 403 });
    const bare = new Request("https://carrier.test/webhook", { method: "POST", body: "webhook-1" });
    expect(await receive(carrier, bare)).toMatchObject({ kind: "rejected", httpStatus: 400 });
    const get = new Request("https://carrier.test/webhook");
    expect(await receive(carrier, get)).toMatchObject({ kind: "rejected", httpStatus: 405 });
  });

  it("finds what it took, newest first", async () => {
    let now = 0;
    const carrier = fakeCarrier({ now: () => ++now });
    carrier.answerNext({ kind: "lost" });
    for (const body of ["1", "2", "3"]) await carrier.send({ ...request, body });
    await carrier.send({ ...request, to: "+1", body: "other" });
    const { messages: found, asOf } = await carrier.find({ from: OURS, to: PERSON, since: 2 });
    expect(asOf).toBe(now);
    expect(found.map(({ body }) => body)).toEqual(["3", "2"]);
    const { messages: all } = await carrier.find({ from: OURS, to: PERSON, since: 0 });
    expect(all.at(-1)).toMatchObject({ body: "1", mediaCount: 0 });
  });

  it("sends an auto-reply with its answer, once however often it is asked", async () => {
    const carrier = fakeCarrier();
    expect(await carrier.acknowledge(null).text()).toBe("");
    expect(await carrier.acknowledge(request).text()).toBe("Hi");
    expect(await carrier.acknowledge(request).text()).toBe("Hi");
    expect(carrier.autoReplies).toEqual([request, request]);
    expect(carrier.taken).toMatchObject([{ outboundId: "out_1" }]);
    expect(carrier.sends).toEqual([]);
  });

  it("has the capabilities and senders that it is given", async () => {
    const carrier = fakeCarrier({ senders: [OURS], capabilities: { maxMedia: 0 } });
    expect(carrier.capabilities).toEqual({
      maxBodyLength: 1600,
      maxMedia: 0,
      statusCallbacks: true,
      autoReply: true,
      lists: true,
    });
    expect(await carrier.senders()).toMatchObject([{ address: OURS }]);
  });
});
