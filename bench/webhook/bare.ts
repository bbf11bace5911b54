import { timingSafeEqual } from "node:crypto";
import type { Contestant, Setup } from "./contestant.ts";
import type { ProviderFetch } from "./provider.ts";
import { ACCOUNT, ANSWER, digestOf, FORM, OURS, TOKEN } from "./texts.ts";

export const EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>';
const TWIML = { headers: { "content-type": "text/xml; charset=utf-8" } } as const;
const MESSAGES = `https://api.twilio.com/2010-04-01/Accounts/${ACCOUNT}/Messages.json`;

export function verifyBare(fields: Readonly<Record<string, string>>, signature: string): boolean {
  const made = digestOf(fields);
  const given = Buffer.from(signature, "base64");
  return made.length === given.length && timingSafeEqual(made, given);
}

/** The least that a handler of your own does: it checks the signature, and remembers the ids until the process ends. */
export function bare({ answers, fetch }: Setup): Contestant {
  const seen = new Set<string>();
  return {
    async handle(request, waitUntil) {
      const fields = Object.fromEntries(new URLSearchParams(await request.text()));
      if (!verifyBare(fields, request.headers.get("x-twilio-signature") ?? ""))
        return new Response(null, { status: 403 });
      const { MessageSid = "", From = "" } = fields;
      if (answers && !seen.has(MessageSid)) waitUntil(reply(fetch, From));
      seen.add(MessageSid);
      return new Response(EMPTY_TWIML, TWIML);
    },
    close: async () => {},
  };
}

async function reply(fetch: ProviderFetch, to: string): Promise<void> {
  const response = await fetch(MESSAGES, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${ACCOUNT}:${TOKEN}`)}`, "content-type": FORM },
    body: new URLSearchParams({ To: to, From: OURS, Body: ANSWER }).toString(),
  });
  if (response.status !== 201) throw new Error(`The provider answered ${response.status}.`);
  await response.json();
}
