/*
 * The port's words, part of storage.ts: what a message must meet before it leaves.
 */

/** What the send admission demands, as data, so that the storage can judge and charge it in one step. */
export interface SendConditions {
  /** The person must not have opted out. */
  readonly consent: boolean;
  /** The conversation must not be paused. */
  readonly unpaused: boolean;
  /** Wait this long first; 0 for no wait. */
  readonly delayMs: number;
  /** Cancel with this reason; `null` to go on. */
  readonly cancel: string | null;
  readonly counters: readonly CounterCondition[];
  /** How fast the sender may send; `null` for as fast as it can. */
  readonly rateLimit: RateLimitCondition | null;
}

/** One message every `costMs` under a key, for all processes together. */
export interface RateLimitCondition {
  readonly key: string;
  /** How long this message keeps the sender busy. Whole milliseconds. */
  readonly costMs: number;
  /** The reason that is given to a message that waits for its reservation. */
  readonly reason: string;
}

/**
 * At most `max` charges within a window of `windowMs`, which opens with its first charge. Full: the charge would exceed
 * `max`. A key stands at most once in a list.
 */
export interface CounterCondition {
  readonly key: string;
  readonly windowMs: number;
  readonly max: number;
  readonly charge: number;
  /** What happens to the message when the counter is full. */
  readonly full: "wait" | "cancel";
  /** The reason that is recorded then. */
  readonly reason: string;
}
