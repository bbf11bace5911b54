import type { Ledger } from "./ledger.ts";

/** A create request that Twilio refuses. */
export interface Refusal {
  readonly httpStatus: number;
  readonly code: number;
  readonly message: string;
}

const E164 = /^\+[1-9]\d{6,14}$/;
const SHORT_CODE = /^\d{3,8}$/;
const CHANNEL = /^(whatsapp|rcs|messenger):/;
const MAX_BODY = 1600;
const MAX_MEDIA = 10;

/**
 * Why Twilio would refuse a message, by the rules and codes of Twilio's error dictionary; `undefined` where Twilio
 * would accept it. As at Twilio, the error messages quote the numbers.
 *
 * @see https://www.twilio.com/docs/api/errors
 */
export function refusalOf(
  ledger: Ledger,
  form: URLSearchParams,
  foreignNumbers: ReadonlySet<string>,
): Refusal | undefined {
  const to = form.get("To") ?? "";
  const from = form.get("From") ?? "";
  const serviceSid = form.get("MessagingServiceSid") ?? "";
  const body = form.get("Body") ?? "";
  const media = form.getAll("MediaUrl");

  if (to === "") return refusal(21604, "A 'To' phone number is required.");
  if (from === "" && serviceSid === "") {
    return refusal(21603, "A 'From' or 'MessagingServiceSid' parameter is required to send a message.");
  }
  return (
    refusedService(ledger, serviceSid, from) ??
    (from === "" ? undefined : refusedSender(ledger, from, media.length > 0, foreignNumbers)) ??
    refusedRecipient(ledger, to, from || ledger.services.get(serviceSid)?.senders[0] || "") ??
    refusedContent(body, media, form.get("StatusCallback")) ??
    refusedValidity(form.get("ValidityPeriod"))
  );
}

function refusedService({ services }: Ledger, sid: string, from: string): Refusal | undefined {
  if (sid === "") return undefined;
  const service = services.get(sid);
  if (service === undefined) return refusal(21701, "The Messaging Service does not exist.");
  if (service.senders.length === 0) return refusal(21704, "The Messaging Service contains no phone numbers.");
  if (from !== "" && !service.senders.includes(from)) {
    return refusal(21712, `The number ${from} is not associated with the Messaging Service.`);
  }
  return undefined;
}

/** Only a number that the account owns may be a sender. */
export function refusedSender(
  { numbers }: Pick<Ledger, "numbers">,
  from: string,
  withMedia: boolean,
  foreignNumbers: ReadonlySet<string>,
): Refusal | undefined {
  const owned = numbers.get(from);
  if (owned === undefined) {
    if (CHANNEL.test(from)) return refusal(63007, "There is no Channel with the specified From address.");
    if (foreignNumbers.has(from)) return refusal(21660, `The number ${from} does not belong to this account.`);
    if (!E164.test(from) && !SHORT_CODE.test(from)) return refusal(21212, `The 'From' number ${from} is not valid.`);
    return refusal(21659, `'From' ${from} is not a Twilio phone number, or its country is not the short code's.`);
  }
  const can = owned.capabilities ?? ["sms", "mms", "voice"];
  if (withMedia && !can.includes("mms")) return refusal(21621, `The 'From' number ${from} cannot send MMS.`);
  if (!withMedia && !can.includes("sms")) return refusal(21661, `The 'From' number ${from} cannot send SMS.`);
  return undefined;
}

function refusedRecipient(ledger: Ledger, to: string, from: string): Refusal | undefined {
  if (to === from) return refusal(21266, "'To' and 'From' numbers cannot be the same.");
  if (SHORT_CODE.test(to)) return refusal(21265, `The 'To' number ${to} cannot be a short code.`);
  const channel = CHANNEL.exec(to)?.[0] ?? "";
  if (!E164.test(to.slice(channel.length)) && channel !== "messenger:") {
    return refusal(21211, `The 'To' number ${to} is not a valid phone number.`);
  }
  if (channel !== (CHANNEL.exec(from)?.[0] ?? "")) {
    return refusal(21612, `The message cannot be sent from ${from} to ${to}.`);
  }
  if (ledger.isOptedOut(from, to)) return refusal(21610, "Attempt to send to unsubscribed recipient");
  return undefined;
}

function refusedContent(body: string, media: readonly string[], statusCallback: string | null): Refusal | undefined {
  if (body === "" && media.length === 0) return refusal(21602, "Message body is required.");
  if (body.length > MAX_BODY) return refusal(21617, "The concatenated message body exceeds the 1600 character limit");
  if (media.length > MAX_MEDIA) return refusal(21623, "The number of media files exceeds the limit.");
  if (!media.every(isHttpUrl)) return refusal(21620, "Invalid media URL(s).");
  if (statusCallback !== null && !isHttpUrl(statusCallback)) {
    return refusal(21609, `The 'StatusCallback' URL ${statusCallback} is not a valid URL.`);
  }
  return undefined;
}

/** @see https://www.twilio.com/docs/api/errors/21624 */
function refusedValidity(period: string | null): Refusal | undefined {
  if (period === null || (/^\d+$/.test(period) && Number(period) >= 1 && Number(period) <= 36_000)) return undefined;
  return refusal(21624, `The ValidityPeriod ${period} is not a whole number of seconds from 1 to 36000.`);
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !new URL(text).hostname.includes("_");
}

function refusal(code: number, message: string): Refusal {
  return { httpStatus: 400, code, message };
}
