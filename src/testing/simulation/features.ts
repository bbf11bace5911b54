import type { Dice } from "./dice.ts";

/**
 * What a seed plays beside the usual course, so that each run shows much of a few things. Drawn from dice of its own:
 * a seed without a feature goes as it would if there were none.
 */
export interface Features {
  /** The chance that a webhook is lost for good, and only the sweep can bring its text; 0 in most runs. */
  readonly lostWebhooks: number;
  /** How often a person is forgotten in mid-run. */
  readonly erasures: number;
  /** Whether operators decide about held messages, and have failed turns answered anew. */
  readonly operators: boolean;
  /** Whether a message without evidence is held for them. */
  readonly holds: boolean;
  /** Whether processes recover the ledger before they start, as after a restore. */
  readonly recoveries: boolean;
  /** Whether the AI says the same each time, so that the provider's list cannot tell its texts apart. */
  readonly sameWords: boolean;
  /** The chance that the provider takes a message, and then reports that it did not send it for now; 0 in most runs. */
  readonly throttled: number;
  /** Whether people's numbers are written in two ways, and each message comes and goes under one of them. */
  readonly twoSpellings: boolean;
  /** The rate of the numbers, in segments per second; `null` for the usual ones. */
  readonly ratePerSecond: number | null;
  /** `null` for the usual ones. */
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
    // As far as the simulated provider's list may lag.
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
