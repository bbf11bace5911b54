import { describe, expect, it } from "vitest";
import type { WebhookRequest } from "../../../src/transport/transport.ts";
import {
  type AccountResolver,
  signRequest,
  type TwilioCredentials,
  twilio,
} from "../../../src/transport/twilio/twilio.ts";

const WEBHOOK = "https://example.com/sms";
const PERSON = "+12345678900";
const NUMBER_A = "+15703251809";
const NUMBER_B = "+15703251810";
const SERVICE_B = `MG${"b".repeat(32)}`;
const posts: string[] = [];

const credentials = (letter: string): TwilioCredentials => ({
  accountSid: `AC${letter.repeat(32)}`,
  authToken: `token-${letter}`,
  fetch: async (url) => {
    posts.push(url);
    return Response.json({ sid: `SM${"9".repeat(32)}`, status: "queued" }, { status: 201 });
  },
});
const A = credentials("a");
const B = credentials("b");
const owners: Record<string, TwilioCredentials> = { [NUMBER_A]: A, [NUMBER_B]: B, [SERVICE_B]: B };
const account: AccountResolver = async (address) => owners[address];

async function request(letter: string, params: Record<string, string>): Promise<WebhookRequest> {
  const form = { MessageSid: `SM${"1".repeat(32)}`, From: PERSON, Body: "hello", ...params };
  const signature = await signRequest({ authToken: `token-${letter}`, url: WEBHOOK, params: form });
  const headers = new Headers({
    "X-Twilio-Signature": signature,
    "Content-Type": "application/x-www-form-urlencoded",
  });
  return { method: "POST", url: WEBHOOK, headers, body: new URLSearchParams(form).toString() };
}

const sidOf = (letter: string) => `AC${letter.repeat(32)}`;
const sms = (resolver: AccountResolver = account, accounts = {}) =>
  twilio({ webhookUrl: WEBHOOK, account: resolver, accounts });

describe("several accounts behind one webhook", () => {
  it("takes each tenant's text by the account of its number", async () => {
    for (const [letter, To] of [
      ["a", NUMBER_A],
      ["b", NUMBER_B],
    ] as const) {
      const received = await sms().receive(await request(letter, { To, AccountSid: sidOf(letter) }));
      expect(received).toMatchObject({
        kind: "inbound",
        message: { to: To, key: `${sidOf(letter)}:SM${"1".repeat(32)}` },
      });
    }
  });

  it.each<[string, Record<string, string>]>([
    ["B's number, B's account", { To: NUMBER_B, AccountSid: sidOf("b") }],
    ["B's number, A's account", { To: NUMBER_B, AccountSid: sidOf("a") }],
    ["A's number, B's account", { To: NUMBER_A, AccountSid: sidOf("b") }],
    ["B's service behind A's number", { To: NUMBER_A, AccountSid: sidOf("a"), MessagingServiceSid: SERVICE_B }],
    [
      "a number without an owner behind B's service",
      { To: "+15550001111", AccountSid: sidOf("a"), MessagingServiceSid: SERVICE_B },
    ],
    ["a status of B's number", { From: NUMBER_B, To: PERSON, AccountSid: sidOf("a"), MessageStatus: "delivered" }],
    ["a status of B's service", { From: "", To: PERSON, MessagingServiceSid: SERVICE_B, MessageStatus: "delivered" }],
  ])("refuses A's token for %s", async (_, params) => {
    expect(await sms().receive(await request("a", params))).toMatchObject({ kind: "rejected", httpStatus: 403 });
  });

  it("asks no account for a request with too many parameters", async () => {
    const asked: string[] = [];
    const transport = sms(async (address) => {
      asked.push(address);
      return owners[address];
    });
    const genuine = await request("a", { To: NUMBER_A, AccountSid: sidOf("a") });
    const flooded = await transport.receive({ ...genuine, body: `${genuine.body}${"&a".repeat(200)}` });
    expect(flooded).toMatchObject({ kind: "rejected", httpStatus: 413 });
    expect(asked).toEqual([]);
    expect((await transport.receive(genuine)).kind).toBe("inbound");
    expect(asked).toEqual([NUMBER_A]);
  });

  it("calls account on the options, which may be an instance of a class with fields of its own", async () => {
    class Tenants {
      readonly webhookUrl = WEBHOOK;
      readonly owners = owners;
      readonly #calls: string[] = [];
      async account(address: string) {
        this.#calls.push(address);
        return this.owners[address];
      }
      get calls() {
        return this.#calls;
      }
    }
    const options = new Tenants();
    const received = await twilio(options).receive(await request("a", { To: NUMBER_A, AccountSid: sidOf("a") }));
    expect(received).toMatchObject({ kind: "inbound" });
    expect(options.calls).toEqual([NUMBER_A]);
  });

  it("refuses a request that names neither a number of ours nor a service", async () => {
    const received = await sms().receive(await request("a", { From: "", To: PERSON, MessageStatus: "sent" }));
    expect(received).toMatchObject({ kind: "rejected", httpStatus: 400 });
  });

  it("says for whom a status speaks", async () => {
    const params = { From: NUMBER_A, To: PERSON, AccountSid: sidOf("a"), MessageStatus: "delivered" };
    const received = await sms().receive(await request("a", params));
    expect(received).toMatchObject({ kind: "status", callback: { sender: { from: NUMBER_A, service: null } } });
  });

  it("sends by the sender's account, and names what is missing where there is none", async () => {
    posts.length = 0;
    const message = { outboundId: "o", attempt: 1, to: PERSON, body: "hi", media: [] };
    await sms().send({ ...message, line: NUMBER_B, from: NUMBER_B });
    expect(posts[0]).toContain(sidOf("b"));
    const refused = await sms().send({ ...message, line: "+15550001111", from: "+15550001111" });
    expect(refused).toMatchObject({ kind: "refused", refusal: "configuration", wholeAccount: false });
  });
});

describe("lookups of accounts", () => {
  it("are bounded for ten thousand unknown numbers, while a known number is served", async () => {
    let calls = 0;
    const counted: AccountResolver = async (address) => {
      calls += 1;
      return owners[address];
    };
    const transport = sms(counted, { ttlMs: 0, missesPerSecond: 10 });
    const genuine = await request("a", { To: NUMBER_A, AccountSid: sidOf("a") });
    await transport.receive(genuine);
    const template = await request("a", { To: NUMBER_A });
    const statuses = new Map<unknown, number>();
    for (let n = 0; n < 10_000; n += 1) {
      const body = template.body.replace(encodeURIComponent(NUMBER_A), encodeURIComponent(`+1999${1_000_000 + n}`));
      const received = await transport.receive({ ...template, body });
      const status = received.kind === "rejected" ? received.httpStatus : received.kind;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect(calls).toBeLessThan(400);
    expect(statuses.get(503)).toBeGreaterThan(9000);
    expect(await transport.receive(genuine)).toMatchObject({ kind: "inbound" });
  });

  it("are shared and kept, misses too", async () => {
    let calls = 0;
    const transport = sms(async () => {
      calls += 1;
      return undefined;
    });
    const unknown = await request("a", { To: "+15550001111" });
    await Promise.all([transport.receive(unknown), transport.receive(unknown)]);
    expect(await transport.receive(unknown)).toMatchObject({ httpStatus: 403 });
    expect(calls).toBe(1);
  });

  it("accept a revoked token until ttlMs has passed, and no longer", async () => {
    let token = "token-a";
    const revoking: AccountResolver = () => ({ ...A, authToken: token }) as TwilioCredentials;
    const genuine = await request("a", { To: NUMBER_A, AccountSid: sidOf("a") });
    const [kept, asked] = [sms(revoking), sms(revoking, { ttlMs: 0 })];
    for (const transport of [kept, asked]) expect(await transport.receive(genuine)).toMatchObject({ kind: "inbound" });
    token = "another";
    expect(await kept.receive(genuine)).toMatchObject({ kind: "inbound" });
    expect(await asked.receive(genuine)).toMatchObject({ kind: "rejected", httpStatus: 403 });
  });

  it.each<[string, AccountResolver]>([
    ["throws", () => Promise.reject(new Error("the database is away"))],
    ["hangs", () => new Promise(() => {})],
    ["returns what cannot be credentials", () => ({ accountSid: "AC1", authToken: "" })],
  ])("that end otherwise answer 503: account %s", async (_, resolver) => {
    const received = await sms(resolver, { timeoutMs: 20 }).receive(await request("a", { To: NUMBER_A }));
    expect(received).toMatchObject({ kind: "rejected", httpStatus: 503 });
  });

  it("take the place of credentials, not a place beside them", () => {
    expect(() => Reflect.apply(twilio, undefined, [{ webhookUrl: WEBHOOK, account, authToken: "x" }])).toThrow(
      "authToken cannot be given together with account",
    );
    expect(() => sms(account, { missesPerSecond: 0 })).toThrow("accounts.missesPerSecond must be a number above 0");
    expect(() => sms(account, { ttlMs: -1 })).toThrow("accounts.ttlMs must be a number from 0 on");
    expect(() => sms(account, { ttlMs: 0 })).not.toThrow();
  });
});
