import { OwnlineError } from "../../errors.ts";
import type { Media } from "../../model/message.ts";
import type {
  CarrierMessage,
  FindQuery,
  FoundMessages,
  InboundText,
  ListedTexts,
  ListInboundQuery,
  OwnedSender,
} from "../transport.ts";
import { classifyError, parseErrorBody } from "./errors.ts";
import { accountPath, fieldsOf, type TwilioRest } from "./rest.ts";
import { carrierStatus } from "./send.ts";

type Fields = Readonly<Record<string, unknown>>;

const DAY_MS = 86_400_000;
const PAGE_SIZE = 100;
/** Where a long list is read to its end: the most that Twilio puts on a page. */
const LARGE = { PageSize: "1000" };

/**
 * Texts of ours in Twilio's list, newest first. The list is sorted by the date sent, which a queued text does not have
 * yet, so nothing is filtered by it: pages are read until one holds nothing new.
 *
 * @throws OwnlineError `carrier_unavailable` (retryable) or `carrier_rejected`.
 * @see https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
 */
export async function find(rest: TwilioRest, { from, to, since }: FindQuery): Promise<FoundMessages> {
  const service = from.startsWith("MG");
  const filter = service ? { To: to } : { From: from, To: to };
  const found: CarrierMessage[] = [];
  let asOf: number | null | undefined;
  for await (const { items: page, date } of pages(rest, "Messages.json", filter, "messages")) {
    asOf ??= date;
    const recent = page.filter((message) => dateOf(message, "date_created") >= since);
    for (const message of recent) {
      const status = carrierStatus(textOf(message, "status"));
      if (status === undefined || (service && message.messaging_service_sid !== from)) continue;
      found.push({
        carrierId: textOf(message, "sid"),
        from: typeof message.from === "string" ? message.from : null,
        to: textOf(message, "to"),
        body: textOf(message, "body"),
        mediaCount: mediaCountOf(message),
        status,
        createdAt: dateOf(message, "date_created"),
      });
    }
    if (recent.length === 0 && page.length > 0) break;
  }
  return { messages: found.toSorted((a, b) => b.createdAt - a.createdAt), asOf: asOf ?? null };
}

/**
 * Texts that came to a number of ours, oldest first, with their media.
 *
 * @throws OwnlineError `carrier_unavailable` (retryable) or `carrier_rejected`.
 * @see https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
 */
export async function listInbound(rest: TwilioRest, query: ListInboundQuery): Promise<ListedTexts> {
  const { to, unrecorded = async (keys: readonly string[]) => keys } = query;
  const filter = typeof query.since === "number" ? { To: to, "DateSent>": dayBefore(query.since) } : { To: to };
  const found: { text: InboundText; createdAt: number }[] = [];
  let asOf: number | null | undefined;
  for await (const { items: page, date } of pages(rest, "Messages.json", { ...filter, ...LARGE }, "messages")) {
    asOf ??= date;
    const since = typeof query.since === "number" ? query.since : lastFrom(asOf, query.since.lastMs);
    const recent = page.filter((message) => dateOf(message, "date_created") >= since);
    const inbound = new Map(
      recent.flatMap((message) => (message.direction === "inbound" ? [[keyOf(rest, message), message]] : [])),
    );
    for (const key of inbound.size === 0 ? [] : await unrecorded([...inbound.keys()])) {
      const message = inbound.get(key);
      if (message === undefined) continue;
      const createdAt = dateOf(message, "date_created");
      const carrierId = textOf(message, "sid");
      const service = message.messaging_service_sid;
      const text: InboundText = {
        key,
        carrierId,
        from: textOf(message, "from"),
        to: textOf(message, "to"),
        service: typeof service === "string" ? service : null,
        body: textOf(message, "body"),
        media: Number(message.num_media) > 0 ? await mediaOf(rest, carrierId) : [],
        optOut: null,
        occurredAt: createdAt,
      };
      found.push({ text, createdAt });
    }
    if (recent.length === 0 && page.length > 0) break;
  }
  const texts = found.toSorted((a, b) => a.createdAt - b.createdAt).map(({ text }) => text);
  return { texts, asOf: asOf ?? null };
}

/** The key that the text's webhook has. */
function keyOf(rest: TwilioRest, message: Fields): string {
  const account = typeof message.account_sid === "string" ? message.account_sid : rest.accountSid;
  return `${account}:${textOf(message, "sid")}`;
}

/** A day of margin: the filter goes by the date sent, and its granularity is not promised. */
function dayBefore(since: number): string {
  return new Date(since - DAY_MS).toISOString().replace(/\.\d+/, "");
}

function lastFrom(asOf: number | null, lastMs: number): number {
  if (asOf !== null) return asOf - lastMs;
  throw unreadable("its answer has no Date, so nobody knows what came last: is a proxy removing the header?");
}

/** `null` for a Messaging Service's text that is still to be sent: its counts are 0 until then. */
function mediaCountOf(message: Fields): number | null {
  const count = Number(message.num_media);
  const isCounted = message.num_media !== undefined && message.num_media !== null && Number.isInteger(count);
  return isCounted && (message.from !== null || count > 0) ? count : null;
}

/**
 * The numbers and short codes of the account. `webhookUrl` is the number's own `sms_url`; Twilio passes over it where
 * the number hands its texts to a Messaging Service, or to an application, which alone can be seen here.
 *
 * @throws OwnlineError `carrier_unavailable` (retryable) or `carrier_rejected`.
 * @see https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
 */
export async function senders(rest: TwilioRest, ownUrl: string): Promise<OwnedSender[]> {
  const found: OwnedSender[] = [];
  for await (const { items: page } of pages(rest, "IncomingPhoneNumbers.json", {}, "incoming_phone_numbers")) {
    for (const number of page) {
      const can = fieldsOf(number.capabilities);
      const capabilities = (["sms", "mms", "voice"] as const).filter(
        (name) => (can[name] ?? can[name.toUpperCase()]) === true,
      );
      found.push({
        address: textOf(number, "phone_number"),
        capabilities,
        webhookUrl: optionalText(number, "sms_url"),
        ...postsOf(number, ownUrl),
      });
    }
  }
  for await (const { items: page } of pages(rest, "SMS/ShortCodes.json", {}, "short_codes")) {
    for (const code of page) {
      found.push({
        address: textOf(code, "short_code"),
        capabilities: ["sms"],
        webhookUrl: optionalText(code, "sms_url"),
        ...postsOf(code, ownUrl),
      });
    }
  }
  return found;
}

/** Where a number's texts are posted: a fragment does not count, it carries the retry overrides. */
function postsOf(number: Fields, ownUrl: string): Pick<OwnedSender, "posts"> {
  const url = optionalText(number, "sms_url");
  if (url === "" || optionalText(number, "sms_application_sid") !== "") return {};
  return { posts: bareUrl(url) === bareUrl(ownUrl) ? "here" : "elsewhere" };
}

function bareUrl(url: string): string {
  const bare = url.split("#", 1)[0] ?? "";
  return URL.canParse(bare) ? new URL(bare).href : bare;
}

async function mediaOf(rest: TwilioRest, messageSid: string): Promise<Media[]> {
  const found: Media[] = [];
  for await (const { items: page } of pages(rest, `Messages/${messageSid}/Media.json`, {}, "media_list")) {
    for (const item of page) {
      const url = new URL(textOf(item, "uri").replace(/\.json$/, ""), rest.apiUrl).href;
      found.push({ url, contentType: optionalText(item, "content_type") });
    }
  }
  // Twilio lists newest first; the person's order is the other way round.
  return found.toReversed();
}

/** One page of a list, and Twilio's clock when it answered. */
interface Page {
  readonly items: readonly Fields[];
  readonly date: number | null;
}

/** Each page of a list, following `next_page_uri`, which may lead nowhere but to Twilio's own API. */
async function* pages(
  rest: TwilioRest,
  resource: string,
  filter: Readonly<Record<string, string>>,
  key: string,
): AsyncGenerator<Page> {
  const query = new URLSearchParams({ PageSize: String(PAGE_SIZE), ...filter });
  const seen = new Set<string>();
  let url: string | undefined = `${accountPath(rest, resource)}?${query}`;
  while (url !== undefined) {
    if (seen.has(url)) throw unreadable("its pages run in a circle");
    seen.add(url);
    const { fields: page, date }: GotPage = await getPage(rest, url);
    const items = page[key];
    if (!Array.isArray(items)) throw unreadable(`it has no ${key}`);
    yield { items: items.map(fieldsOf), date };
    const next = page.next_page_uri;
    url = typeof next === "string" && next !== "" ? new URL(next, rest.apiUrl).href : undefined;
    if (url !== undefined && new URL(url).origin !== new URL(rest.apiUrl).origin) {
      // The request carries the account's credentials.
      throw unreadable("its next page is on another host");
    }
  }
}

interface GotPage {
  readonly fields: Fields;
  readonly date: number | null;
}

async function getPage(rest: TwilioRest, url: string): Promise<GotPage> {
  const outcome = await rest.get(url);
  if (outcome.kind === "failure") {
    throw new OwnlineError("carrier_unavailable", `Twilio's list could not be read: ${outcome.reason}.`, {
      retryable: true,
    });
  }
  const { httpStatus, body } = outcome;
  const date = Date.parse(outcome.date ?? "");
  if (httpStatus === 200) return { fields: jsonOf(body), date: Number.isNaN(date) ? null : date };
  const { code } = parseErrorBody(body, httpStatus);
  const { remedy } = classifyError({ httpStatus, code });
  const carrierCode = code === undefined ? {} : { carrierCode: code };
  if (httpStatus === 429 || httpStatus === 408 || httpStatus >= 500) {
    const message = `Twilio's list could not be read now (HTTP ${httpStatus}): try again later.`;
    throw new OwnlineError("carrier_unavailable", message, { retryable: true, ...carrierCode });
  }
  throw new OwnlineError("carrier_rejected", `Twilio refused its list (HTTP ${httpStatus}): ${remedy}.`, carrierCode);
}

function jsonOf(body: string): Fields {
  try {
    return fieldsOf(JSON.parse(body));
  } catch (cause) {
    throw unreadable("it is not JSON", cause);
  }
}

function unreadable(why: string, cause?: unknown): OwnlineError {
  return new OwnlineError("carrier_unavailable", `Twilio's list cannot be read: ${why}.`, { retryable: true, cause });
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw unreadable(`an entry has no ${name}`);
  return value;
}

function optionalText(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : "";
}

/** Twilio writes dates as RFC 2822, for example `Thu, 24 Aug 2023 05:01:45 +0000`: whole seconds. */
function dateOf(fields: Fields, name: string): number {
  const date = Date.parse(textOf(fields, name));
  if (Number.isNaN(date)) throw unreadable(`an entry's ${name} is no date`);
  return date;
}
