/**
 * Wakes a service: it says "look into the ledger", now or later, and carries nothing else.
 *
 * The ledger alone knows what is due. A wake-up that comes late, twice, out of order, too early or never does no harm
 * beyond time: the worker that hears one looks at everything that is due, and a regular `processDue()` is the net
 * beneath.
 *
 * To write an adapter, run the contract that `ownline/testing` exports against the real queue.
 */
export interface Queue {
  /** For logs and errors, for example `cloudflare`. */
  readonly name: string;

  /**
   * Asks for one wake-up, no sooner than `delayMs` from now. Resolves once the queue has taken it.
   *
   * A queue that cannot wait so long wakes the service earlier instead: a worker that is woken too early notifies
   * again. The caller can ignore a rejection: what is due stands in the ledger already.
   */
  notify(order: WakeUpOrder): Promise<void>;

  /**
   * Calls back at each wake-up, until it is closed. Left out where the runtime itself calls the service, as Workers do.
   * `onWakeUp` returns at once and never throws.
   */
  listen?(onWakeUp: () => void): Promise<QueueListener>;
}

export interface WakeUpOrder {
  /** Milliseconds from now, 0 or more. */
  readonly delayMs: number;
}

/** What ends the listening. */
export interface QueueListener {
  /** Afterwards `onWakeUp` is called no more. */
  close(): Promise<void>;
}
