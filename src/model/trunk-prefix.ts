import { OwnlineError } from "../errors.ts";

/*
 * A trunk prefix is dialled only inside a country: +44 20 … from abroad is 020 … in the United Kingdom. People combine
 * both forms, `+44 (0)20 …`. Without the brackets, but with the zero, that is a number that does not exist.
 *
 * The tables follow the metadata of Google's libphonenumber (as packed in libphonenumber-js 1.13.16), which follows the
 * national numbering plans: https://github.com/google/libphonenumber, https://www.itu.int/oth/T0202.aspx?parent=T0202
 */

/**
 * Country codes whose trunk prefix is 0, and whose numbers never begin with 0 and another digit. So the zero can be
 * dropped in every notation. Argentina is left out, because its mobile numbers change in other places too (0 and 15 are
 * dropped, 9 is added). Colombia and Gabon are left out, because they no longer use the zero.
 */
const TRUNK_ZERO: ReadonlySet<string> = new Set(
  `20 27 31 32 33 40 41 43 44 46 49 51 53 55 58 60 61 62 63 64 66 81 82 84 86 90 91 92 93 94 95 98
  211 212 213 218 231 232 233 234 243 249 251 252 254 255 256 260 261 262 263 264 265 291
  353 355 358 359 370 373 374 377 380 381 382 383 385 386 387 389 421 423 508 590 591 593 594 595 596 598 686
  850 855 856 880 886 961 962 963 964 966 967 970 971 972 976 977 994 995 996`.split(/\s+/),
);
/** Hungary's trunk prefix is 06. */
const HUNGARY = "36";
/** Italy, San Marino and the Vatican: the zero is dialled from abroad too. */
const ZERO_STAYS: ReadonlySet<string> = new Set(["39", "378", "379"]);
/**
 * Russia and Kazakhstan, Lithuania (until 2025), Belarus, Turkmenistan: the trunk prefix is 8, with which other numbers
 * there begin too.
 */
const TRUNK_EIGHT: ReadonlySet<string> = new Set(["7", "370", "375", "993"]);

/** Country codes of two digits (https://www.itu.int/pub/T-SP-E.164D). 1 and 7 have one digit, all others three. */
const TWO_DIGITS = /^(2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/;

/**
 * Drops a trunk prefix after the country code. `written` is a number of digits, a plus sign and brackets.
 *
 * Where the numbering plan is certain, the prefix is dropped, with brackets or without: `+44(0)20`, `+44(020)`,
 * `+44020`. In Italy, San Marino and the Vatican the zero stays. In other countries a zero without brackets is part of
 * the number, as in Côte d'Ivoire, and a zero in brackets is refused.
 *
 * @throws OwnlineError `invalid_address` where it is not certain whether a zero in brackets belongs to the number
 */
export function withoutTrunkPrefix(written: string, name: string): string {
  const digits = written.replace(/[()]/g, "");
  const code = countryCodeOf(digits.slice(1));
  if (!digits.startsWith("+") || code === "") return digits;
  const national = digits.slice(1 + code.length);
  if (TRUNK_ZERO.has(code)) return `+${code}${national.replace(/^0(?=[1-9])/, "")}`;
  if (code === HUNGARY && /^06[1-9]/.test(national)) return `+${code}${national.slice(2)}`;
  // Brackets around the country code itself are formatting. Where brackets divide the country code, as in +38(044),
  // nothing matches.
  const behindCode = new RegExp(`^\\+\\(?${code}\\)?(.*)`).exec(written)?.[1] ?? "";
  if (TRUNK_EIGHT.has(code) && behindCode.startsWith("(8)")) return `+${code}${national.slice(1)}`;
  if (!ZERO_STAYS.has(code) && behindCode.startsWith("(0")) {
    throw new OwnlineError(
      "invalid_address",
      `${name} has a zero in brackets after the country code +${code}, and it is not certain whether the zero belongs to the number: write the number in E.164, as it is dialled from abroad, for example +15703251809`,
    );
  }
  return digits;
}

/** The country code at the beginning of the digits; empty where there is none. */
function countryCodeOf(digits: string): string {
  if (/^[17]/.test(digits)) return digits.slice(0, 1);
  if (TWO_DIGITS.test(digits)) return digits.slice(0, 2);
  return /^[2-9]\d\d/.test(digits) ? digits.slice(0, 3) : "";
}
