import type { Dice } from "./dice.ts";

/**
 * What a seed plays beside the usual course, so that each run shows much of a few features. The features have dice of
 * their own: a seed without a feature runs as if the feature did not exist.
 */
export interface Features {
  /** The chance that a webhook is lost for good, so that only the sweep can bring its text. 0 in most runs. */
  readonly lostWebhooks: number;
  /** How often a person is erased during the run. */
  readonly erasures: number;
  /** Whether operators decide about held messages, and requeue failed turns. */
  readonly operators: boolean;
  /** Whether a message without evidence is held for the operators. */
  readonly holds: boolean;
  /** Whether processes recover the ledger before they start, as after a restore from a backup. */
  readonly recoveries: boolean;
  /** Whether the AI always says the same, so that texts in the provider's list cannot be distinguished. */
  readonly sameWords: boolean;
  /** The chance that the provider takes a message, and later reports a temporary failure. 0 in most runs. */
  readonly throttled: number;
  /** Whether numbers have two spellings, and each message uses one of them. */
  readonly twoSpellings: boolean;
  /** The rate of the numbers, in segments per second; `null` for the default. */
  readonly ratePerSecond: number | null;
  /** `null` for the default. */
  readonly sweep: { readonly everyMs: number; readonly overlapMs: number; readonly answerWithinMs: number } | null;
}

export function featuresOf(dice: Dice): Features {
  const isSwept = dice.chance(0.25);
  const everyMs = dice.between(3000, 20_000);
  const answerWithinMs = dice.chance(0.4) ? dice.between(10_000, 40_000) : 3_600_000;
  const lostWebhooks = isSwept ? dice.pick([0.15, 0.4, 0.8]) : 0;
  const operators = dice.chance(0.3);
  return {
    lostWebhooks,
    // The longest time by which the simulated provider's list may lag behind its messages.
    sweep: isSwept ? { everyMs, overlapMs: 60_000, answerWithinMs } : null,
    erasures: dice.chance(0.25) ? dice.between(1, 2) : 0,
    operators,
    holds: operators && dice.chance(0.7),
    recoveries: dice.chance(0.12),
    sameWords: dice.chance(0.15),
    ratePerSecond: dice.chance(0.3) ? dice.pick([0.2, 0.4, 1.5]) : null,
    throttled: dice.chance(0.3) ? dice.pick([0.05, 0.2, 0.5]) : 0,
    twoSpellings: dice.chance(0.2),
  };
}
