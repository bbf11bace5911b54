import { ownline } from "../../src/index.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { memory } from "../../src/storage/memory.ts";
import { fakeTransport } from "../../src/testing/fake-transport.ts";
import { eventually } from "./eventually.ts";

const OURS = "+15550100001";
const PERSON = "+15550199001";
const HOUR_MS = 3_600_000;

/**
 * Two services share a ledger: one stores a text, the other has been started and looks into the ledger by itself only
 * every hour. Resolves once the second has answered, which only a wake-up can have brought about, and both are closed:
 * with what was sent, and the errors that were emitted.
 */
export async function answersForTheOther(queues: {
  readonly web: Queue;
  readonly worker: Queue;
}): Promise<{ readonly sent: readonly string[]; readonly errors: readonly string[] }> {
  const storage = memory();
  const provider = fakeTransport();
  const errors: string[] = [];
  const shared = {
    senders: [OURS],
    transport: provider,
    storage,
    worker: { pollMs: HOUR_MS },
    burst: { quietMs: 20 },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  };
  const web = ownline({ ...shared, ai: () => Promise.reject(new Error("this one never answers")), queue: queues.web });
  const worker = ownline({ ...shared, ai: () => "hello back", queue: queues.worker });
  for (const sms of [web, worker]) sms.on("error", ({ message }) => errors.push(message));
  try {
    await worker.start();
    await web.fetch(provider.text({ from: PERSON, to: OURS, body: "hello" }));
    await eventually("the other service answers", () => provider.taken.length > 0);
    return { sent: provider.taken.map(({ body }) => body), errors };
  } finally {
    await worker.close();
    await web.close();
  }
}
