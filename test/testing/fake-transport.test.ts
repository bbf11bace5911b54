import { describe, expect, it } from "vitest";
import { type FakeTransport, fakeTransport } from "../../src/testing/fake-transport.ts";
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

async function receive(provider: FakeTransport, webhook: Request): Promise<ReceivedWebhook> {
  const { method, url, headers } = webhook;
  return provider.receive({ method, url, headers, body: await webhook.text() });
}

describe("fakeTransport", () => {
  it("takes every text and writes it down, unless the test says otherwise", async () => {
    const provider = fakeTransport({ now: () => 5 });
    expect(await provider.send(request)).toEqual({
      kind: "accepted",
      providerMessageId: "fake-1",
      status: "accepted",
      rawStatus: "queued",
    });
    expect(provider.sends).toEqual([request]);
    expect(provider.taken).toMatchObject([
      { providerMessageId: "fake-1", outboundId: "out_1", from: OURS, to: PERSON, createdAt: 5 },
    ]);
  });

  it("answers as scripted, first by the queue, then by respond", async () => {
    const refusal = {
      refusal: "permanent",
      wholeAccount: false,
      retryAfterMs: null,
      error: { code: 1, reason: "no" },
    } as const;
    const provider = fakeTransport({ respond: () => ({ kind: "refused", ...refusal }) });
    const unknown = { kind: "unknown", error: { code: null, reason: "?" } } as const;
    provider.answerNext(unknown, { kind: "lost" });
    expect(await provider.send(request)).toEqual(unknown);
    expect((await provider.send(request)).kind).toBe("unknown");
    expect(await provider.send(request)).toEqual({ kind: "refused", ...refusal });
    expect(provider.sends).toHaveLength(3);
    expect(provider.taken.map(({ providerMessageId }) => providerMessageId)).toEqual(["fake-2"]);
  });

  it("holds a send up as long as respond does", async () => {
    const releases: (() => void)[] = [];
    const held = new Promise<void>((resolve) => releases.push(resolve));
    const provider = fakeTransport({ respond: () => held.then(() => ({ kind: "lost" as const })) });
    const sending = provider.send(request);
    expect(provider.sends).toHaveLength(1);
    expect(provider.taken).toEqual([]);
    releases[0]?.();
    expect((await sending).kind).toBe("unknown");
  });

  it("makes webhooks of texts that it understands itself", async () => {
    const provider = fakeTransport();
    const webhook = provider.text({ from: PERSON, to: OURS, body: "Hello", optOut: "STOP" });
    expect(await receive(provider, webhook)).toEqual({
      kind: "inbound",
      message: {
        key: "fake:fake-text-1",
        providerMessageId: "fake-text-1",
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
    const [one, two] = [await receive(provider, provider.text(again)), await receive(provider, provider.text(again))];
    expect(one).toEqual(two);
    const { messages: texts } = await provider.listInbound({ to: OURS, since: 0 });
    expect(texts).toHaveLength(2);
    const unrecorded = async (keys: readonly string[]) => keys.filter((key) => key !== "fake:T1");
    expect((await provider.listInbound({ to: OURS, since: { lastMs: 60_000 }, unrecorded })).messages).toHaveLength(1);
    const later = await provider.listInbound({ to: OURS, since: Date.now() + 60_000 });
    expect(later).toEqual({ messages: [], asOf: null });
  });

  it("reports on what it took, and on what it never saw", async () => {
    const provider = fakeTransport();
    await provider.send(request);
    const error = { code: 30003, reason: "off" };
    expect(
      await receive(provider, provider.report({ providerMessageId: "fake-1", status: "undelivered", error })),
    ).toEqual({
      kind: "status",
      callback: {
        outboundId: "out_1",
        attempt: 1,
        providerMessageId: "fake-1",
        status: "undelivered",
        rawStatus: "undelivered",
        error,
        optOut: false,
      },
    });
    expect(provider.taken).toMatchObject([{ status: "undelivered" }]);
    expect(await receive(provider, provider.report({ providerMessageId: "other", status: "sent" }))).toMatchObject({
      callback: { outboundId: null, attempt: null },
    });
  });

  it("turns away what another provider made", async () => {
    const provider = fakeTransport();
    const foreign = fakeTransport().text({ from: PERSON, to: OURS, body: "forged" });
    expect(await receive(provider, foreign)).toMatchObject({ kind: "rejected", httpStatus: 403 });
    const bare = new Request("https://provider.test/webhook", { method: "POST", body: "webhook-1" });
    expect(await receive(provider, bare)).toMatchObject({ kind: "rejected", httpStatus: 400 });
    const get = new Request("https://provider.test/webhook");
    expect(await receive(provider, get)).toMatchObject({ kind: "rejected", httpStatus: 405 });
  });

  it("finds what it took, newest first", async () => {
    let now = 0;
    const provider = fakeTransport({ now: () => ++now });
    provider.answerNext({ kind: "lost" });
    for (const body of ["1", "2", "3"]) await provider.send({ ...request, body });
    await provider.send({ ...request, to: "+1", body: "other" });
    const { messages: found, asOf } = await provider.find({ from: OURS, to: PERSON, since: 2 });
    expect(asOf).toBe(now);
    expect(found.map(({ body }) => body)).toEqual(["3", "2"]);
    const { messages: all } = await provider.find({ from: OURS, to: PERSON, since: 0 });
    expect(all.at(-1)).toMatchObject({ body: "1", mediaCount: 0 });
  });

  it("sends an auto-reply with its answer, once however often it is asked", async () => {
    const provider = fakeTransport();
    expect(await provider.acknowledge(null).text()).toBe("");
    expect(await provider.acknowledge(request).text()).toBe("Hi");
    expect(await provider.acknowledge(request).text()).toBe("Hi");
    expect(provider.autoReplies).toEqual([request, request]);
    expect(provider.taken).toMatchObject([{ outboundId: "out_1" }]);
    expect(provider.sends).toEqual([]);
  });

  it("has the capabilities and senders that it is given", async () => {
    const provider = fakeTransport({ senders: [OURS], capabilities: { maxMedia: 0 } });
    expect(provider.capabilities).toEqual({
      maxBodyLength: 1600,
      maxMedia: 0,
      statusCallbacks: true,
      autoReply: true,
      lists: true,
    });
    expect(await provider.senders()).toMatchObject([{ address: OURS }]);
  });
});
