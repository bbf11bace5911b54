import { personOf } from "../../../model/person-address.ts";
import type { SendConditions } from "../../../storage/storage.ts";

export const LINE = "+15550100001";
export const SCOPE = "default";
export const PERSON = "+15550199001";
export const LEASE_MS = 15_000;
export const DEBOUNCE_MS = 3_000;
export const MAX_WAIT_MS = 10_000;
export const EXPIRY_MS = 3_600_000;
export const ORDER_WAIT_MS = 60_000;
export const UNKNOWN_WINDOW_MS = 300_000;

/** Conditions under which every text may leave. */
export const FREE: SendConditions = {
  consent: true,
  unpaused: false,
  delayMs: 0,
  cancel: null,
  counters: [],
  rateLimit: null,
};

/** The key of a person's consent in these cases: the same opaque text for all spellings of the number. */
export function consentKeyOf(participant: string): string {
  return `consent:${personOf(participant)}`;
}
