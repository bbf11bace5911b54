import type { ProviderStatus } from "../../model/delivery-status.ts";
import type { MessageError } from "../../model/message.ts";

/**
 * What a refusal or failure means for the message.
 *
 * - `retry-now`: Twilio did nothing; the same request may be repeated at once, with backoff
 * - `retry-later`: the message was not sent, and a later attempt may succeed
 * - `ambiguous`: the message may have been sent; find out before you repeat anything
 * - `permanent`: Twilio will never send this message as it is
 * - `configuration`: the operator must change the account, the number or the credentials
 * - `opted-out`: the person has opted out
 */
export type ProviderErrorClass =
  | "retry-now"
  | "retry-later"
  | "ambiguous"
  | "permanent"
  | "configuration"
  | "opted-out";

export interface ClassifiedError {
  readonly class: ProviderErrorClass;
  /** One line that says what to do, without numbers or texts. */
  readonly remedy: string;
}

type Group = readonly [kind: ProviderErrorClass, remedy: string, codes: string];

const CREDENTIALS = "check the account's SID, credentials, status and trial limits";
const SLOWER = "send slower: a rate or queue is full";
export const LOOK_FIRST = "it may have been sent: look for it before sending again";
// Twilio stopped before it finished, or does not know what happened to the message.
const MAYBE_SENT = "20500-20504 30410 30500";
const REFUSED = "change the request: Twilio refuses the same request again";

// The first group that contains a code decides. A code whose class and remedy are those of REFUSED needs no entry.
const GROUPS: readonly Group[] = [
  ["retry-now", "repeat it with backoff: Twilio did nothing", "20429"],
  ["opted-out", "send nothing until the person texts START", "21610 63033"],
  ["ambiguous", LOOK_FIRST, MAYBE_SENT],
  ["configuration", CREDENTIALS, "20003-20008 21608 30002 63051"],
  [
    "configuration",
    "send from a sender of this account that can text this destination",
    "21212 21601 21606 21659-21661 21701-21705 63007",
  ],
  ["configuration", "allow the country in the console's geo permissions", "21408"],
  ["configuration", "finish the sender's registration", "30032-30034 30037"],
  ["retry-later", SLOWER, "14107 21611 30001 30017 30022 63017 63018"],
  ["retry-later", "try tomorrow: the daily limit is reached", "30023 30027 30454 63038"],
  ["retry-later", "try again later, at most twice", "30003 30008 30035 30450"],
  // https://www.twilio.com/docs/messaging/features/compliance-toolkit
  [
    "retry-later",
    "send it again in the hours in which the person may be texted: it was not sent, because quiet hours or local rules forbid it now",
    "30610 30615",
  ],
  ["retry-later", "send it again: Twilio could not delay it to permitted hours, and did not send it", "30047"],
  ["permanent", "never answer it: Twilio stopped a loop", "30039"],
  [
    "permanent",
    "send from a sender of the person's own channel: SMS to SMS, WhatsApp to WhatsApp, RCS to RCS",
    "21910",
  ],
  ["permanent", "send an approved template: the 24 hours to answer freely are over", "63016"],
  ["permanent", "send it again only if it still matters: it expired in the queue", "30036"],
  [
    "permanent",
    "check the address or use another sender: this one cannot be reached",
    "21211 21265-21268 21612-21614 21635 30004-30006 30453 30485 63003 63014 63015 63024 63031-63036",
  ],
  ["permanent", "change the text or media", "14109 21602 21617-21623 30007 30038 63013 63021"],
  ["permanent", REFUSED, "20404 21603 21604 21624 21654-21658 30009 30045 63030 90007"],
];

/**
 * Classifies an error of Twilio's REST API, or the `ErrorCode` of a status callback.
 *
 * A known code decides. Otherwise the HTTP status does: 429 is `retry-later`, 401 and 403 are `configuration`, 408 and
 * 5xx are `ambiguous`, other 4xx are `permanent`. An unknown code without a status, as in a callback, is `permanent`,
 * because Twilio has given up. Without code and status, as after a broken connection, the error is `ambiguous`. Twilio
 * may change what a code means.
 *
 * @see https://www.twilio.com/docs/api/errors
 */
export function classifyError(error: {
  readonly httpStatus?: number | undefined;
  readonly code?: number | undefined;
}): ClassifiedError {
  const { httpStatus = 0, code } = error;
  const group = code === undefined ? undefined : GROUPS.find(([, , codes]) => holds(codes, code));
  if (group) return { class: group[0], remedy: group[1] };
  if (httpStatus === 429) return { class: "retry-later", remedy: SLOWER };
  if (httpStatus === 401 || httpStatus === 403) return { class: "configuration", remedy: CREDENTIALS };
  const refused = httpStatus ? httpStatus !== 408 && httpStatus >= 400 && httpStatus < 500 : code !== undefined;
  return refused ? { class: "permanent", remedy: REFUSED } : { class: "ambiguous", remedy: LOOK_FIRST };
}

/**
 * The codes of messages that Twilio took and, by its documentation, certainly did not send. A queue or a rate was full
 * (30001, 30022, 63018), or Twilio could not schedule the message for later (30047). No other code belongs here: 30003,
 * 30008, 30410 and 30500 may come after the message has arrived, or come again.
 *
 * @see https://www.twilio.com/docs/api/errors/30001
 * @see https://www.twilio.com/docs/api/errors/30022
 * @see https://www.twilio.com/docs/api/errors/63018
 * @see https://www.twilio.com/docs/api/errors/30047
 */
const SENT_AGAIN = "30001 30022 30047 63018";

/** Reads the failure from the status and code that Twilio reports of a message, by a callback or in its list. */
export function failureOf(
  status: ProviderStatus,
  rawStatus: string,
  code: number | undefined,
): { readonly error: MessageError | null; readonly optOut: boolean; readonly temporary?: true } {
  const failed = status === "failed" || status === "undelivered";
  const found = code === undefined ? undefined : classifyError({ code });
  const reason = found?.remedy ?? (rawStatus === "canceled" ? "it was canceled at Twilio" : "Twilio gave no reason");
  return {
    error: failed || code !== undefined ? { code: code ?? null, reason } : null,
    optOut: found?.class === "opted-out",
    ...(failed && code !== undefined && holds(SENT_AGAIN, code) && { temporary: true }),
  };
}

/**
 * The code and message of an error body, in each of the three shapes that Twilio uses: `code` and `message`, RFC 9457
 * (`title`, `detail`), and the newer `code`, `message`, `userError`.
 *
 * HTML, broken JSON and an empty body give no code and a message that names the HTTP status. The message is Twilio's
 * own and may quote a phone number: do not put it into errors or into logs above debug.
 */
export function parseErrorBody(text: string, httpStatus: number): { code?: number; message: string } {
  const body = jsonObject(text);
  const code = codeIn(body);
  const message = [body.message, body.detail, body.title].find((part) => typeof part === "string" && part);
  return {
    ...(code === undefined ? {} : { code }),
    message: typeof message === "string" ? message : `HTTP ${httpStatus} without a readable error body`,
  };
}

/** Twilio's code in the body of an error; undefined where there is none. */
export function codeIn(body: Readonly<Record<string, unknown>>): number | undefined {
  const code = Number(body.code);
  return Number.isInteger(code) && code > 0 ? code : undefined;
}

/**
 * Whether the message may have been sent although the answer names no message. Twilio documents its 5xx as "may have
 * been sent", with any code in the body.
 */
export function leavesOpen(httpStatus: number, code: number | undefined): boolean {
  return httpStatus < 400 || httpStatus === 408 || httpStatus >= 500 || (code !== undefined && holds(MAYBE_SENT, code));
}

/**
 * How long a `Retry-After` header asks to wait, in milliseconds from `nowMs` (Unix milliseconds), never negative.
 *
 * Takes seconds (`120`) and a date (`Wed, 21 Oct 2026 07:28:00 GMT`); anything else, or no header, is undefined.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function parseRetryAfter(headerValue: string | null | undefined, nowMs: number): number | undefined {
  const value = headerValue?.trim() ?? "";
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1000;
  // Date.parse accepts nearly any text as a date, so the format is checked first.
  const untilMs = /^[A-Z][a-z]{2}.* GMT$/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(untilMs) ? undefined : Math.max(0, untilMs - nowMs);
}

function holds(codes: string, code: number): boolean {
  return codes.split(" ").some((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return first !== undefined && last !== undefined && first <= code && code <= last;
  });
}

/** The fields of a JSON object. Any other text, such as a proxy's HTML page or an incomplete body, has no fields. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(text) };
  } catch {
    return {};
  }
}
