import { describe, expect, it } from "vitest";
import { type OwnlineOptions, ownline } from "../../src/index.ts";
import type { SenderConfig } from "../../src/model/sender.ts";
import { loopGuard } from "../../src/policy/loop-guard.ts";
import { optOut } from "../../src/policy/opt-out.ts";
import type { ConsentKeys, Storage } from "../../src/storage/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { ledger, OURS, PERSON, refused, scriptedTransport } from "./rig.ts";

const SECOND = "+15703251810";
const SERVICE = `MG${"1".repeat(32)}`;
const OTHER_SERVICE = `MG${"2".repeat(32)}`;

type Senders = readonly (string | SenderConfig)[];

type Received = Awaited<ReturnType<Transport["receive"]>>;

let texts = 0;

/** One deployment of a service: its senders, over a ledger that other deployments had before. */
function deployed(
  storage: Storage,
  senders: Senders | ((address: string) => SenderConfig | undefined),
  options: Partial<OwnlineOptions<Senders>> = {},
) {
  const provider = scriptedTransport();
  const received: Received[] = [];
  provider.receive = async () => received.shift() ?? { kind: "ignored", reason: "nothing came" };
  const post = async (what: Received): Promise<void> => {
    received.push(what);
    await sms.fetch(new Request("https://example.com/api/webhooks/sms", { method: "POST" }));
  };
  const sms = ownline<Senders>({
    senders: senders as Senders,
    transport: provider,
    storage,
    ai: ({ messages }) => `echo: ${messages[0]?.body}`,
    clock: manualClock(),
    burst: { quietMs: 0 },
    sending: { rateLimit: false },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    ...options,
  });
  return {
    sms,
    provider,
    post,
    /** Brings a message of the person, and works on nothing. */
    async bring(body: string, to: string = OURS, service: string | null = null, from: string = PERSON) {
      texts += 1;
      const text = {
        key: `AC1:SM${texts}`,
        providerMessageId: `SM${texts}`,
        media: [],
        optOut: null,
        occurredAt: null,
      };
      await post({ kind: "inbound", message: { ...text, body, from, to, service } });
    },
    async text(...message: [body: string, to?: string, service?: string | null, from?: string]) {
      await this.bring(...message);
      await sms.settled();
    },
    /** Whether a message of ours leaves. */
    async reaches(from: string, to: string = PERSON): Promise<boolean> {
      const before = provider.sent.length;
      texts += 1;
      await sms.send({ key: `key ${texts}`, from, to, body: "Your table is ready." }).catch(() => {});
      await sms.settled();
      return provider.sent.length > before;
    },
  };
}

describe("an opt-out", () => {
  it.each<[string, Senders, string | null, Senders, string]>([
    ["is put into a service", [OURS], null, [{ address: OURS, service: SERVICE }], OURS],
    ["is taken out of a service", [{ address: OURS, service: SERVICE }], SERVICE, [OURS], OURS],
    ["is taken out of a service that alone was configured", [SERVICE], SERVICE, [OURS], OURS],
    [
      "goes to another service",
      [{ address: OURS, service: SERVICE }],
      SERVICE,
      [{ address: OURS, service: OTHER_SERVICE }],
      OURS,
    ],
    ["becomes one of a service that alone is configured", [OURS], null, [SERVICE], SERVICE],
    ["was in a service that is not configured", [OURS], SERVICE, [{ address: SECOND, service: SERVICE }], SECOND],
    [
      "leaves its service, and another number of it was texted",
      [
        { address: OURS, service: SERVICE },
        { address: SECOND, service: SERVICE },
      ],
      SERVICE,
      [SECOND],
      SECOND,
    ],
  ])("counts on when the number %s", async (_, before, service, after, from) => {
    const storage = ledger(manualClock());
    await deployed(storage, before).text("STOP", OURS, service);
    const now = deployed(storage, after);
    expect(await now.reaches(from)).toBe(false);
    await now.text("hello", from === SERVICE ? OURS : from, from === SERVICE ? SERVICE : null);
    expect(now.provider.sent).toEqual([]);
  });

  it("reaches no other number of ours, and no other service", async () => {
    const storage = ledger(manualClock());
    const senders = [OURS, SECOND, { address: "+15703251811", service: SERVICE }];
    const house = deployed(storage, senders);
    await house.text("STOP", OURS);
    expect(await house.reaches(SECOND)).toBe(true);
    expect(await house.reaches("+15703251811")).toBe(true);
    expect(await house.reaches(OURS)).toBe(false);
  });

  it("is lifted by START to another number of the service that it came through", async () => {
    const pool = [OURS, SECOND].map((address) => ({ address, service: SERVICE }));
    const house = deployed(ledger(manualClock()), pool);
    await house.text("STOP", OURS, SERVICE);
    expect(await house.reaches(SECOND)).toBe(false);
    await house.text("START", SECOND, SERVICE);
    expect(await house.reaches(OURS)).toBe(true);
    await house.text("hello", OURS, SERVICE);
    expect(house.provider.sent.at(-1)?.body).toBe("echo: hello");
  });

  it("to a toll-free number is undone by START, and not by YES", async () => {
    const tollFree = "+18885550100";
    const house = deployed(ledger(manualClock()), [tollFree]);
    await house.text("STOP", tollFree);
    await house.text("YES", tollFree);
    expect(await house.reaches(tollFree)).toBe(false);
    await house.text("START", tollFree);
    expect(await house.reaches(tollFree)).toBe(true);
  });

  it("to a service is undone by YES to another number of the service, and a phrase is not", async () => {
    const pool = [OURS, SECOND].map((address) => ({ address, service: SERVICE }));
    const house = deployed(ledger(manualClock()), pool);
    await house.text("STOP", OURS, SERVICE);
    await house.text("YES", SECOND, SERVICE);
    expect(await house.reaches(OURS)).toBe(true);
    await house.text("stop texting me", OURS, SERVICE);
    await house.text("YES", SECOND, SERVICE);
    expect(await house.reaches(SECOND)).toBe(false);
  });

  it("spans SMS and WhatsApp of one number", async () => {
    const [ours, person] = [`whatsapp:${OURS}`, `whatsapp:${PERSON}`];
    const house = deployed(ledger(manualClock()), [OURS, ours]);
    await house.text("STOP", ours, null, person);
    expect(await house.reaches(OURS)).toBe(false);
    await house.text("START", OURS);
    expect(await house.reaches(ours, person)).toBe(true);
  });

  it.each([
    ["whatsapp:+551187654321", "whatsapp:+5511987654321"],
    ["whatsapp:+5215512345678", "whatsapp:+525512345678"],
    ["whatsapp:+5491123456789", "whatsapp:+541123456789"],
  ])("of %s holds for %s, which is one person, and START from there lifts it", async (one, other) => {
    const ours = `whatsapp:${OURS}`;
    const house = deployed(ledger(manualClock()), [ours]);
    await house.text("STOP", ours, null, one);
    expect(await house.reaches(ours, other)).toBe(false);
    await house.text("hello", ours, null, other);
    expect(house.provider.sent).toEqual([]);
    await house.text("START", ours, null, other);
    await house.text("hello", ours, null, one);
    expect(house.provider.sent).toMatchObject([{ to: one }]);
  });

  it("of a Brazilian landline holds for no mobile number", async () => {
    const house = deployed(ledger(manualClock()), [OURS]);
    await house.text("STOP", OURS, null, "+551133334444");
    expect(await house.reaches(OURS, "+5511933334444")).toBe(true);
  });

  it("reaches all senders where the policy says so, also one from before it said so", async () => {
    const storage = ledger(manualClock());
    await deployed(storage, [OURS, SECOND]).text("STOP", OURS);
    const policies = [optOut({ covers: "all-senders" }), loopGuard()];
    const house = deployed(storage, [OURS, SECOND], { policies });
    expect(await house.reaches(SECOND)).toBe(false);
    await house.text("hello", SECOND);
    expect(house.provider.sent).toEqual([]);
    await house.text("START", SECOND);
    expect(await house.reaches(SECOND)).toBe(true);
    expect(await house.reaches(OURS)).toBe(false);
  });

  it("stops in its commit what waits to leave from other senders, where it reaches all", async () => {
    const policies = [optOut({ covers: "all-senders" }), loopGuard()];
    const house = deployed(ledger(manualClock()), [OURS, SECOND], { policies });
    const { id } = await house.sms.send({ key: "waiting", from: SECOND, to: PERSON, body: "Later" });
    await house.bring("STOP");
    const story = await house.sms.explain(id);
    expect(story?.message).toMatchObject({ status: "cancelled" });
  });

  it("that the provider reports by a failed message counts for the number and its service", async () => {
    const storage = ledger(manualClock());
    const house = deployed(storage, [{ address: OURS, service: SERVICE }]);
    await house.reaches(OURS);
    const [request] = house.provider.sent;
    const callback = { providerMessageId: "SM1", status: "failed", rawStatus: "failed", optOut: true } as const;
    const error = { code: 21610, reason: "Attempt to send to unsubscribed recipient" };
    await house.post({ kind: "status", callback: { ...callback, error, outboundId: null, attempt: null } });
    expect(request).toBeDefined();
    expect(await deployed(storage, [OURS]).reaches(OURS)).toBe(false);
    expect(await deployed(storage, [{ address: SECOND, service: SERVICE }]).reaches(SECOND)).toBe(false);
  });

  it("names the other numbers of a large service only in calls that may change consent", async () => {
    const pool = Array.from({ length: 200 }, (_, n) => ({ address: `+1570325${1000 + n}`, service: SERVICE }));
    const [first = OURS, second = SECOND] = pool.map(({ address }) => address);
    const storage = ledger(manualClock());
    const named: [call: string, siblings: number | undefined][] = [];
    const watched: Storage = new Proxy(storage, {
      get(target, name: keyof Storage) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: readonly [{ readonly consents?: ConsentKeys }?]) => {
          const siblings = args[0]?.consents?.siblings.length;
          if (siblings !== undefined) named.push([name, siblings]);
          return Reflect.apply(value, target, args);
        };
      },
    });
    const house = deployed(watched, pool);
    await house.text("hello", first, SERVICE);
    expect(named).toEqual([
      ["recordInbound", 0],
      ["claimSend", 0],
      ["recordSend", 0],
    ]);
    named.length = 0;
    await house.text("STOP", first, SERVICE);
    expect(named).toEqual([["recordInbound", 199]]);
    await house.text("START", second, SERVICE);
    expect(await house.reaches(first)).toBe(true);
  });

  it("that the provider shows by refusing a message counts at every number of its service, also where one leaves it", async () => {
    const pool = [OURS, SECOND].map((address) => ({ address, service: SERVICE }));
    const storage = ledger(manualClock());
    const house = deployed(storage, pool);
    house.provider.answers.push(refused("opted-out", 21610));
    await house.reaches(OURS);
    expect(await house.reaches(SECOND)).toBe(false);
    expect(await deployed(storage, [SECOND]).reaches(SECOND)).toBe(false);
  });
});
