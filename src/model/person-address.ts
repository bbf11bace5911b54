import { withoutChannel } from "./phone-number.ts";

/**
 * A Brazilian mobile number as before 2016, without the 9 in front. Eight digits that begin with 2 to 5 are a landline.
 */
const BRAZIL_OLD_MOBILE = /^\+55([1-9]\d)([6-9]\d{7})$/;
/** A Mexican mobile number as people dialled it until 2019. No area code begins with 1. */
const MEXICO_OLD_MOBILE = /^\+521(\d{10})$/;
/** An Argentine number without the 9 that international callers put before a mobile one. */
const ARGENTINA_WITHOUT_NINE = /^\+54([1-8]\d{9})$/;

/**
 * The one normalized spelling of a person's address, with its channel. Providers write some numbers in two ways:
 *
 * - Brazil, mobiles: `+551187654321` and `+5511987654321` are one person. `+551133334444` is a landline and
 *   `+5511933334444` is a mobile, so they are two people.
 * - Mexico: `+5215512345678` and `+525512345678` are one person.
 * - Argentina, on WhatsApp: `whatsapp:+541123456789` and `whatsapp:+5491123456789` are one person. Elsewhere the
 *   number without the 9 may be a landline.
 *
 * Every other address is its own key. The ledger finds a person's conversation with a line by this key. Messages go to
 * the spelling that the provider sent last.
 *
 * @see https://www.twilio.com/docs/whatsapp/api
 */
export function participantKeyOf(address: string): string {
  const number = withoutChannel(address);
  const channel = address.slice(0, address.length - number.length);
  const [, area, local] = BRAZIL_OLD_MOBILE.exec(number) ?? [];
  if (area !== undefined && local !== undefined) return `${channel}+55${area}9${local}`;
  const mexican = MEXICO_OLD_MOBILE.exec(number)?.[1];
  if (mexican !== undefined) return `${channel}+52${mexican}`;
  const argentine = channel === "whatsapp:" ? ARGENTINA_WITHOUT_NINE.exec(number)?.[1] : undefined;
  return argentine === undefined ? address : `${channel}+549${argentine}`;
}

/**
 * {@link participantKeyOf} without the channel. Consent is stored under it, because consent covers all channels of a
 * person.
 */
export function personOf(address: string): string {
  return withoutChannel(participantKeyOf(address));
}

/**
 * All spellings that a provider may use for a person's address: those with the same key. The given spelling comes
 * first.
 */
export function spellingsOf(address: string): readonly string[] {
  const key = participantKeyOf(address);
  const others = [key.replace(/\+55(\d\d)9/, "+55$1"), key.replace("+52", "+521"), key.replace("+549", "+54")];
  return [...new Set([address, key, ...others.filter((other) => participantKeyOf(other) === key)])];
}
