import { type Ai, type Logger, type Ownline, ownline } from "ownline";
import { offline } from "ownline/ai/offline";
import { openAiCompatible } from "ownline/ai/openai-compatible";
import { cloudflareQueue } from "ownline/queue/cloudflare";
import { d1 } from "ownline/storage/d1";
import { twilio } from "ownline/transport/twilio";
import type { Config } from "./config.ts";
import { workersAi } from "./workers-ai.ts";

const INSTRUCTIONS =
  "You answer text messages. Be kind and brief: one text of at most 300 characters, plain words, no Markdown.";

/** People type on this page and wait for the answer, so a burst ends sooner than by default. */
const QUIET_MS = 1000;

/**
 * D1 allows 1,000 queries for each event of a Worker on the paid plan. By the table in d1()'s docstring, 20 turns and
 * messages need at most 900, even if D1 counts each statement of a batch. On the free plan, which allows 50, set 2. If
 * more work is left, the service notifies the queue, and the next event does it.
 */
const PASS_LIMIT = 20;

/** Each heartbeat costs queries too. When a Worker is stopped, the cron takes over its work. */
const LEASE_MS = 20_000;

/** One log line for each text, with masked numbers. `debug` would show numbers and texts. */
export const logger: Logger = {
  debug: () => {},
  info: (message) => console.info(message),
  warn: (message) => console.warn(message),
  error: (message) => console.error(message),
};

/**
 * Makes the service for one event of the Worker, not once for all events. Promises of one request end with it, and
 * another request must never wait for them. All lasting state is in the ledger.
 */
export function createService(config: Config): Ownline {
  const { database, wake, senders, provider } = config;
  const { apiUrl, ...account } = provider;
  return ownline({
    senders,
    transport: twilio(apiUrl === null ? account : { ...account, apiUrl }),
    storage: d1(database),
    queue: cloudflareQueue(wake),
    ai: createAi(config),
    burst: { quietMs: QUIET_MS },
    worker: { passLimit: PASS_LIMIT, leaseMs: LEASE_MS },
    logger,
  });
}

export function createAi({ ai }: Pick<Config, "ai">): Ai {
  switch (ai.kind) {
    case "offline":
      return offline();
    case "workers-ai":
      return workersAi(ai.binding, ai.model, INSTRUCTIONS);
    case "openai-compatible":
      return openAiCompatible({
        apiKey: ai.apiKey,
        baseUrl: ai.baseUrl,
        model: ai.model,
        instructions: INSTRUCTIONS,
      });
    default:
      return ai satisfies never;
  }
}
