import { OwnlineError } from "../errors.ts";

const E164 = /^\+[1-9]\d{6,14}$/;
const SHORT_CODE = /^\d{3,8}$/;
const CHANNEL = /^[a-z][a-z0-9-]*:/;
/** The channels of Twilio's that have an address of their own. */
const KNOWN_CHANNELS: ReadonlySet<string> = new Set(["", "whatsapp:", "rcs:", "messenger:"]);
// https://www.twilio.com/docs/glossary/what-is-a-sid
const SERVICE = /^MG[0-9a-fA-F]{32}$/;
const FORMATTING = /[\s().-]/g;

/** Whether an address is the id of a Twilio Messaging Service: `MG` and 32 hexadecimal digits, in either case. */
export function isMessagingService(address: string): boolean {
  return SERVICE.test(address);
}

/** The address without its channel: `whatsapp:+15550001111` → `+15550001111`. Consent spans channels. */
export function withoutChannel(address: string): string {
  return address.replace(CHANNEL, "");
}

/**
 * Brings an address that a caller gave into the form that carriers use: E.164 (`+15703251809`), a short code, or
 * either behind a channel (`whatsapp:+15703251809`). Spaces, dots, dashes and brackets are formatting and are dropped;
 * a number without its country code is not guessed at.
 *
 * @throws OwnlineError `invalid_address`
 */
export function normalizeAddress(address: unknown, name: string): string {
  const trimmed = typeof address === "string" ? address.trim() : "";
  if (isMessagingService(trimmed)) return trimmed;
  const channel = CHANNEL.exec(trimmed)?.[0] ?? "";
  if (!KNOWN_CHANNELS.has(channel)) {
    throw new OwnlineError(
      "invalid_address",
      `${name} begins with a channel that is not known: write a number in E.164, or put whatsapp:, rcs: or messenger: before the address`,
    );
  }
  const rest = trimmed.slice(channel.length);
  // An agent of RCS and a page of Messenger have names and ids, not numbers.
  if ((channel === "rcs:" || channel === "messenger:") && rest !== "") return trimmed;
  const number = rest.replace(FORMATTING, "");
  if (E164.test(number) || SHORT_CODE.test(number)) return channel + number;
  const fault =
    address === undefined || address === null || address === ""
      ? "is missing"
      : "is not a phone number that a carrier understands";
  throw new OwnlineError(
    "invalid_address",
    `${name} ${fault}: write it in E.164, a text that begins with a plus sign and the country code, for example +15703251809`,
  );
}

/** An address for log lines above `debug`: `+15703251809` → `+1570…09`. */
export function maskAddress(address: string): string {
  const channel = CHANNEL.exec(address)?.[0] ?? "";
  const rest = address.slice(channel.length);
  if (rest.length <= 6) return `${channel}…${rest.slice(-2)}`;
  return `${channel}${rest.slice(0, rest.length > 9 ? 5 : 2)}…${rest.slice(-2)}`;
}
