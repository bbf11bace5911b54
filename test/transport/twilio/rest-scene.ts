import type { SendRequest } from "../../../src/transport/transport.ts";
import type { FetchFunction } from "../../../src/transport/twilio/twilio.ts";

export const ACCOUNT: string = `AC${"a".repeat(32)}`;
export const SERVICE: string = `MG${"b".repeat(32)}`;
export const TOKEN = "0123456789abcdef";
export const WEBHOOK = "https://example.com/api/webhooks/sms?tenant=7#rc=5&rp=all";
export const API = "https://api.twilio.com";
export const MESSAGES: string = `/2010-04-01/Accounts/${ACCOUNT}/Messages.json`;

export const common: { readonly accountSid: string; readonly authToken: string; readonly webhookUrl: string } = {
  accountSid: ACCOUNT,
  authToken: TOKEN,
  webhookUrl: WEBHOOK,
};
export const request: SendRequest = {
  outboundId: "out_1.x",
  attempt: 2,
  line: "+15703251809",
  from: "+15703251809",
  to: "+12345678900",
  body: "Hello & goodbye 👍",
  media: [],
};

/** A fetch that answers without a network. */
export function answering(status: number, body: unknown, headers: Record<string, string> = {}): FetchFunction {
  return async () => new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
}

export function failing(error: unknown): FetchFunction {
  return () => Promise.reject(new TypeError("fetch failed", { cause: error }));
}
