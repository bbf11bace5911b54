/**
 * A bell: it says "look into the ledger", now or later, and carries nothing else.
 *
 * The ledger alone knows what is due. A ring that comes late, twice, out of order, too early or never does no harm
 * beyond time: the worker that hears one looks at everything that is due, and a regular `processDue()` is the net
 * beneath.
 *
 * To write an adapter, run the contract that `ownline/testing` exports against the real queue.
 */
export interface Queue {
  /** For logs and errors, for example `cloudflare`. */
  readonly name: string;

  /**
   * Asks for one ring, no sooner than `delayMs` from now. Resolves once the queue has taken it.
   *
   * A queue that cannot wait so long rings earlier instead: a worker that is woken too early notifies again. The caller
   * bears a rejection: what is due stands in the ledger already.
   */
  ring(order: RingOrder): Promise<void>;

  /**
   * Calls back at each ring, until it is closed. Left out where the runtime itself calls the service, as Workers do.
   * `onRing` returns at once and never throws.
   */
  listen?(onRing: () => void): Promise<QueueListener>;
}

export interface RingOrder {
  /** Milliseconds from now, 0 or more. */
  readonly delayMs: number;
}

/** What ends the listening. */
export interface QueueListener {
  /** Afterwards `onRing` is called no more. */
  close(): Promise<void>;
}
