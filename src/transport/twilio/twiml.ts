import { OwnlineError } from "../../errors.ts";

/** One `<Message>` of a TwiML answer. It goes back to the person who wrote, unless `to` says otherwise. */
export interface TwimlReply {
  /** At most 1,600 UTF-16 units. May be empty where there is media. */
  readonly body: string;
  /** URLs that Twilio fetches, at most ten. */
  readonly media?: readonly string[] | undefined;
  readonly to?: string | undefined;
  /** One of your own numbers; by default the number that the person texted. */
  readonly from?: string | undefined;
  /** The URL to which Twilio posts the statuses of this message. */
  readonly statusCallback?: string | undefined;
}

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>';
const MAX_MESSAGES = 10;
const MAX_MEDIA = 10;
const MAX_BODY_UNITS = 1600;
const MAX_DOCUMENT_BYTES = 64 * 1024;
// With the u flag, an unpaired surrogate is a code point of its own, so the pattern finds it too.
const NOT_XML = /[^\t\n\r -\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

/**
 * The TwiML that sends nothing. Serve all TwiML as `text/xml`: Twilio would text a `text/plain` answer to the person.
 */
export const emptyResponse: string = `${HEAD}<Response/>`;

/**
 * The TwiML that answers a webhook with messages, in order. Without messages it is {@link emptyResponse}.
 *
 * It cuts and cleans nothing. It refuses what Twilio would refuse, and what XML 1.0 cannot contain.
 *
 * @throws OwnlineError `invalid_message` for more than ten messages (Twilio's 14109), a reply without body and media
 * (14103), a body over 1,600 units, more than ten media, a control character or half of a surrogate pair, and a
 * document over 64 kB (11750).
 * @see https://www.twilio.com/docs/messaging/twiml/message
 *
 * @example
 * ```ts
 * import { messagingResponse } from "ownline/transport/twilio";
 *
 * const xml = messagingResponse([{ body: "We are closed until 9." }]);
 * console.log(xml);
 * ```
 */
export function messagingResponse(replies: readonly TwimlReply[] = []): string {
  if (replies.length === 0) return emptyResponse;
  if (replies.length > MAX_MESSAGES)
    refuse("a TwiML answer contains at most ten messages: send the others with send()");
  const document = `${HEAD}<Response>${replies.map(message).join("")}</Response>`;
  if (new TextEncoder().encode(document).length > MAX_DOCUMENT_BYTES) {
    refuse("the TwiML answer is over 64 kB: shorten its messages, or send them with send()");
  }
  return document;
}

function message({ body, media = [], to, from, statusCallback }: TwimlReply): string {
  if (body === "" && media.length === 0)
    refuse("a reply has no body and no media: leave the reply out to send nothing");
  if (body.length > MAX_BODY_UNITS) refuse("a reply's body is over 1,600 characters: split it");
  if (media.length > MAX_MEDIA) refuse("a reply has more than ten media: spread them over several replies");
  const attributes = attribute("to", to) + attribute("from", from) + attribute("statusCallback", statusCallback);
  const text = escapeText(body);
  const content = media.length
    ? (text && `<Body>${text}</Body>`) + media.map((url) => `<Media>${escapeText(url)}</Media>`).join("")
    : text;
  return `<Message${attributes}>${content}</Message>`;
}

function attribute(name: string, value: string | undefined): string {
  if (value === undefined) return "";
  const quoted = escapeXml(value).replaceAll('"', "&quot;").replaceAll("\t", "&#x9;").replaceAll("\n", "&#xA;");
  return ` ${name}="${quoted}"`;
}

function escapeText(text: string): string {
  return escapeXml(text).replaceAll(">", "&gt;");
}

/** Escapes a carriage return too, because an XML parser reads an unescaped one as a line feed. */
function escapeXml(text: string): string {
  if (NOT_XML.test(text)) {
    refuse("a reply contains a control character or half of a surrogate pair, which XML cannot carry: remove it");
  }
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("\r", "&#xD;");
}

function refuse(reason: string): never {
  throw new OwnlineError("invalid_message", reason);
}
