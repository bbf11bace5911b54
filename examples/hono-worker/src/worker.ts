import { env } from "cloudflare:workers";
import type { Hono } from "hono";
import { type CloudflareBatch, consumeBatch } from "ownline/queue/cloudflare";
import { createApp } from "./app.ts";
import { readConfig } from "./config.ts";
import { createService, logger } from "./service.ts";

// Before the first request, so that a Worker which lacks something does not start, and says what.
const config = readConfig(env);
const app = createApp(config);

const GIVEN_UP = /-failed$/;

/** What the runtime calls. */
interface Handlers {
  readonly fetch: Hono["fetch"];
  readonly queue: (batch: QueueBatch) => Promise<void>;
  readonly scheduled: () => Promise<void>;
}

type QueueBatch = CloudflareBatch & { readonly queue: string };

const worker: Handlers = {
  fetch: app.fetch,

  // The queue's wake-ups, and those that it gave up. They carry nothing: each batch is one look into the ledger.
  async queue(batch) {
    if (GIVEN_UP.test(batch.queue)) {
      logger.error(
        `the queue gave up ${batch.messages.length} wake-up(s): the database was down for long. Nothing is lost, the work is done now or by the cron; the earlier errors in the log say what failed`,
      );
    }
    await consumeBatch(batch, createService(config), { logger });
  },

  // The net beneath: a wake-up may be lost, and what is due is still done within a minute.
  async scheduled() {
    await createService(config).processDue();
  },
};

export default worker;
