import { env } from "cloudflare:workers";
import type { Hono } from "hono";
import { type CloudflareBatch, consumeBatch } from "ownline/queue/cloudflare";
import { createApp } from "./app.ts";
import { readConfig } from "./config.ts";
import { createService, logger } from "./service.ts";

// Runs before the first request, so that a Worker with a missing setting does not start, and names the setting.
const config = readConfig(env);
const app = createApp(config);

const GIVEN_UP = /-failed$/;

/** The handlers that the runtime calls. */
interface Handlers {
  readonly fetch: Hono["fetch"];
  readonly queue: (batch: QueueBatch) => Promise<void>;
  readonly scheduled: () => Promise<void>;
}

type QueueBatch = CloudflareBatch & { readonly queue: string };

const worker: Handlers = {
  fetch: app.fetch,

  // The queue's wake-ups, and those that it gave up. They have no content: for each batch the Worker looks into the
  // ledger once.
  async queue(batch) {
    if (GIVEN_UP.test(batch.queue)) {
      logger.error(
        `the queue gave up ${batch.messages.length} wake-up(s): the database was down for long. Nothing is lost, the work is done now or by the cron; the earlier errors in the log say what failed`,
      );
    }
    await consumeBatch(batch, createService(config), { logger });
  },

  // Makes up for lost wake-ups: work that is due is done within a minute.
  async scheduled() {
    await createService(config).processDue();
  },
};

export default worker;
