/*
 * Types of the storage port, part of storage.ts: the conditions under which a message may leave.
 */

/**
 * The conditions of the send admission, as data, so that the storage can judge them and charge the counters in one
 * step.
 */
export interface SendConditions {
  /** The person must not have opted out. */
  readonly consent: boolean;
  /** The conversation must not be paused. */
  readonly unpaused: boolean;
  /** How long the message must wait first; 0 for no wait. */
  readonly delayMs: number;
  /** The reason to cancel the message; `null` if it is not to be cancelled. */
  readonly cancel: string | null;
  readonly counters: readonly CounterCondition[];
  /** The rate limit of the sender; `null` for no limit. */
  readonly rateLimit: RateLimitCondition | null;
}

/** At most one message in `costMs` under a key, for all processes together. */
export interface RateLimitCondition {
  readonly key: string;
  /** How long this message keeps the sender busy. Whole milliseconds. */
  readonly costMs: number;
  /** The reason that a message gets while it waits for its reservation. */
  readonly reason: string;
}

/**
 * At most `max` charges within a window of `windowMs`, which opens with its first charge. The counter is full if the
 * charge would exceed `max`. A list has each key at most once.
 */
export interface CounterCondition {
  readonly key: string;
  readonly windowMs: number;
  readonly max: number;
  readonly charge: number;
  /** What happens to the message when the counter is full. */
  readonly full: "wait" | "cancel";
  /** The reason that is recorded if the counter is full. */
  readonly reason: string;
}
