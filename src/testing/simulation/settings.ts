import type {
  AnswerOptions,
  BurstOptions,
  OwnlineOptions,
  SendingOptions,
  SweepOptions,
  WorkerOptions,
} from "../../engine/options/options.ts";
import type { Dice } from "./dice.ts";
import type { Features } from "./features.ts";

/** The options of {@link OwnlineOptions} that a caller may give. The simulation sets the others. */
export type SimulatedOptions = Partial<
  Omit<OwnlineOptions, "senders" | "transport" | "storage" | "clock" | "logger" | "queue">
>;

type Settled = "expiryMs" | "validityMs" | "unknownWindowMs" | "unknown" | "orderWaitMs" | "backoffMs";

/** The settings of one run, for the engine and for the judge. */
export interface Settings {
  readonly burst: Required<BurstOptions>;
  readonly answer: AnswerOptions;
  readonly sending: SendingOptions & Required<Pick<SendingOptions, Settled>>;
  readonly worker: Required<Omit<WorkerOptions, "concurrency" | "passLimit">> &
    Pick<WorkerOptions, "concurrency" | "passLimit">;
  readonly autoReply: Exclude<OwnlineOptions["autoReply"], undefined> | null;
  /** `null` where no process searches for lost webhooks. */
  readonly sweep: Required<SweepOptions> | null;
}

const USUAL_SWEEP: Required<SweepOptions> = { everyMs: 60_000, overlapMs: 600_000, answerWithinMs: 3_600_000 };

/**
 * Short times, so that much happens in few steps. The dice choose the options that are a matter of preference, unless
 * the caller gave them.
 */
export function settingsOf(dice: Dice, features: Features, given: SimulatedOptions = {}): Settings {
  const unknown = dice.next();
  const drawn = {
    unknown: unknown < 0.7 ? "resend" : unknown < 0.85 ? "hold" : "drop",
    whileAnswering: dice.chance(0.25) ? "queue" : "supersede",
    autoReply: dice.chance(0.25) ? "One moment." : null,
    maxSegments: dice.chance(0.7) ? { maxSegments: 1 } : {},
  } as const;
  return {
    burst: { quietMs: 1000, maxWaitMs: 6000, whileAnswering: drawn.whileAnswering, ...given.burst },
    answer: { timeoutMs: 8000, attempts: 3, backoffMs: 400, ...given.answer },
    sending: {
      expiryMs: 120_000,
      validityMs: 15_000,
      unknownWindowMs: 20_000,
      unknown: features.holds ? "hold" : drawn.unknown,
      orderWaitMs: 11_000,
      backoffMs: 300,
      ...drawn.maxSegments,
      ...(features.ratePerSecond === null ? {} : { rateLimit: () => features.ratePerSecond }),
      ...given.sending,
    },
    worker: { pollMs: 10_000, leaseMs: 10_000, ...given.worker },
    autoReply: given.autoReply ?? drawn.autoReply,
    sweep: given.sweep === false ? null : { ...USUAL_SWEEP, ...features.sweep, ...given.sweep },
  };
}
