import type { Queue, QueueListener } from "../../../queue/queue.ts";
import type { Storage } from "../../../storage/storage.ts";
import type { ManualClock } from "../../manual-clock.ts";

/** How the contract gets at an adapter. */
export interface QueueHarness {
  /** A queue of its own, empty, for one case. */
  create(): Promise<QueueUnderTest>;
  /** How much later than its time a wake-up may come: the queue gathers batches, or looks at intervals. @default 0 */
  readonly lateMs?: number;
  /** How much earlier than its time a wake-up may come, because clocks are read twice. @default 0 */
  readonly earlyMs?: number;
  /** The ledger of the conversations. @default memory */
  ledger?(clock: ManualClock): Storage;
}

/** One queue, for one case. */
export interface QueueUnderTest {
  readonly queue: Queue;
  /**
   * Brings the wake-ups: `queue.listen`, or the runtime's own handler (a consumer), which hands what `onWakeUp` returns
   * to the queue as its work. A rejection is a failed delivery.
   */
  listen(onWakeUp: () => Promise<void>): Promise<QueueListener>;
  /** Lets the queue's time pass, really or by a clock, and what is due by then arrive. */
  advance(ms: number): Promise<void>;
  /** Ends the queue and removes it. */
  dispose(): Promise<void>;
}
