import { createHmac } from "node:crypto";

/** The settings of all contestants. */
export const ACCOUNT: string = `AC${"0".repeat(32)}`;
export const TOKEN = "0123456789abcdef0123456789abcdef";
export const HOOK_PATH = "/api/webhooks/sms";
export const HOOK: string = `https://example.com${HOOK_PATH}`;
export const OURS = "+15703251809";
export const FORM = "application/x-www-form-urlencoded";
export const TEXT_BODY = "Hello there, are you open today?";
/** The answer of each contestant's AI, which comes at once. */
export const ANSWER = "Yes, we have a table at eight.";

/** A text as Twilio posts it. */
export interface SignedText {
  readonly person: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signature: string;
}

/**
 * New texts, each with an id of its own.
 *
 * @param from the number of the first text; one process makes no number twice
 * @param people the number of persons from whom the texts come, in turn; without it each text has a person of its own
 */
export function makeTexts(count: number, from: number, people: number = Number.POSITIVE_INFINITY): SignedText[] {
  return Array.from({ length: count }, (_, index) => makeText(from + index, (from + index) % people));
}

function makeText(n: number, person: number): SignedText {
  const sid = `SM${n.toString(16).padStart(32, "0")}`;
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
    Body: TEXT_BODY,
    FromCountry: "US",
    To: OURS,
    ToZip: "48612",
    NumSegments: "1",
    MessageSid: sid,
    AccountSid: ACCOUNT,
    From: `+1234${2_000_000 + person}`,
    ApiVersion: "2010-04-01",
  };
  return {
    person: fields.From,
    fields,
    body: new URLSearchParams(fields).toString(),
    signature: digestOf(fields).toString("base64"),
  };
}

/** Twilio's signature of a form at {@link HOOK}: https://www.twilio.com/docs/usage/security#validating-requests */
export function digestOf(fields: Readonly<Record<string, string>>): Buffer {
  let text = HOOK;
  for (const name of Object.keys(fields).toSorted()) text += name + fields[name];
  return createHmac("sha1", TOKEN).update(text).digest();
}

export function requestOf({ body, signature }: SignedText): Request {
  const headers = { "content-type": FORM, "x-twilio-signature": signature };
  return new Request(HOOK, { method: "POST", headers, body });
}
