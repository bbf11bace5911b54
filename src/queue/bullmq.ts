import { aFunction, logger as aLogger, checkedOptions, lazily, methods, object, optional } from "../check.ts";
import { OwnlineError } from "../errors.ts";
import { consoleLogger, type Logger } from "../logger.ts";
import type { Queue } from "./queue.ts";

/**
 * What we call of a BullMQ `Queue`.
 *
 * @see https://docs.bullmq.io/guide/queues
 */
export interface BullmqQueueLike {
  readonly name: string;
  add(name: string, data: BullmqWakeUp, options: BullmqJobOptions): Promise<unknown>;
}

/**
 * What we call of a BullMQ `Worker`.
 *
 * @see https://docs.bullmq.io/guide/workers
 */
export interface BullmqWorkerLike {
  on(event: "error", listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

/** What a wake-up looks like in the queue. It carries no content. */
export interface BullmqWakeUp {
  readonly ownline: "wake-up";
}

/** How a wake-up is added. */
export interface BullmqJobOptions {
  attempts: number;
  removeOnComplete: boolean;
  removeOnFail: boolean;
  delay?: number;
  deduplication?: { id: string };
}

export interface BullmqOptions {
  /**
   * Makes the worker that hears the wake-ups; called with the queue's name at each `start()`. Its connection needs
   * `maxRetriesPerRequest: null`, as BullMQ asks for. Left out, this process sends wake-ups and hears none: a web
   * process beside others that work. @default none
   */
  readonly worker?: (name: string, processor: () => Promise<void>) => BullmqWorkerLike;
  /** Hears the worker's errors, such as a lost connection. @default warnings and errors to the console */
  readonly logger?: Logger;
  /** Milliseconds that only rise; for tests. @default `performance.now()` */
  readonly clock?: { now(): number };
}

const schema = lazily(() =>
  object<BullmqOptions>(
    {
      worker: optional(
        aFunction<NonNullable<BullmqOptions["worker"]>>("give a function (name, processor) => new Worker(…)"),
      ),
      logger: optional(aLogger()),
      clock: optional(methods<NonNullable<BullmqOptions["clock"]>>(["now"], "give a clock with now")),
    },
    "give an object of options",
  ),
);

const MOMENT_MS = 100;
const WAKE_UP: BullmqWakeUp = { ownline: "wake-up" };
/** Nothing piles up, and nothing is tried again: a lost wake-up does no harm. */
const ONCE: BullmqJobOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true };

/**
 * Sends wake-ups through BullMQ, for teams that run it already, and nothing else: BullMQ keeps no order for a
 * conversation, and here it need not, since the ledger does.
 *
 * - Delays end at a tenth of a second, rounded up; the wake-ups of one process that are due at the same moment are one
 *   job.
 * - Jobs are removed as soon as they are done. Give the queue a name of its own for each ledger.
 * - One of the workers hears each wake-up. The worker is closed with `stop()`; the queue stays yours.
 * - While Redis is away, BullMQ holds what is added and waits. `enableOfflineQueue: false` in the queue's connection
 *   makes that an error at once; otherwise ownline waits two seconds before it reports `queue_unavailable`.
 *
 * Tested with BullMQ 5 and 6.
 *
 * @throws OwnlineError at once: `invalid_options` for something that is not a Queue, and for options that are not known
 * or wrong.
 *
 * @example
 * ```ts
 * import { Queue, Worker } from "bullmq";
 * import { type OwnlineOptions, ownline } from "ownline";
 * import { bullmq } from "ownline/queue/bullmq";
 *
 * declare const options: OwnlineOptions;
 * const host = "localhost";
 * const queue = bullmq(new Queue("ownline", { connection: { host, enableOfflineQueue: false } }), {
 *   worker: (name, processor) => new Worker(name, processor, { connection: { host, maxRetriesPerRequest: null } }),
 * });
 *
 * const sms = ownline({ ...options, queue });
 * ```
 */
export function bullmq(queue: BullmqQueueLike, options: BullmqOptions = {}): Queue {
  refuseMistakes(queue);
  const given = checkedOptions(schema, options, "bullmq()");
  const { worker: makeWorker, logger = consoleLogger, clock = performance } = given;
  /** Each process has moments of its own, since clocks of two processes do not agree. */
  const process = crypto.randomUUID();

  const producer: Queue = {
    name: "bullmq",
    async notify({ delayMs }) {
      if (delayMs <= 0) {
        await queue.add("wake-up", WAKE_UP, ONCE);
        return;
      }
      const now = clock.now();
      const moment = Math.ceil((now + delayMs) / MOMENT_MS);
      const delay = Math.ceil(moment * MOMENT_MS - now);
      await queue.add("wake-up", WAKE_UP, { ...ONCE, delay, deduplication: { id: `${process} ${moment}` } });
    },
  };
  if (makeWorker === undefined) return producer;
  return {
    ...producer,
    async listen(onWakeUp) {
      const worker = makeWorker(queue.name, async () => onWakeUp());
      // Without a listener an emitter throws. BullMQ connects again by itself.
      worker.on("error", (error) => logger.error(`the worker of the queue (bullmq) has a problem: ${reasonOf(error)}`));
      return { close: () => worker.close() };
    },
  };
}

/** The kind of an error and its code, for example `Error ECONNREFUSED`: a message may name hosts. */
function reasonOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? `${error.name} ${error.code}` : error.name;
}

function refuseMistakes(queue: unknown): void {
  if (typeof queue === "object" && queue !== null && "add" in queue && "name" in queue) return;
  throw new OwnlineError(
    "invalid_options",
    "bullmq() needs a Queue of the bullmq package: pass new Queue(name, { connection }).",
  );
}
