/**
 * Wakes a service, now or later, so that it checks the ledger. A wake-up carries no content.
 *
 * Only the ledger knows what is due. A wake-up that comes late, twice, out of order, too early or never can only cause
 * a delay. A woken worker handles everything that is due, and a regular `processDue()` finds the rest.
 *
 * When you write an adapter, run the contract that `ownline/testing` exports against the real queue.
 */
export interface Queue {
  /** For logs and errors, for example `cloudflare`. */
  readonly name: string;

  /**
   * Asks for one wake-up, no sooner than `delayMs` from now. Resolves when the queue has accepted it.
   *
   * A queue that cannot wait that long wakes the service earlier: a worker that is woken too early notifies the queue
   * again. The caller can ignore a rejection, because the ledger holds the due work already.
   */
  notify(order: WakeUpOrder): Promise<void>;

  /**
   * Calls `onWakeUp` at each wake-up, until the listener is closed. Absent if the runtime itself calls the service, as
   * for Cloudflare Workers. `onWakeUp` returns at once and never throws.
   */
  listen?(onWakeUp: () => void): Promise<QueueListener>;
}

export interface WakeUpOrder {
  /** Milliseconds from now, 0 or more. */
  readonly delayMs: number;
}

/** Ends the listening. */
export interface QueueListener {
  /** When it has resolved, `onWakeUp` is not called any more. */
  close(): Promise<void>;
}
