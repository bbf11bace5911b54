import { NO_ACCOUNT, type SidFault, sidFault } from "./sids.ts";
import { groupParams, type WebhookParams } from "./signature.ts";

/** The channel of a message. Other channels (`messenger`, …) have the prefix of their address as their name. */
export type WebhookChannel = "sms" | "mms" | "whatsapp" | "rcs" | (string & {});

/** Every parameter as it came, also unknown ones. A repeated name has a list of values. */
export type RawParams = Readonly<Record<string, string | readonly string[]>>;

/** A message that a person sent. */
export interface InboundWebhook {
  readonly kind: "inbound";
  readonly messageSid: string;
  readonly accountSid: string;
  /** As Twilio wrote it: E.164, a short code (`384387`), a channel address (`whatsapp:+…`) or a caller's raw string. */
  readonly from: string;
  readonly to: string;
  /** Empty where the message has only media. */
  readonly body: string;
  /** In order. A type that Twilio left out is `application/octet-stream`. */
  readonly media: readonly { readonly url: string; readonly contentType: string }[];
  readonly channel: WebhookChannel;
  readonly messagingServiceSid?: string | undefined;
  /** Set where Twilio has recognised the keyword and already answered it: do not reply. Needs Advanced Opt-Out. */
  readonly optOut?: "STOP" | "START" | "HELP" | undefined;
  /** For an MMS this depends on the media, not on the text. */
  readonly numSegments?: number | undefined;
  /** The name on a WhatsApp profile, chosen by its owner. */
  readonly profileName?: string | undefined;
  /** The message that this one replies to, at most seven days old. */
  readonly repliedToSid?: string | undefined;
  /** The quick reply or action that the person tapped. A field that Twilio left out is empty. */
  readonly button?: { readonly text: string; readonly payload: string } | undefined;
  /** In degrees. */
  readonly location?:
    | {
        readonly latitude: number;
        readonly longitude: number;
        readonly address?: string | undefined;
        readonly label?: string | undefined;
      }
    | undefined;
  readonly raw: RawParams;
}

/** The status of a message that was sent earlier. Twilio does not promise that every status comes, or in order. */
export interface StatusWebhook {
  readonly kind: "status";
  readonly messageSid: string;
  readonly accountSid?: string | undefined;
  /** Twilio's own word, for example `delivered`. Twilio may add new words at any time. */
  readonly status: string;
  readonly errorCode?: number | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly messagingServiceSid?: string | undefined;
  /** The date of the mobile carrier's delivery receipt, as Twilio passes it on: `YYMMDDhhmm`, without a time zone. */
  readonly rawDlrDoneDate?: string | undefined;
  readonly raw: RawParams;
}

/** Any other request. `reason` says what it looks like, and does not quote it. */
export interface UnsupportedWebhook {
  readonly kind: "unsupported";
  readonly reason: string;
  /** Who must do what, where you must refuse the request; `null` where you may acknowledge and ignore it. */
  readonly remedy: string | null;
  readonly raw: RawParams;
}

export type ParsedWebhook = InboundWebhook | StatusWebhook | UnsupportedWebhook;

/**
 * Reads a webhook of Twilio Messaging: an inbound message, its fallback request, or a status callback.
 *
 * A request with `MessageStatus` is a status. `SmsStatus=received` or an empty `Body` does not make a request a status.
 * A status may lack `To` and `AccountSid`. The media are those with a `MediaUrl`, also where `NumMedia` gives another
 * number. Where a name is repeated, its first value is used, and `raw` has all values. A missing or empty parameter is
 * undefined. Never throws.
 *
 * Ids must have Twilio's form: `SM` or `MM`, `AC` and `MG`, each with 32 hexadecimal digits. The id of a message may
 * have fewer, as in tests, where the form has a `To` that is not empty. `MessageSid`, `SmsSid` and `SmsMessageSid` must
 * be the same id where they are there, and a message must name its account. The signature does not cover where a name
 * ends and its value begins. These rules therefore refuse a recorded request whose parameters were split in other
 * places to get another id. They cannot detect such a split where a person wrote names of parameters into the text. A
 * request that breaks a rule is `unsupported`, with a remedy: answer it with an error, and store nothing.
 *
 * Parse only what `verifyRequest` found valid. A repetition has the same `accountSid` and the same `messageSid`.
 *
 * @see https://www.twilio.com/docs/messaging/guides/webhook-request
 * @see https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
 */
export function parseWebhook(params: WebhookParams): ParsedWebhook {
  return parseGroups(groupParams(params));
}

/** {@link parseWebhook} of grouped parameters. */
export function parseGroups(all: ReadonlyMap<string, readonly string[]>): ParsedWebhook {
  // fromEntries defines own properties, so a parameter called __proto__ is data like any other.
  const raw: RawParams = Object.fromEntries(
    Array.from(all, ([name, values]) => [name, values.length > 1 ? values : (values[0] ?? "")]),
  );
  const get = (name: string): string | undefined => all.get(name)?.[0] || undefined;
  const number = (name: string): number | undefined => {
    const value = get(name) ?? "";
    return /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
  };

  const fault = sidFault(all);
  if (fault !== undefined) return refused(fault, raw);
  const messageSid = get("MessageSid") ?? get("SmsSid") ?? get("SmsMessageSid");
  if (!messageSid) {
    return unsupported(get("CallSid") ? "this is a voice webhook" : "it has no MessageSid", raw);
  }
  const from = get("From");
  const to = get("To");
  const common = {
    messageSid,
    accountSid: get("AccountSid"),
    messagingServiceSid: get("MessagingServiceSid"),
    raw,
  };

  const smsStatus = get("SmsStatus");
  const status = get("MessageStatus") ?? (isReceived(smsStatus) ? undefined : smsStatus);
  // Where a status field says "received" and the request has a text or media, the request is an inbound message.
  if (status && !(isReceived(status) && from && to && (all.has("Body") || all.has("MediaUrl0")))) {
    return {
      kind: "status",
      ...common,
      status,
      errorCode: number("ErrorCode"),
      from,
      to,
      rawDlrDoneDate: get("RawDlrDoneDate"),
    };
  }

  if (!from || !to) {
    return unsupported(`it has no ${from ? "To" : "From"}`, raw);
  }
  const { accountSid } = common;
  if (accountSid === undefined) return refused(NO_ACCOUNT, raw);
  const media = mediaOf(all);
  const optOut = get("OptOutType")?.toUpperCase();
  const latitude = number("Latitude");
  const longitude = number("Longitude");
  return {
    kind: "inbound",
    ...common,
    accountSid,
    from,
    to,
    body: get("Body") ?? "",
    media,
    channel: channelOf(from, to, messageSid, media.length),
    optOut: optOut === "STOP" || optOut === "START" || optOut === "HELP" ? optOut : undefined,
    numSegments: number("NumSegments"),
    profileName: get("ProfileName"),
    repliedToSid: get("OriginalRepliedMessageSid"),
    button:
      get("ButtonText") || get("ButtonPayload")
        ? { text: get("ButtonText") ?? "", payload: get("ButtonPayload") ?? "" }
        : undefined,
    location:
      latitude === undefined || longitude === undefined
        ? undefined
        : { latitude, longitude, address: get("Address"), label: get("Label") },
  };
}

function unsupported(reason: string, raw: RawParams): UnsupportedWebhook {
  return { kind: "unsupported", reason, remedy: null, raw };
}

function refused({ reason, remedy }: SidFault, raw: RawParams): UnsupportedWebhook {
  return { kind: "unsupported", reason, remedy, raw };
}

function isReceived(status: string | undefined): boolean {
  return status === "received" || status === "receiving";
}

function mediaOf(all: ReadonlyMap<string, readonly string[]>): { url: string; contentType: string }[] {
  return [...all.keys()]
    .flatMap((name) => /^MediaUrl(\d+)$/.exec(name)?.[1] ?? [])
    .toSorted((a, b) => Number(a) - Number(b))
    .map((index) => ({
      url: all.get(`MediaUrl${index}`)?.[0] ?? "",
      contentType: all.get(`MediaContentType${index}`)?.[0] || "application/octet-stream",
    }))
    .filter(({ url }) => url);
}

function channelOf(from: string, to: string, messageSid: string, mediaCount: number): WebhookChannel {
  const prefix = /^[a-z]+(?=:)/i;
  const found = prefix.exec(from) ?? prefix.exec(to);
  if (found) return found[0].toLowerCase();
  return mediaCount > 0 || messageSid.startsWith("MM") ? "mms" : "sms";
}
