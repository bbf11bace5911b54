import { platformHashing } from "../hmac.ts";
import { withoutChannel } from "../model/phone-number.ts";

/** Files consent under an opaque key: the ledger can keep it when it has forgotten the person. */
export type ConsentKey = (line: string, participant: string) => Promise<string>;

/**
 * HMAC-SHA-256 under the ledger's own secret. The channel is left out, since an opt-out spans SMS, MMS, RCS and
 * WhatsApp of one number.
 */
export function consentKeyFor(secret: string): ConsentKey {
  const sign = platformHashing().signer("sha256", secret, "hex");
  return async (line, participant) => sign(`${withoutChannel(line)}\n${withoutChannel(participant)}`);
}
