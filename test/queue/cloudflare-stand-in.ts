import type { CloudflareBatch, CloudflareQueueBinding } from "../../src/queue/cloudflare.ts";
import type { ManualClock } from "../../src/testing/manual-clock.ts";

type Handler = (batch: CloudflareBatch) => Promise<void>;

interface Held {
  readonly body: unknown;
  readonly attempts: number;
  readonly at: number;
}

/**
 * What Cloudflare documents of its queues, on a manual clock: delays in whole seconds, batches, retries with a delay,
 * a dead-letter queue after `maxRetries`. A message that its handler neither acknowledges nor sends back is done; one
 * whose handler throws comes again. https://developers.cloudflare.com/queues/configuration/batching-retries/
 */
export interface StandIn {
  readonly binding: CloudflareQueueBinding;
  /** What was sent, with its delay. */
  readonly sent: { readonly body: unknown; readonly delaySeconds: number | undefined }[];
  /** How each batch ended. */
  readonly ends: string[];
  readonly givenUp: unknown[];
  down: boolean;
  consume(handler: Handler): { close(): Promise<void> };
  advance(ms: number): Promise<void>;
}

const BATCH_SIZE = 10;

export function standIn(clock: ManualClock, { maxRetries = 3 }: { readonly maxRetries?: number } = {}): StandIn {
  const held: Held[] = [];
  const handlers = new Set<Handler>();
  const self: StandIn = {
    sent: [],
    ends: [],
    givenUp: [],
    down: false,
    binding: {
      async send(body, options) {
        if (self.down) throw new Error("Queue send failed");
        const delaySeconds = options?.delaySeconds;
        if (
          delaySeconds !== undefined &&
          !(Number.isInteger(delaySeconds) && delaySeconds >= 0 && delaySeconds <= 43_200)
        ) {
          throw new TypeError("delaySeconds must be between 0 and 43200");
        }
        self.sent.push({ body, delaySeconds });
        held.push({ body, attempts: 1, at: clock.now() + (delaySeconds ?? 0) * 1000 });
      },
    },
    consume(handler) {
      handlers.add(handler);
      return { close: async () => void handlers.delete(handler) };
    },
    async advance(ms) {
      await clock.advance(ms);
      await deliver();
    },
  };

  async function deliver(): Promise<void> {
    const due = held.filter(({ at }) => at <= clock.now());
    if (handlers.size === 0) return;
    for (let start = 0; start < due.length; start += BATCH_SIZE) {
      const messages = due.slice(start, start + BATCH_SIZE);
      for (const message of messages) held.splice(held.indexOf(message), 1);
      for (const handler of handlers) await handOver(handler, messages);
    }
  }

  async function handOver(handler: Handler, messages: readonly Held[]): Promise<void> {
    let end: { readonly kind: string; readonly delaySeconds: number } = { kind: "done", delaySeconds: 0 };
    const batch: CloudflareBatch = {
      messages,
      ackAll: () => {
        end = { kind: "acknowledged", delaySeconds: 0 };
      },
      retryAll: (options) => {
        end = { kind: "retried", delaySeconds: options?.delaySeconds ?? 0 };
      },
    };
    await handler(batch).catch(() => {
      end = { kind: "retried", delaySeconds: 0 };
    });
    self.ends.push(end.kind === "retried" ? `retried after ${end.delaySeconds} s` : end.kind);
    if (end.kind !== "retried") return;
    for (const { body, attempts } of messages) {
      if (attempts > maxRetries) self.givenUp.push(body);
      else held.push({ body, attempts: attempts + 1, at: clock.now() + end.delaySeconds * 1000 });
    }
  }

  return self;
}
