import { isOwnlineError } from "../../errors.ts";
import type { Media } from "../../model/message.ts";
import { isMessagingService } from "../../model/phone-number.ts";
import type {
  FindQuery,
  FoundMessages,
  ListedMessages,
  ListInboundQuery,
  OwnedSender,
  ProviderMessage,
  ReceivedMessage,
  UnreadableEntry,
} from "../transport.ts";
import { failureOf } from "./errors.ts";
import {
  bodyOf,
  byAge,
  dateOf,
  errorCodeOf,
  type Fields,
  idIn,
  isUnreadable,
  mediaCountOf,
  optionalText,
  readEntry,
  sidOf,
  textOf,
  unreadableEntry,
} from "./list-entry.ts";
import { pages, type TwilioList, unreadable, within } from "./list-pages.ts";
import { fieldsOf, type TwilioRest } from "./rest.ts";
import { providerStatus } from "./send.ts";

const DAY_MS = 86_400_000;
/** For a long list that is read to its end: the largest page that Twilio allows. */
const LARGE = { PageSize: "1000" };

/** What a trial account's texts begin with: https://www.twilio.com/docs/messaging/guides/how-to-use-your-free-trial-account */
const TRIAL_NOTICE = /^Sent from your Twilio trial account\s*-\s*/i;

const MESSAGES: TwilioList = { resource: "Messages.json", key: "messages", name: "the list of messages" };
const NUMBERS: TwilioList = {
  resource: "IncomingPhoneNumbers.json",
  key: "incoming_phone_numbers",
  name: "the list of the account's numbers",
};
const SHORT_CODES: TwilioList = {
  resource: "SMS/ShortCodes.json",
  key: "short_codes",
  name: "the list of the account's short codes",
};

/**
 * Outbound messages in Twilio's list, newest first. The list is sorted by the date sent, which a queued message does
 * not have yet. So the request does not filter by that date: pages are read until one contains no recent entry. An
 * entry that cannot be read is named in `unreadable`, and the other entries are returned.
 *
 * @throws OwnlineError `transport_unavailable` (retryable) or `transport_rejected`.
 * @see https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
 */
export async function find(rest: TwilioRest, { from, to, since }: FindQuery): Promise<FoundMessages> {
  const service = isMessagingService(from);
  const filter = { ...(!service && { From: from }), ...(to !== undefined && { To: to }) };
  const found: ProviderMessage[] = [];
  const faults: UnreadableEntry[] = [];
  let asOf: number | null | undefined;
  for await (const { items: page, date } of pages(rest, MESSAGES, filter)) {
    asOf ??= date;
    const { recent, undated, isPast } = byAge(page, since);
    for (const message of [...recent, ...undated]) {
      if (service && message.messaging_service_sid !== from) continue;
      const read = await readEntry(message, sentOf);
      if (read.kind === "unreadable") faults.push(read.entry);
      else if (read.value !== null) found.push(read.value);
    }
    if (isPast) break;
  }
  const messages = found.toSorted((a, b) => b.createdAt - a.createdAt);
  return { messages, ...(faults.length > 0 && { unreadable: faults }), asOf: asOf ?? null };
}

/** An outbound message; `null` for an inbound one, or for one whose status is not known here. */
function sentOf(message: Fields): ProviderMessage | null {
  const rawStatus = textOf(message, "status");
  const status = providerStatus(rawStatus);
  if (status === undefined) return null;
  const { error, temporary } = failureOf(status, rawStatus, errorCodeOf(message));
  const body = bodyOf(message);
  const unmarked = body.replace(TRIAL_NOTICE, "");
  return {
    providerMessageId: sidOf(message),
    from: typeof message.from === "string" ? message.from : null,
    to: textOf(message, "to"),
    body,
    ...(unmarked !== body && { bodyWithoutNotice: unmarked }),
    mediaCount: countedMedia(message),
    status,
    ...(error !== null && { error }),
    ...(temporary === true && { temporary }),
    createdAt: dateOf(message),
  };
}

/**
 * Texts to a sender, oldest first, with their media. An entry that cannot be read, or whose media cannot be read, is
 * named in `unreadable`, and the other entries are listed.
 *
 * @throws OwnlineError `transport_unavailable` (retryable) or `transport_rejected`.
 * @see https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
 */
export async function listInbound(rest: TwilioRest, query: ListInboundQuery): Promise<ListedMessages> {
  const { to, unrecorded = async (keys: readonly string[]) => keys } = query;
  const filter = typeof query.since === "number" ? { To: to, "DateSent>": dayBefore(query.since) } : { To: to };
  const found: { text: ReceivedMessage; createdAt: number }[] = [];
  const faults: UnreadableEntry[] = [];
  let asOf: number | null | undefined;
  for await (const { items: page, date } of pages(rest, MESSAGES, { ...filter, ...LARGE })) {
    asOf ??= date;
    const since = typeof query.since === "number" ? query.since : lastFrom(asOf, query.since.lastMs);
    const { recent, undated, isPast } = byAge(page, since);
    const inbound = new Map<string, Fields>();
    for (const message of [...recent, ...undated].filter(mayBeInbound)) {
      const key = keyOf(rest, message);
      if (key === null) faults.push(unreadableEntry(message, "it has no sid or account_sid that can be an id"));
      else inbound.set(key, message);
    }
    for (const key of inbound.size === 0 ? [] : await unrecorded([...inbound.keys()])) {
      const message = inbound.get(key);
      if (message === undefined) continue;
      const read = await readEntry(message, (fields) => inboundOf(rest, fields, key));
      if (read.kind === "unreadable") faults.push(read.entry);
      else found.push(read.value);
    }
    if (isPast) break;
  }
  const texts = found.toSorted((a, b) => a.createdAt - b.createdAt).map(({ text }) => text);
  return { messages: texts, ...(faults.length > 0 && { unreadable: faults }), asOf: asOf ?? null };
}

/** An entry without a direction is read too, because it may be a person's text. */
function mayBeInbound({ direction }: Fields): boolean {
  return direction === "inbound" || typeof direction !== "string";
}

async function inboundOf(
  rest: TwilioRest,
  message: Fields,
  key: string,
): Promise<{ readonly text: ReceivedMessage; readonly createdAt: number }> {
  textOf(message, "direction");
  const createdAt = dateOf(message);
  const providerMessageId = sidOf(message);
  const service = message.messaging_service_sid;
  const text: ReceivedMessage = {
    key,
    providerMessageId,
    from: textOf(message, "from"),
    to: textOf(message, "to"),
    service: typeof service === "string" ? service : null,
    body: bodyOf(message),
    media: mediaCountOf(message) > 0 ? await mediaOf(rest, providerMessageId) : [],
    optOut: null,
    occurredAt: createdAt,
  };
  return { text, createdAt };
}

/** The key of the text, as its webhook would have it; `null` where the entry names no message. */
function keyOf(rest: TwilioRest, { account_sid, sid }: Fields): string | null {
  const account = typeof account_sid === "string" ? idIn(account_sid) : rest.accountSid;
  const message = idIn(sid);
  return account === null || message === null ? null : `${account}:${message}`;
}

/**
 * One day before. Twilio's filter uses the date sent, and its documentation does not promise the filter's precision.
 */
function dayBefore(since: number): string {
  return new Date(since - DAY_MS).toISOString().replace(/\.\d+/, "");
}

function lastFrom(asOf: number | null, lastMs: number): number {
  if (asOf !== null) return asOf - lastMs;
  throw unreadable(
    MESSAGES,
    "it has no Date header, which gives Twilio's time: let the proxy in front of Twilio pass that header on",
  );
}

/** The number of media. `null` for a text that a Messaging Service has not sent yet: Twilio lists 0 until then. */
function countedMedia(message: Fields): number | null {
  if (message.num_media === undefined || message.num_media === null) return null;
  const count = mediaCountOf(message);
  return message.from !== null || count > 0 ? count : null;
}

/**
 * The numbers and short codes of the account. `webhookUrl` is the number's own `sms_url`. Twilio does not use that URL
 * where the number belongs to a Messaging Service or to an application. The list shows the application, but not the
 * service. An entry without an address is left out.
 *
 * @throws OwnlineError `transport_unavailable` (retryable) or `transport_rejected`.
 * @see https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
 */
export async function senders(rest: TwilioRest, ownUrl: string): Promise<OwnedSender[]> {
  const found: OwnedSender[] = [];
  for await (const { items: page } of pages(rest, NUMBERS, {})) {
    for (const number of page) {
      const address = optionalText(number, "phone_number");
      if (address === "") continue;
      const can = fieldsOf(number.capabilities);
      const capabilities = (["sms", "mms", "voice"] as const).filter(
        (name) => (can[name] ?? can[name.toUpperCase()]) === true,
      );
      found.push({
        address,
        capabilities,
        webhookUrl: optionalText(number, "sms_url"),
        ...postsOf(number, ownUrl),
      });
    }
  }
  for await (const { items: page } of pages(rest, SHORT_CODES, {})) {
    for (const code of page) {
      const address = optionalText(code, "short_code");
      if (address === "") continue;
      found.push({
        address,
        capabilities: ["sms"],
        webhookUrl: optionalText(code, "sms_url"),
        ...postsOf(code, ownUrl),
      });
    }
  }
  return found;
}

/**
 * Whether a number's texts are posted to our webhook. The comparison ignores the fragment, which carries the retry
 * overrides.
 */
function postsOf(number: Fields, ownUrl: string): Pick<OwnedSender, "posts"> {
  const url = optionalText(number, "sms_url");
  if (url === "" || optionalText(number, "sms_application_sid") !== "") return {};
  return { posts: bareUrl(url) === bareUrl(ownUrl) ? "here" : "elsewhere" };
}

function bareUrl(url: string): string {
  const bare = url.split("#", 1)[0] ?? "";
  return URL.canParse(bare) ? new URL(bare).href : bare;
}

/** The media of a message. @throws the fault that ends the reading of this message, where its media cannot be read */
async function mediaOf(rest: TwilioRest, messageSid: string): Promise<Media[]> {
  const list: TwilioList = {
    resource: `Messages/${messageSid}/Media.json`,
    key: "media_list",
    name: "the list of its media",
  };
  const found: Media[] = [];
  try {
    for await (const { items: page } of pages(rest, list, {})) {
      for (const item of page) {
        const url = within(rest, textOf(item, "uri").replace(/\.json$/, ""));
        if (url === "") isUnreadable("its media lie on another host");
        found.push({ url, contentType: optionalText(item, "content_type") });
      }
    }
  } catch (error) {
    if (isOwnlineError(error)) isUnreadable(error.message.replace(/\.$/, ""));
    throw error;
  }
  // Twilio lists the newest first, which reverses the person's order.
  return found.toReversed();
}
