import { OwnlineError } from "../errors.ts";
import { withoutTrunkPrefix } from "./trunk-prefix.ts";

const E164 = /^\+[1-9]\d{6,14}$/;
const SHORT_CODE = /^\d{3,8}$/;
const CHANNEL = /^[a-z][a-z0-9-]*:/;
/** The channels of Twilio that have their own addresses. */
const KNOWN_CHANNELS: ReadonlySet<string> = new Set(["", "whatsapp:", "rcs:", "messenger:"]);
// https://www.twilio.com/docs/glossary/what-is-a-sid
const SERVICE = /^MG[0-9a-fA-F]{32}$/;
/** A prefix that looks like a channel, in upper or lower case. */
const ANY_CHANNEL = /^[a-z][a-z0-9-]*:/i;
/** Invisible characters: joiners, marks of direction, the soft hyphen, byte order marks. Copied text often has them. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
/** Latin letters, digits and signs in the width of Chinese ones, U+FF01 to U+FF5E. */
const FULL_WIDTH = /[\uff01-\uff5e]/g;
const FULL_WIDTH_OFFSET = 0xfee0;
/** Longer than any address of a provider, and short enough for an index in every database. */
const LONGEST_ADDRESS = 255;
/** A control character, or half of a surrogate pair: some databases cannot store these. */
const UNKEEPABLE = /[\p{Control}\p{Surrogate}]/u;
/**
 * White space, dots, and every dash: typographic ones, the minus sign, the hyphen bullet. Brackets are removed later.
 */
const FORMATTING = /[\s.\p{Dash_Punctuation}\u2212\u02d7\u2043]/gu;

/** Whether an address is the id of a Twilio Messaging Service: `MG` and 32 hexadecimal digits, in either case. */
export function isMessagingService(address: string): boolean {
  return SERVICE.test(address);
}

/** Toll-free numbers of the North American plan, the only ones that Twilio texts from. */
const TOLL_FREE = /^\+18(?:00|33|44|55|66|77|88)\d{7}$/;

/** Whether an address is a toll-free number: +1 800, 833, 844, 855, 866, 877 and 888. */
export function isTollFree(address: string): boolean {
  return TOLL_FREE.test(address);
}

/** The address without its channel: `whatsapp:+15550001111` → `+15550001111`. Consent covers all channels. */
export function withoutChannel(address: string): string {
  return address.replace(CHANNEL, "");
}

/**
 * Normalizes an address of a caller to the form that providers use: E.164 (`+15703251809`), a short code, or one of
 * these after a channel (`whatsapp:+15703251809`). It drops spaces, dots, dashes, brackets and invisible characters,
 * and reads full-width digits and signs. It drops a trunk zero where the numbering plan is certain (`+44 (0)20 …`), and
 * keeps it in Italy, San Marino and the Vatican. It does not guess a missing country code.
 *
 * @throws OwnlineError `invalid_address`. Where a character does not belong in a number, the message names its code
 * point (`U+0661`)
 */
export function normalizeAddress(address: unknown, name: string): string {
  if (typeof address === "string") refuseOverlong(address, name);
  const plain = typeof address === "string" ? plainCharacters(address) : "";
  if (isMessagingService(plain)) return plain;
  const channel = ANY_CHANNEL.exec(plain)?.[0] ?? "";
  if (!KNOWN_CHANNELS.has(channel)) {
    throw new OwnlineError(
      "invalid_address",
      `${name} begins with a channel that is not known: write a number in E.164, or put whatsapp:, rcs: or messenger: before the address`,
    );
  }
  const rest = plain.slice(channel.length).trim();
  // RCS agents and Messenger pages have names and ids instead of numbers.
  if ((channel === "rcs:" || channel === "messenger:") && rest !== "" && !rest.startsWith("+")) {
    refuseUnkeepable(rest, name);
    return channel + rest;
  }
  const written = rest.replace(FORMATTING, "").replaceAll("[", "(").replaceAll("]", ")");
  const number = withoutTrunkPrefix(written, name);
  if (E164.test(number) || SHORT_CODE.test(number)) return channel + number;
  throw new OwnlineError(
    "invalid_address",
    `${name} ${faultOf(address, written)}: write it in E.164, a text that begins with a plus sign and the country code, for example +15703251809`,
  );
}

/**
 * Refuses an address that some storages cannot store: over 255 characters, with a control character, or with half of a
 * surrogate pair. It also checks addresses of a provider that are names instead of numbers.
 *
 * @throws OwnlineError `invalid_address`
 */
export function refuseUnkeepable(address: string, name: string): void {
  refuseOverlong(address, name);
  if (!UNKEEPABLE.test(address)) return;
  throw new OwnlineError(
    "invalid_address",
    `${name} has a control character, or half of a character: write the address as the provider shows it`,
  );
}

function refuseOverlong(address: string, name: string): void {
  if (address.length <= LONGEST_ADDRESS) return;
  throw new OwnlineError(
    "invalid_address",
    `${name} is longer than ${LONGEST_ADDRESS} characters, and no provider has such an address: write one address`,
  );
}

function plainCharacters(address: string): string {
  return address
    .replace(INVISIBLE, "")
    .replace(FULL_WIDTH, (wide) => String.fromCharCode(wide.charCodeAt(0) - FULL_WIDTH_OFFSET))
    .trim();
}

function faultOf(address: unknown, written: string): string {
  if (address === undefined || address === null || address === "") return "is missing";
  // A plus sign is allowed only at the beginning. An address without a digit is not a number, so the message names none
  // of its characters.
  const stranger = /\p{Decimal_Number}/u.test(written)
    ? /[^\d()+]|(?!^)\+/u.exec(written)?.[0].codePointAt(0)
    : undefined;
  if (stranger === undefined) return "is not a phone number that a provider understands";
  return `contains the character U+${stranger.toString(16).toUpperCase().padStart(4, "0")}, which does not belong there`;
}

/** The channel of an address, `""` for SMS and MMS: `whatsapp:+15550001111` → `whatsapp:`. */
function channelOf(address: string): string {
  return CHANNEL.exec(address)?.[0] ?? "";
}

/**
 * Refuses a message between a sender and a person on different channels, as Twilio does (21910). A Messaging Service
 * may have senders of several channels and picks one of them, so nothing is refused for it.
 *
 * @throws OwnlineError `invalid_address`
 * @see https://www.twilio.com/docs/api/errors/21910
 */
export function refuseMixedChannels(sender: string, person: string): void {
  const [ours, theirs] = [channelOf(sender), channelOf(person)];
  if (isMessagingService(sender) || ours === theirs) return;
  const spoken = (channel: string) => (channel === "" ? "SMS" : channel.slice(0, -1));
  throw new OwnlineError(
    "invalid_address",
    `the sender is of ${spoken(ours)} and the person's address of ${spoken(theirs)}, and both must be of the same channel (Twilio 21910): use ${theirs === "" ? "a phone number of yours as the sender" : `a sender that begins with ${theirs}`}, or ${ours === "" ? "the person's number without a channel" : `put ${ours} before the person's address`}`,
  );
}

/** An address for log lines above `debug`: `+15703251809` → `+1570…09`. */
export function maskAddress(address: string): string {
  const channel = channelOf(address);
  const rest = address.slice(channel.length);
  if (rest.length <= 6) return `${channel}…${rest.slice(-2)}`;
  return `${channel}${rest.slice(0, rest.length > 9 ? 5 : 2)}…${rest.slice(-2)}`;
}
