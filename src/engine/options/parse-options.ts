import type { Ai, AiFunction } from "../../ai/ai.ts";
import { consoleLogger, type Logger, steadyLogger } from "../../logger.ts";
import type { InboundSnapshot, Policy } from "../../policy/policy.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Storage } from "../../storage/storage.ts";
import type { Transport } from "../../transport/transport.ts";
import { type EngineClock, realClock } from "./clock.ts";
import { checkedOwnlineOptions, DEFAULT_QUIET_MS, DEFAULT_VALIDITY_MS } from "./option-schemas.ts";
import type {
  AnswerOptions,
  BurstOptions,
  HistoryOptions,
  OwnlineOptions,
  SendersOption,
  SendingOptions,
  SweepOptions,
  UnsafeOptions,
  WorkerOptions,
} from "./options.ts";

/** The options with every default filled in. */
export interface EngineOptions {
  readonly senders: SendersOption;
  readonly transport: Transport;
  readonly storage: Storage;
  readonly scope: string;
  readonly ai: Ai | AiFunction;
  readonly policies: readonly Policy[];
  readonly autoReply: string | ((message: InboundSnapshot) => string | null) | null;
  readonly burst: Required<BurstOptions>;
  readonly answer: Required<AnswerOptions>;
  readonly history: Required<Omit<HistoryOptions, "select">> & Pick<HistoryOptions, "select">;
  readonly sending: Required<Omit<SendingOptions, "maxSegments" | "perSecond">> & {
    readonly maxSegments: number | null;
    readonly perSecond: number | null;
  };
  readonly sweep: Required<SweepOptions> | null;
  readonly worker: Required<WorkerOptions>;
  readonly queue: Queue | null;
  readonly unsafe: Required<UnsafeOptions>;
  readonly logger: Logger;
  readonly clock: EngineClock;
}

/** `scope` */
export const DEFAULT_SCOPE = "default";

const FALLBACK_TEXT = "Sorry, I cannot answer right now. Please try again in a little while.";

/** `worker.leaseMs`: how long a process counts as alive after its last heartbeat. */
export const DEFAULT_LEASE_MS: number = 3000;

/**
 * Checks the options and fills in the defaults.
 *
 * @throws OwnlineError `invalid_options` that names every mistake, with its path and the remedy
 */
export function parseOptions(given: OwnlineOptions): EngineOptions {
  const options = checkedOwnlineOptions(given);
  const { burst, answer, history, sending, sweep, worker, unsafe } = options;
  const quietMs = burst?.quietMs ?? DEFAULT_QUIET_MS;
  const maxWaitMs = burst?.maxWaitMs ?? Math.max(15_000, quietMs);
  const validityMs = sending?.validityMs ?? DEFAULT_VALIDITY_MS;
  const unknownWindowMs = sending?.unknownWindowMs ?? validityMs + 60_000;
  return {
    senders: options.senders,
    transport: options.transport,
    storage: options.storage,
    scope: options.scope ?? DEFAULT_SCOPE,
    ai: options.ai,
    policies: options.policies ?? [],
    autoReply: typeof options.autoReply === "function" ? options.autoReply.bind(given) : (options.autoReply ?? null),
    burst: { quietMs, maxWaitMs, whileAnswering: burst?.whileAnswering ?? "supersede" },
    answer: {
      timeoutMs: answer?.timeoutMs ?? 60_000,
      attempts: answer?.attempts ?? 3,
      backoffMs: answer?.backoffMs ?? 2000,
      fallbackText: answer?.fallbackText ?? FALLBACK_TEXT,
      maxParts: answer?.maxParts ?? 25,
      markdown: answer?.markdown ?? "strip",
      typography: answer?.typography ?? "fold",
    },
    history: {
      maxMessages: history?.maxMessages ?? 40,
      maxCharacters: history?.maxCharacters ?? 16_000,
      ...(history?.select ? { select: history.select.bind(given.history) } : {}),
    },
    sending: {
      expiryMs: sending?.expiryMs ?? 4 * 3_600_000,
      validityMs,
      unknownWindowMs,
      unknown: sending?.unknown ?? "resend",
      unknownEarly: sending?.unknownEarly ?? false,
      orderWaitMs: sending?.orderWaitMs ?? 120_000,
      maxSegments: sending?.maxSegments ?? null,
      backoffMs: sending?.backoffMs ?? 1000,
      rateLimit:
        typeof sending?.rateLimit === "function"
          ? sending.rateLimit.bind(given.sending)
          : (sending?.rateLimit ?? "by-kind"),
      perSecond: sending?.perSecond ?? null,
    },
    sweep:
      sweep === false
        ? null
        : {
            everyMs: sweep?.everyMs ?? 60_000,
            overlapMs: sweep?.overlapMs ?? 600_000,
            answerWithinMs: sweep?.answerWithinMs ?? 3_600_000,
          },
    worker: {
      pollMs: worker?.pollMs ?? 1000,
      leaseMs: worker?.leaseMs ?? DEFAULT_LEASE_MS,
      concurrency: worker?.concurrency ?? 32,
      passLimit: worker?.passLimit ?? Number.POSITIVE_INFINITY,
    },
    queue: options.queue ?? null,
    unsafe: { withoutOptOut: unsafe?.withoutOptOut ?? false, withoutLoopGuard: unsafe?.withoutLoopGuard ?? false },
    logger: options.logger ? steadyLogger(options.logger) : consoleLogger,
    clock: options.clock ?? realClock,
  };
}
