import { createHmac, timingSafeEqual } from "node:crypto";
import twilioPackage from "twilio";
import { ownline } from "../src/index.ts";
import { memory } from "../src/storage/memory.ts";
import { signRequest, twilio, verifyRequest } from "../src/transport/twilio/twilio.ts";
import { median, table } from "./table.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";
const ACCOUNT = `AC${"0".repeat(32)}`;
const HOOK = "https://example.com/api/webhooks/sms";
const OURS = "+15703251809";
const FORM = "application/x-www-form-urlencoded";
const EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>';
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

interface Signed {
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signature: string;
}

let texts = 0;

/** A text as Twilio posts it, from one of a thousand people. */
async function nextText(): Promise<Signed> {
  texts += 1;
  const sid = `SM${texts.toString(16).padStart(32, "0")}`;
  const fields = {
    ToCountry: "US",
    ToState: "PA",
    SmsMessageSid: sid,
    NumMedia: "0",
    ToCity: "COLEMAN",
    FromZip: "22036",
    SmsSid: sid,
    FromState: "VA",
    SmsStatus: "received",
    FromCity: "CENTREVILLE",
    Body: "Hello there, are you open today?",
    FromCountry: "US",
    To: OURS,
    ToZip: "48612",
    NumSegments: "1",
    MessageSid: sid,
    AccountSid: ACCOUNT,
    From: `+1234567${String(texts % 1000).padStart(4, "0")}`,
    ApiVersion: "2010-04-01",
  };
  const params = new URLSearchParams(fields);
  return { fields, body: params.toString(), signature: await signRequest({ authToken: TOKEN, url: HOOK, params }) };
}

function bareVerify(fields: Readonly<Record<string, string>>, signature: string): boolean {
  let text = HOOK;
  for (const name of Object.keys(fields).toSorted()) text += name + fields[name];
  const made = createHmac("sha1", TOKEN).update(text).digest();
  const given = Buffer.from(signature, "base64");
  return made.length === given.length && timingSafeEqual(made, given);
}

/** The least that a handler of one's own must do: verify, and forget what it has seen. */
function bareHandler(): (request: Request) => Promise<Response> {
  const seen = new Set<string>();
  return async (request) => {
    const fields = Object.fromEntries(new URLSearchParams(await request.text()));
    if (!bareVerify(fields, request.headers.get("x-twilio-signature") ?? ""))
      return new Response(null, { status: 403 });
    seen.add(fields.MessageSid ?? "");
    return new Response(EMPTY, { headers: { "content-type": "text/xml; charset=utf-8" } });
  };
}

function ownlineHandler(): (request: Request) => Promise<Response> {
  const sms = ownline({
    senders: [OURS],
    transport: twilio({ accountSid: ACCOUNT, authToken: TOKEN, webhookUrl: HOOK }),
    storage: memory(),
    ai: () => "ok",
    sweep: false,
    logger: silent,
  });
  return sms.fetch;
}

type Handler = (request: Request) => Promise<Response>;

function requestOf({ body, signature }: Signed): Request {
  return new Request(HOOK, {
    method: "POST",
    headers: { "content-type": FORM, "x-twilio-signature": signature },
    body,
  });
}

async function perSecond(count: number, work: (index: number) => unknown): Promise<number> {
  const startedAt = performance.now();
  for (let index = 0; index < count; index += 1) await work(index);
  return (count * 1000) / (performance.now() - startedAt);
}

/**
 * What a webhook costs before and until its acknowledgement, in one process on one core. All contestants take turns,
 * round by round; the figures are medians. The making of the `Request` counts for both handlers.
 */
export async function signatures({ rounds, count }: { rounds: number; count: number }): Promise<void> {
  const one = await nextText();
  const verifiers: Record<string, () => unknown> = {
    "node:crypto, bare": () => bareVerify(one.fields, one.signature),
    "ownline verifyRequest": () =>
      verifyRequest({ authToken: TOKEN, url: HOOK, params: one.fields, signature: one.signature }),
    "twilio validateRequest": () => twilioPackage.validateRequest(TOKEN, one.signature, HOOK, one.fields),
  };
  await report("Verify a form of 19 parameters", rounds, verifiers, (work) => perSecond(count, work));

  const handlers: Record<string, Handler> = {
    "bare verify and deduplicate": bareHandler(),
    "ownline sms.fetch, memory()": ownlineHandler(),
  };
  await report("Acknowledge a new text", rounds, handlers, async (handler) => {
    const signed: Signed[] = [];
    for (let index = 0; index < count / 4; index += 1) signed.push(await nextText());
    return perSecond(signed.length, async (index) => {
      const text = signed[index];
      const response = await handler(requestOf(text ?? one));
      if (response.status !== 200) throw new Error(`A signed text was answered ${response.status}.`);
    });
  });

  await unsigned(rounds);
}

async function report<Work>(
  what: string,
  rounds: number,
  contestants: Readonly<Record<string, Work>>,
  measure: (work: Work) => Promise<number>,
): Promise<void> {
  const rates = new Map<string, number[]>();
  for (const work of Object.values(contestants)) await measure(work);
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, work] of Object.entries(contestants))
      rates.set(name, [...(rates.get(name) ?? []), await measure(work)]);
  }
  const [bare = []] = rates.values();
  const rows = Array.from(rates, ([name, each]) => [
    name,
    median(each).toFixed(0),
    (1_000_000 / median(each)).toFixed(1),
    median(each.map((rate, round) => rate / (bare[round] ?? rate))).toFixed(2),
  ]);
  console.log(table([what, "per second", "µs", "of bare"], rows));
}

/** CPU of unsigned requests of 64 kB, as an attacker would shape them. */
async function unsigned(rounds: number): Promise<void> {
  const size = 64 * 1024;
  const fetch = ownlineHandler();
  const shapes: Record<string, { url?: string; type?: string; body: string }> = {
    "many parameters": { body: "a&".repeat(size / 2) },
    "200 parameters": { body: `a=${"x".repeat(size / 200 - 3)}&`.repeat(199) },
    "one long value": { body: `Body=${"x".repeat(size - 5)}` },
    "escapes, and a long query": {
      url: `${HOOK}?a=${"%C3%B1".repeat(10_000)}`,
      body: `Body=${"%C3%B1".repeat(10_000)}`,
    },
    JSON: { type: "application/json", url: `${HOOK}?bodySHA256=0`, body: "[".repeat(size) },
  };
  const rows: string[][] = [];
  for (const [name, { url = HOOK, type = FORM, body }] of Object.entries(shapes)) {
    const headers = { "content-type": type, "x-twilio-signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" };
    const each: number[] = [];
    let status = 0;
    for (let round = 0; round < rounds * 3; round += 1) {
      const before = process.cpuUsage();
      ({ status } = await fetch(new Request(url, { method: "POST", headers, body })));
      const { user, system } = process.cpuUsage(before);
      each.push((user + system) / 1000);
    }
    rows.push([name, String(status), median(each).toFixed(1), Math.max(...each).toFixed(1)]);
  }
  console.log(table(["64 kB, unsigned", "answer", "CPU ms, median", "most"], rows));
}
