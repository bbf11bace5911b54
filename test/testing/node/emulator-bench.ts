import createClient from "twilio";
import { afterEach, expect } from "vitest";
import {
  type EmulatedMessage,
  type TwilioEmulator,
  type TwilioEmulatorOptions,
  twilioEmulator,
} from "../../../src/testing/node/node.ts";
import type { SendRequest, SendResult, Transport } from "../../../src/transport/transport.ts";
import { messagingResponse, twilio } from "../../../src/transport/twilio/twilio.ts";

export const OURS = "+15703251809";
export const PERSON = "+12345678900";
export const SERVICE: string = `MG${"5".repeat(32)}`;
export const WEBHOOK = "https://app.test/sms?tenant=7";

/** What the application was asked. */
export interface Hook {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly params: Record<string, string>;
}

export interface Bench {
  readonly emulator: TwilioEmulator;
  readonly hooks: Hook[];
  readonly transport: Transport;
  send(changes?: Partial<SendRequest>): Promise<SendResult>;
  create(form: Record<string, string | string[]>): Promise<{ status: number; body: Record<string, unknown> }>;
  /** The statuses posted, in the order of their arrival. */
  statuses(): string[];
}

const opened: TwilioEmulator[] = [];
afterEach(async () => {
  for (const emulator of opened.splice(0)) await emulator.close();
});

/** An emulator, an application that answers with `answer`, and our transport, all in process. */
export function bench(
  options: Partial<TwilioEmulatorOptions> = {},
  answer: (hook: Hook) => Response | Promise<Response> = () => twiml(messagingResponse()),
): Bench {
  const hooks: Hook[] = [];
  const emulator = twilioEmulator({
    numbers: [OURS],
    smsUrl: WEBHOOK,
    deliver: async (request) => {
      const body = await request.text();
      const params = Object.fromEntries(
        new URLSearchParams(request.method === "GET" ? new URL(request.url).search : body),
      );
      const hook = { url: request.url, method: request.method, headers: request.headers, params };
      hooks.push(hook);
      return answer(hook);
    },
    ...options,
  });
  opened.push(emulator);
  const { accountSid, authToken } = emulator.credentials;
  const transport = twilio({ accountSid, authToken, webhookUrl: WEBHOOK, fetch: emulator.fetch });
  return {
    emulator,
    hooks,
    transport,
    send: (changes = {}) =>
      transport.send({
        outboundId: "out_1",
        attempt: 1,
        line: OURS,
        from: OURS,
        to: PERSON,
        body: "Hello",
        media: [],
        ...changes,
      }),
    async create(form) {
      const body = new URLSearchParams();
      for (const [name, value] of Object.entries(form)) for (const one of [value].flat()) body.append(name, one);
      const response = await emulator.fetch(`https://api.twilio.com/2010-04-01/Accounts/${accountSid}/Messages.json`, {
        method: "POST",
        headers: { Authorization: `Basic ${btoa(`${accountSid}:${authToken}`)}` },
        body,
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    statuses: () => hooks.flatMap(({ params }) => params.MessageStatus ?? []),
  };
}

export function twiml(body: string, contentType = "text/xml"): Response {
  return new Response(body, { headers: { "Content-Type": contentType } });
}

export function single(emulator: TwilioEmulator): EmulatedMessage {
  expect(emulator.messages).toHaveLength(1);
  const [message] = emulator.messages;
  if (message === undefined) throw new Error("unreachable");
  return message;
}

/** An official client whose requests end in the emulator. */
export function officialClient(emulator: TwilioEmulator): ReturnType<typeof createClient> {
  const { accountSid, authToken } = emulator.credentials;
  interface HttpRequest {
    readonly method: string;
    readonly uri: string;
    readonly username?: string;
    readonly password?: string;
    readonly params?: Record<string, string>;
    readonly data?: Record<string, string | string[]>;
  }
  const httpClient = {
    async request({ method, uri, username, password, params, data }: HttpRequest) {
      const url = new URL(uri);
      for (const [name, value] of Object.entries(params ?? {})) url.searchParams.append(name, String(value));
      const form = new URLSearchParams();
      for (const [name, value] of Object.entries(data ?? {}))
        for (const one of [value].flat()) form.append(name, String(one));
      const response = await emulator.fetch(url, {
        method: method.toUpperCase(),
        headers: { Authorization: `Basic ${btoa(`${username}:${password}`)}` },
        ...(method === "post" ? { body: form } : {}),
      });
      return { statusCode: response.status, body: await response.text(), headers: {} };
    },
  };
  return createClient(accountSid, authToken, { httpClient: httpClient as never });
}
