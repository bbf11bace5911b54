import { randomUUID } from "node:crypto";
import { type BullmqQueueLike, type BullmqWorkerLike, bullmq } from "../../src/queue/bullmq.ts";
import type { QueueUnderTest } from "../../src/testing/contracts/queue.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { eventually } from "./eventually.ts";

/** What the tests call of BullMQ's queue beyond what the adapter does. */
export interface InspectedQueue extends BullmqQueueLike {
  add(...args: Parameters<BullmqQueueLike["add"]>): Promise<{ readonly id?: string | undefined }>;
  getJob(id: string): Promise<{ promote(): Promise<void> } | undefined>;
  getJobCounts(...states: ("waiting" | "active" | "delayed")[]): Promise<Record<string, number>>;
  obliterate(options: { readonly force: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** BullMQ on one of its backends. */
export interface BullmqBackend {
  queue(name: string): InspectedQueue;
  worker(name: string, processor: () => Promise<void>): BullmqWorkerLike;
}

/**
 * BullMQ's queue for one case of the contract. BullMQ has no clock for tests, so it holds its delayed jobs by real time
 * and is asked to promote them, by its own method, when the manual clock comes to their time: always sooner than by
 * itself.
 */
export function underTest(backend: BullmqBackend): QueueUnderTest {
  const clock = manualClock();
  const queue = backend.queue(`wakeup-${randomUUID()}`);
  const due = new Map<string, number>();
  let workers = 0;
  const noting: BullmqQueueLike = {
    name: queue.name,
    async add(name, data, options) {
      const job = await queue.add(name, data, options);
      // A wake-up that is taken in by another has that one's id.
      if (options.delay !== undefined && job.id !== undefined && !due.has(job.id)) {
        due.set(job.id, clock.now() + options.delay);
      }
      return job;
    },
  };
  const adapter = bullmq(noting, { worker: backend.worker, clock });
  return {
    queue: adapter,
    async listen(onWakeUp) {
      const listener = await adapter.listen?.(() => void onWakeUp());
      if (listener === undefined) throw new Error("the queue does not listen");
      workers += 1;
      return {
        async close() {
          workers -= 1;
          await listener.close();
        },
      };
    },
    async advance(ms) {
      await clock.advance(ms);
      for (const [id, at] of due) {
        if (at > clock.now()) continue;
        due.delete(id);
        await (await queue.getJob(id))?.promote();
      }
      if (workers === 0) return;
      await eventually("what waits is done", async () => {
        const counts = await queue.getJobCounts("waiting", "active");
        return Object.values(counts).every((count) => count === 0);
      });
    },
    async dispose() {
      await queue.obliterate({ force: true });
      await queue.close();
    },
  };
}
