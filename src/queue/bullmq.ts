import { aFunction, logger as aLogger, checkedOptions, lazily, methods, object, optional } from "../check.ts";
import { OwnlineError } from "../errors.ts";
import { consoleLogger, type Logger } from "../logger.ts";
import type { Queue } from "./queue.ts";

/**
 * The part of a BullMQ `Queue` that ownline uses.
 *
 * @see https://docs.bullmq.io/guide/queues
 */
export interface BullmqQueueLike {
  readonly name: string;
  add(name: string, data: BullmqWakeUp, options: BullmqJobOptions): Promise<unknown>;
}

/**
 * The part of a BullMQ `Worker` that ownline uses.
 *
 * @see https://docs.bullmq.io/guide/workers
 */
export interface BullmqWorkerLike {
  on(event: "error", listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

/** The data of a wake-up in the queue. It carries no content. */
export interface BullmqWakeUp {
  readonly ownline: "wake-up";
}

/** The options with which a wake-up is added. */
export interface BullmqJobOptions {
  attempts: number;
  removeOnComplete: boolean;
  removeOnFail: boolean;
  delay?: number;
  deduplication?: { id: string };
}

export interface BullmqOptions {
  /**
   * Creates the worker that receives the wake-ups. It is called with the queue's name at each `start()`. BullMQ
   * requires `maxRetriesPerRequest: null` for its connection. Without this option, the process sends wake-ups and
   * receives none: use that in a web process if other processes do the work. @default none
   */
  readonly worker?: (name: string, processor: () => Promise<void>) => BullmqWorkerLike;
  /** Logs the worker's errors, such as a lost connection. @default warnings and errors to the console */
  readonly logger?: Logger;
  /** A clock for tests, in milliseconds; it never goes back. @default `performance.now()` */
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
/** Jobs are removed when they end and are not tried again, because a lost wake-up does no harm. */
const ONCE: BullmqJobOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true };

/**
 * Sends wake-ups through BullMQ, for teams that already run it. The queue carries only wake-ups. BullMQ does not keep
 * the order of a conversation; the ledger does.
 *
 * - Delays end at a tenth of a second, rounded up. The wake-ups of one process that are due at the same moment are one
 *   job.
 * - Jobs are removed as soon as they have ended. Give each ledger a queue with a name of its own.
 * - Each wake-up reaches one of the workers. `stop()` closes the worker; you close the queue.
 * - While Redis is unreachable, BullMQ holds added jobs back and waits. With `enableOfflineQueue: false` in the queue's
 *   connection, adding a job fails at once; otherwise ownline waits two seconds before it reports `queue_unavailable`.
 *
 * Tested with BullMQ 5 and 6.
 *
 * @throws OwnlineError at once: `invalid_options` for something that is not a Queue, and for unknown or wrong options.
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
  /** Part of each job's id. Processes do not share jobs, because their clocks differ. */
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
      // An emitter throws if `error` has no listener. BullMQ itself connects again.
      worker.on("error", (error) =>
        logger.error(`the worker of the queue (bullmq) reports an error: ${reasonOf(error)}`),
      );
      return { close: () => worker.close() };
    },
  };
}

/**
 * The kind of an error and its code, for example `Error ECONNREFUSED`. The message is left out, because it may name
 * hosts.
 */
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
