import { logger as aLogger, checkedOptions, lazily, object, optional } from "../check.ts";
import { OwnlineError } from "../errors.ts";
import { consoleLogger, type Logger } from "../logger.ts";
import { reasonOf } from "../thrown.ts";
import type { Queue } from "./queue.ts";

/**
 * The part of a queue's producer binding, `env.QUEUE`, that ownline uses.
 *
 * @see https://developers.cloudflare.com/queues/configuration/javascript-apis/#queue
 */
export interface CloudflareQueueBinding {
  send(body: CloudflareWakeUp, options?: { readonly delaySeconds?: number }): Promise<unknown>;
}

/** The body of a wake-up in the queue. It carries no content. */
export interface CloudflareWakeUp {
  readonly ownline: "wake-up";
}

/**
 * The part that ownline uses of the batch that the runtime passes to a Worker's `queue` handler.
 *
 * @see https://developers.cloudflare.com/queues/configuration/javascript-apis/#messagebatch
 */
export interface CloudflareBatch {
  readonly messages: readonly { readonly attempts: number }[];
  ackAll(): void;
  retryAll(options?: { readonly delaySeconds?: number }): void;
}

/** The part of ownline that a consumer needs. */
export interface ProcessDuePart {
  readonly processDue: () => Promise<unknown>;
}

export interface ConsumeOptions {
  /** Logs why a batch is delivered again. @default warnings and errors to the console */
  readonly logger?: Logger;
}

/** The longest delay of the queue is 12 hours, https://developers.cloudflare.com/queues/platform/limits/ */
const MAX_DELAY_SECONDS = 43_200;
const FIRST_RETRY_SECONDS = 5;
const MAX_RETRY_SECONDS = 600;
const WAKE_UP: CloudflareWakeUp = { ownline: "wake-up" };

const consumeSchema = lazily(() =>
  object<ConsumeOptions>({ logger: optional(aLogger()) }, "give an object of options"),
);

/**
 * The producer: sends wake-ups through Cloudflare Queues. Delays are whole seconds, rounded up, and at most 12 hours.
 * For work that is due later, the engine notifies the queue again by then.
 *
 * Also call `processDue()` in the Worker's `scheduled` handler: a queue may lose a message, and a message that failed
 * too often goes to the dead-letter queue.
 *
 * @throws OwnlineError `invalid_options` if the binding is not a queue, for example because its name is misspelt.
 * @example
 * ```ts
 * import { type OwnlineOptions, ownline } from "ownline";
 * import {
 *   type CloudflareBatch,
 *   type CloudflareQueueBinding,
 *   cloudflareQueue,
 *   consumeBatch,
 * } from "ownline/queue/cloudflare";
 *
 * interface Env {
 *   readonly QUEUE: CloudflareQueueBinding;
 * }
 * declare function optionsFrom(env: Env): OwnlineOptions;
 *
 * const smsFor = (env: Env) => ownline({ ...optionsFrom(env), queue: cloudflareQueue(env.QUEUE) });
 *
 * export const worker = {
 *   queue: (batch: CloudflareBatch, env: Env) => consumeBatch(batch, smsFor(env)),
 *   scheduled: async (_event: unknown, env: Env) => void (await smsFor(env).processDue()),
 * };
 * ```
 */
export function cloudflareQueue(binding: CloudflareQueueBinding): Queue {
  const given: unknown = binding;
  if (typeof given !== "object" || given === null || !("send" in given)) {
    throw new OwnlineError(
      "invalid_options",
      "cloudflareQueue() needs a queue, for example cloudflareQueue(env.QUEUE): add the producer to queues in wrangler.jsonc, and pass it by the name that it has there.",
    );
  }
  return {
    name: "cloudflare",
    async notify({ delayMs }) {
      // Passed even if it is 0, because otherwise the queue's own default delay would apply.
      const delaySeconds = Math.min(Math.max(0, Math.ceil(delayMs / 1000)), MAX_DELAY_SECONDS);
      await binding.send(WAKE_UP, { delaySeconds });
    },
  };
}

/**
 * The consumer: calls `processDue()` once for each batch, however many wake-ups are in it. Call it in the Worker's
 * `queue` handler, with an `sms` that has this queue as its `queue`. For work that is due later, it notifies the queue
 * before it returns.
 *
 * - On success: the whole batch is acknowledged.
 * - On failure (for example, the storage is down): the reason is logged, and the queue delivers the whole batch again
 *   after 5, 10, 20, … seconds, at most 10 minutes. Nothing is thrown.
 * - After `max_retries` a wake-up goes to the `dead_letter_queue` if one is configured, and is deleted otherwise. A
 *   wake-up carries no content, so nothing is lost with it: the cron's `processDue()` does the work. A dead-letter
 *   queue shows you that the storage was down for long. Its consumer may be this function too.
 * - If the Worker is stopped before it has finished: the queue delivers the batch again.
 *
 * `max_batch_timeout` is how long the queue collects a batch, by default 5 seconds. The person waits for this time too.
 *
 * @throws OwnlineError `invalid_options`, before it acknowledges or retries the batch, for an unknown option.
 * @see https://developers.cloudflare.com/queues/configuration/batching-retries/
 * @see https://developers.cloudflare.com/queues/configuration/dead-letter-queues/
 */
export async function consumeBatch(
  batch: CloudflareBatch,
  sms: ProcessDuePart,
  options: ConsumeOptions = {},
): Promise<void> {
  const { logger = consoleLogger } = checkedOptions(consumeSchema, options, "consumeBatch()");
  try {
    await sms.processDue();
  } catch (error) {
    const attempts = Math.max(1, ...batch.messages.map((message) => message.attempts));
    const delaySeconds = Math.min(FIRST_RETRY_SECONDS * 2 ** (attempts - 1), MAX_RETRY_SECONDS);
    logger.error(
      `processDue() failed, and the queue delivers its wake-up again in ${delaySeconds} s: ${reasonOf(error)}`,
    );
    batch.retryAll({ delaySeconds });
    return;
  }
  batch.ackAll();
}
