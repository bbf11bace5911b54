/**
 * The state of an outbound message.
 *
 * - `waiting`: committed, not yet sent to the provider
 * - `sending`: the request to the provider has begun, and its answer is not known yet
 * - `unknown`: the answer was lost, and no evidence shows whether the provider took the message
 * - `accepted`: the provider took the message (Twilio: accepted, scheduled, queued, sending)
 * - `sent`: the provider passed the message to the network
 * - `delivered`: the message is on the phone (or read)
 * - `undelivered`, `failed`: the provider or the network failed to deliver the message
 * - `cancelled`: stopped before it left, with a reason
 * - `held`: waits for an operator's decision
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

/** The states that a provider can report about a message, in ownline's words. */
export type ProviderStatus = "accepted" | "sent" | "delivered" | "undelivered" | "failed";

/**
 * The rank of an attempt's status. Callbacks arrive late, twice and out of order
 * (https://www.twilio.com/docs/messaging/guides/track-outbound-message-status), so an attempt's status only moves to a
 * higher rank. A report of the provider ranks above our own assumptions. A delivery ranks above every report of a
 * failure, because the text is on the phone.
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
 * How much an attempt's state is worth for its message. The message shows the best state of its attempts: an attempt
 * that may still arrive is worth more than a failed one. A refused attempt never left, so it does not change the
 * message's state.
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

/** The state of one attempt, which is one request to the provider. `refused`: the provider did not take the message. */
export type AttemptStatus = "sending" | "unknown" | "refused" | ProviderStatus;

/** The states after which no more work is due. A late status callback may still change one, for example to `delivered`. */
export type FinalStatus = "delivered" | "undelivered" | "failed" | "cancelled";

export const FINAL_STATUSES: readonly FinalStatus[] = ["delivered", "undelivered", "failed", "cancelled"];

/**
 * Whether the state is final, so that no further change is expected. `held` is not final, because an operator decides.
 */
export function isFinal(status: DeliveryStatus): status is FinalStatus {
  return FINAL_STATUSES.some((each) => each === status);
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
