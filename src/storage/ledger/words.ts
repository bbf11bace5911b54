import type { ConsentSource, ConsentState } from "../../model/consent.ts";
import type { TurnOutcome } from "../../model/conversation.ts";
import type { AttemptStatus, DeliveryStatus, ProviderStatus } from "../../model/delivery-status.ts";
import type { Origin, OutboundMessage } from "../../model/message.ts";
import type { KeyKind } from "./rows.ts";

/*
 * The words that the fields of rows may hold. A database reads no other word.
 */

/** All words of a set, as the keys of an object. A missing word is a type error. */
export type Words<Word extends string> = { readonly [W in Word]: true };

export function isWord<Word extends string>(words: Words<Word>, value: unknown): value is Word {
  return typeof value === "string" && Object.hasOwn(words, value);
}

export const PROVIDER_STATUSES: Words<ProviderStatus> = {
  accepted: true,
  sent: true,
  delivered: true,
  undelivered: true,
  failed: true,
};

export const ATTEMPT_STATUSES: Words<AttemptStatus> = {
  ...PROVIDER_STATUSES,
  sending: true,
  unknown: true,
  refused: true,
};

export const DELIVERY_STATUSES: Words<DeliveryStatus> = {
  ...PROVIDER_STATUSES,
  waiting: true,
  sending: true,
  unknown: true,
  cancelled: true,
  held: true,
};

export const CONSENT_STATES: Words<ConsentState> = { "opted-in": true, "opted-out": true };

export const CONSENT_SOURCES: Words<ConsentSource> = { word: true, provider: true, "refused-send": true };

export const ORIGINS: Words<Origin> = {
  webhook: true,
  simulated: true,
  ai: true,
  "auto-reply": true,
  operator: true,
  api: true,
  system: true,
};

export const TURN_OUTCOMES: Words<TurnOutcome> = {
  replied: true,
  fallback: true,
  silent: true,
  "handed-off": true,
  cancelled: true,
  failed: true,
};

export const ENCODINGS: Words<OutboundMessage["encoding"]> = { "GSM-7": true, "UCS-2": true };

export const KEY_KINDS: Words<KeyKind> = { inbound: true, outbound: true, provider: true };
