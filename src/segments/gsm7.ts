const BASIC =
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
  "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION = "\f^{}\\[~]|€";

/** The mark `PURE`, here and below, lets a bundler leave the table out of a bundle that does not use segments. */
const SEPTETS: ReadonlyMap<string, number> = /* @__PURE__ */ allSeptets();

function allSeptets(): ReadonlyMap<string, number> {
  return new Map([
    ...[...BASIC].map((character): [string, number] => [character, 1]),
    ...[...EXTENSION].map((character): [string, number] => [character, 2]),
  ]);
}

/**
 * How many septets a character takes in GSM-7: 1; 2 for the escaped characters of the extension table (`^ { } \ [ ] ~ |
 * €` and form feed); 0 where GSM-7 has no such character.
 *
 * The escape code itself (U+001B), tab, no-break space, backtick and `á í ó ú ç` are not in the alphabet.
 *
 * @see https://www.3gpp.org/dynareport/23038.htm sections 6.2.1 and 6.2.1.1
 * @see https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding
 */
export function septetsOf(character: string): number {
  return SEPTETS.get(character) ?? 0;
}

/** Whether every character of a text is in the GSM-7 alphabet or its extension. `true` for an empty text. */
export function isGsm7(text: string): boolean {
  for (const character of text) if (!SEPTETS.has(character)) return false;
  return true;
}
