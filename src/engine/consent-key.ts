import { withoutChannel } from "../model/phone-number.ts";

/** Files consent under an opaque key: the ledger can keep it when it has forgotten the person. */
export type ConsentKey = (line: string, participant: string) => Promise<string>;

/**
 * HMAC-SHA-256 under the ledger's own secret. The channel is left out, since an opt-out spans SMS, MMS, RCS and
 * WhatsApp of one number.
 */
export function consentKeyFor(secret: string): ConsentKey {
  const encoder = new TextEncoder();
  const key = crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return async (line, participant) => {
    const text = encoder.encode(`${withoutChannel(line)}\n${withoutChannel(participant)}`);
    const digest = new Uint8Array(await crypto.subtle.sign("HMAC", await key, text));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  };
}
