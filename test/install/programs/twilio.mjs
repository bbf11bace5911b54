import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { ownline } from "ownline";
import { memory } from "ownline/storage/memory";
import { twilioEmulator } from "ownline/testing/node";
import { twilio } from "ownline/transport/twilio";

/* A text and its answer, sent by the official client, whose HTTP ends in the emulator instead of at Twilio. */
const client = createRequire(import.meta.url)("twilio");
const webhookUrl = "https://example.com/api/webhooks/sms";
const provider = twilioEmulator({
  numbers: ["+15703251809"],
  smsUrl: webhookUrl,
  deliver: (request) => sms.fetch(request),
});
const { accountSid, authToken } = provider.credentials;

const httpClient = {
  async request({ method, uri, username, password, data, params }) {
    const url = new URL(uri);
    for (const [name, value] of Object.entries(params ?? {})) url.searchParams.append(name, value);
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(data ?? {})) {
      for (const one of [value].flat()) form.append(name, one);
    }
    const response = await provider.fetch(url.href, {
      method,
      headers: { authorization: `Basic ${btoa(`${username}:${password}`)}` },
      ...(data && { body: form }),
    });
    return { statusCode: response.status, headers: {}, body: await response.json() };
  },
};
const sms = ownline({
  senders: ["+15703251809"],
  transport: twilio({ client: client(accountSid, authToken, { httpClient }), authToken, webhookUrl }),
  storage: memory(),
  burst: { quietMs: 1 },
  ai: () => "We are open.",
});
await provider.text({ from: "+12345678900", to: "+15703251809", body: "Are you open?" });
await sms.settled();
await provider.idle();
const sent = provider.messages.filter(({ direction }) => direction === "outbound-api");
assert.deepEqual(
  sent.map(({ from, to, body }) => ({ from, to, body })),
  [{ from: "+15703251809", to: "+12345678900", body: "We are open." }],
);
await provider.close();
