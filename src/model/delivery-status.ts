/**
 * Where an outbound message stands.
 *
 * - `waiting`: committed, not yet handed to the provider
 * - `sending`: handed over; the answer is not known yet
 * - `unknown`: handed over, and no evidence has come whether the provider took it
 * - `accepted`: the provider took it (Twilio: accepted, scheduled, queued, sending)
 * - `sent`: passed on to the network
 * - `delivered`: on the phone (or read)
 * - `undelivered`, `failed`: the provider or the network gave it up
 * - `cancelled`: stopped before it left, with a reason
 * - `held`: waits for a person's decision
 */
export type DeliveryStatus =
  | "waiting"
  | "sending"
  | "unknown"
  | "accepted"
  | "sent"
  | "delivered"
  | "undelivered"
  | "failed"
  | "cancelled"
  | "held";

/** What a provider can report about a message, in ownline's words. */
export type ProviderStatus = "accepted" | "sent" | "delivered" | "undelivered" | "failed";

/**
 * How far an attempt has come. Callbacks arrive late, twice and out of order
 * (https://www.twilio.com/docs/messaging/guides/track-outbound-message-status), so an attempt's status only ever
 * moves to a higher rank. What the provider says outranks what we merely assumed, and a delivery outranks every
 * report of failure: the text is on the phone.
 */
export const STATUS_RANK: Readonly<Record<AttemptStatus, number>> = {
  refused: 0,
  sending: 1,
  unknown: 2,
  accepted: 3,
  sent: 4,
  failed: 5,
  undelivered: 6,
  delivered: 7,
};

/**
 * How good an attempt's state is for its message, which shows the best of its attempts: one that may still arrive
 * counts for more than one that has failed. A refused attempt never left and says nothing about the message.
 */
export const STATUS_WORTH: Readonly<Record<Exclude<AttemptStatus, "refused">, number>> = {
  failed: 0,
  undelivered: 1,
  sending: 2,
  unknown: 2,
  accepted: 3,
  sent: 4,
  delivered: 5,
};

/** Where one attempt (one request to the provider) stands. `refused`: the provider did not take it. */
export type AttemptStatus = "sending" | "unknown" | "refused" | ProviderStatus;

/** The statuses that end a message's way. A provider's delivery may still raise one to a higher rank. */
export type FinalStatus = "delivered" | "undelivered" | "failed" | "cancelled";

/** Whether nothing more is expected to happen by itself. `held` is not final: a person decides. */
export function isFinal(status: DeliveryStatus): status is FinalStatus {
  return status === "delivered" || status === "undelivered" || status === "failed" || status === "cancelled";
}

/** The statuses in which the provider has taken the message, also where it failed later. */
export function hasLeft(status: DeliveryStatus): boolean {
  switch (status) {
    case "accepted":
    case "sent":
    case "delivered":
    case "undelivered":
      return true;
    default:
      return false;
  }
}
