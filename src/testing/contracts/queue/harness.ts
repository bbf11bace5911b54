import type { Queue, QueueListener } from "../../../queue/queue.ts";
import type { Storage } from "../../../storage/storage.ts";
import type { ManualClock } from "../../manual-clock.ts";

/** How the contract reaches an adapter. */
export interface QueueHarness {
  /** Creates an empty queue for one case. */
  create(): Promise<QueueUnderTest>;
  /**
   * How much later than its time a wake-up may come, because the queue collects batches or polls. In milliseconds.
   * @default 0
   */
  readonly lateMs?: number;
  /** How much earlier than its time a wake-up may come, because clocks are read twice. In milliseconds. @default 0 */
  readonly earlyMs?: number;
  /** The ledger of the conversations. @default memory */
  ledger?(clock: ManualClock): Storage;
}

/** One queue, for one case. */
export interface QueueUnderTest {
  readonly queue: Queue;
  /**
   * Delivers the wake-ups: `queue.listen`, or the runtime's own handler (a consumer). A consumer waits for the promise
   * that `onWakeUp` returns; a rejection is a failed delivery.
   */
  listen(onWakeUp: () => Promise<void>): Promise<QueueListener>;
  /** Lets the queue's time pass, in real time or by a clock. Wake-ups that are due by then arrive. */
  advance(ms: number): Promise<void>;
  /** Closes the queue and removes it. */
  dispose(): Promise<void>;
}
