import twilio from "twilio";
import type { Contestant, Setup } from "./contestant.ts";
import type { ProviderFetch } from "./provider.ts";
import { ACCOUNT, ANSWER, FORM, HOOK, OURS, TOKEN } from "./texts.ts";

const TWIML = { headers: { "content-type": "text/xml" } } as const;

/** The official package: `validateRequest`, its TwiML, and its client for the reply. */
export function twilioPackage({ answers, fetch }: Setup): Contestant {
  const reply = twilioReplies(fetch);
  return {
    async handle(request, waitUntil) {
      const fields = Object.fromEntries(new URLSearchParams(await request.text()));
      const signature = request.headers.get("x-twilio-signature") ?? "";
      if (!twilio.validateRequest(TOKEN, signature, HOOK, fields)) return new Response(null, { status: 403 });
      if (answers) waitUntil(reply(fields.From ?? ""));
      return new Response(new twilio.twiml.MessagingResponse().toString(), TWIML);
    },
    close: async () => {},
  };
}

type RequestOptions = Parameters<InstanceType<typeof twilio.RequestClient>["request"]>[0];

/**
 * Replies through the official client, over an HTTP client that gives the requests to the benchmark's provider:
 * https://github.com/twilio/twilio-node/blob/main/advanced-examples/custom-http-client.md
 */
export function twilioReplies(fetch: ProviderFetch): (to: string) => Promise<void> {
  const httpClient = Object.assign(new twilio.RequestClient(), {
    async request({ method, uri, data, username, password }: RequestOptions) {
      const response = await fetch(uri, {
        method,
        headers: { authorization: `Basic ${btoa(`${username}:${password}`)}`, "content-type": FORM },
        body: new URLSearchParams(Object(data)).toString(),
      });
      return { statusCode: response.status, body: await response.json() };
    },
  });
  const client = twilio(ACCOUNT, TOKEN, { httpClient });
  return async (to) => {
    await client.messages.create({ to, from: OURS, body: ANSWER });
  };
}
