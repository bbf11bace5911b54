import { createHash } from "node:crypto";
import { type EmulatedMessage, type EmulatedNumber, type Ledger, rfc2822 } from "./ledger.ts";

type Json = Record<string, unknown>;

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 1000;
const DAY_MS = 86_400_000;

/**
 * Messages by Twilio's filters, in Twilio's order: by the date sent, newest first. A message that is not sent yet
 * counts by its creation.
 *
 * @see https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
 */
export function listMessages(messages: readonly EmulatedMessage[], query: URLSearchParams): EmulatedMessage[] {
  const wanted = (name: string, value: string | null): boolean => !query.get(name) || query.get(name) === value;
  return messages
    .filter(({ to, from }) => wanted("To", to) && wanted("From", from))
    .filter(({ sentAt }) => isWithin(sentAt, query))
    .map((message, index) => ({ message, index }))
    .toSorted((a, b) => dateOf(b.message) - dateOf(a.message) || b.index - a.index)
    .map(({ message }) => message);
}

/**
 * One page of a list, with the URLs of the next and the previous page.
 *
 * @see https://www.twilio.com/docs/usage/twilios-response#pagination
 */
export function page(url: URL, key: string, items: readonly Json[]): Json {
  const size = Math.min(Number(url.searchParams.get("PageSize")) || DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
  const number = Number(url.searchParams.get("Page")) || 0;
  const token = url.searchParams.get("PageToken");
  // Pages begin after the last entry's id, so a new message moves no entry to another page.
  const after = token === null ? -1 : items.findIndex(({ sid }) => token === `PA${String(sid)}`);
  const start = after === -1 ? number * size : after + 1;
  const shown = items.slice(start, start + size);
  const last = shown.at(-1);
  const uri = (changes: Record<string, string>): string => {
    const query = new URLSearchParams(url.searchParams);
    for (const [name, value] of Object.entries({ PageSize: String(size), ...changes })) query.set(name, value);
    return `${url.pathname}?${query}`;
  };
  const hasMore = last !== undefined && start + size < items.length;
  return {
    [key]: shown,
    page: number,
    page_size: size,
    start,
    end: Math.max(start + shown.length - 1, 0),
    uri: uri({ Page: String(number) }),
    first_page_uri: uri({ Page: "0" }),
    previous_page_uri: number > 0 ? uri({ Page: String(number - 1) }) : null,
    next_page_uri: hasMore ? uri({ Page: String(number + 1), PageToken: `PA${String(last.sid)}` }) : null,
  };
}

/** @see https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource */
export function incomingNumber(ledger: Ledger, number: EmulatedNumber): Json {
  const can = number.capabilities ?? ["sms", "mms", "voice"];
  const sid = sidOf("PN", number.phoneNumber);
  return {
    sid,
    account_sid: ledger.accountSid,
    phone_number: number.phoneNumber,
    friendly_name: number.phoneNumber,
    capabilities: { voice: can.includes("voice"), sms: can.includes("sms"), mms: can.includes("mms"), fax: false },
    sms_url: number.smsUrl ?? "",
    sms_method: number.smsMethod ?? "POST",
    sms_fallback_url: number.smsFallbackUrl ?? "",
    sms_fallback_method: "POST",
    sms_application_sid: "",
    status: "in-use",
    type: "local",
    beta: false,
    origin: "twilio",
    uri: `/2010-04-01/Accounts/${ledger.accountSid}/IncomingPhoneNumbers/${sid}.json`,
  };
}

/** @see https://www.twilio.com/docs/messaging/api/short-code-resource */
export function shortCode(ledger: Ledger, number: EmulatedNumber): Json {
  const sid = sidOf("SC", number.phoneNumber);
  return {
    sid,
    account_sid: ledger.accountSid,
    short_code: number.phoneNumber,
    friendly_name: number.phoneNumber,
    sms_url: number.smsUrl ?? "",
    sms_method: number.smsMethod ?? "POST",
    sms_fallback_url: number.smsFallbackUrl ?? "",
    uri: `/2010-04-01/Accounts/${ledger.accountSid}/SMS/ShortCodes/${sid}.json`,
  };
}

/** @see https://www.twilio.com/docs/messaging/api/media-resource */
export function mediaList(ledger: Ledger, message: EmulatedMessage): Json[] {
  return message.mediaUrls
    .map((url, index) => {
      const sid = sidOf("ME", `${message.sid} ${index} ${url}`);
      return {
        sid,
        account_sid: ledger.accountSid,
        parent_sid: message.sid,
        content_type: message.mediaTypes[index] ?? "application/octet-stream",
        date_created: rfc2822(message.createdAt),
        uri: `/2010-04-01/Accounts/${ledger.accountSid}/Messages/${message.sid}/Media/${sid}.json`,
      };
    })
    .toReversed();
}

function dateOf({ sentAt, createdAt }: EmulatedMessage): number {
  return sentAt ?? createdAt;
}

/** A day without a time is the whole day. */
function isWithin(sentAt: number | null, query: URLSearchParams): boolean {
  for (const name of ["DateSent", "DateSent<", "DateSent>"]) {
    const given = query.get(name);
    if (!given) continue;
    const from = Date.parse(/[Z+]|GMT/.test(given) || !given.includes(":") ? given : `${given.replace(" ", "T")}Z`);
    const until = given.includes(":") ? from : from + DAY_MS - 1;
    if (sentAt === null) return false;
    if (name !== "DateSent<" && sentAt < from) return false;
    if (name !== "DateSent>" && sentAt > until) return false;
  }
  return true;
}

/** The same number gets the same id in every run. */
function sidOf(prefix: string, seed: string): string {
  return prefix + createHash("md5").update(seed).digest("hex");
}
