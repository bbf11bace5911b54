import { checkedOptions, lazily, methods, milliseconds, object, optional, someText } from "../check.ts";
import { OwnlineError } from "../errors.ts";
import type { Queue, QueueListener } from "./queue.ts";

/**
 * What we call of a `PgBoss`.
 *
 * @see https://pgboss.io/api/queues
 * @see https://pgboss.io/api/jobs
 * @see https://pgboss.io/api/workers
 */
export interface PgBossLike {
  createQueue(name: string, options: PgBossQueueOptions): Promise<void>;
  /** Null where the queue's policy says that there is such a job already. */
  send(name: string, data: PgBossWakeUp, options: PgBossSendOptions): Promise<string | null>;
  work(name: string, options: PgBossWorkOptions, handler: () => Promise<void>): Promise<string>;
  /** Resolves once what is being worked is done, where `wait` says so. */
  offWork(name: string, options: { id: string; wait: boolean }): Promise<void>;
}

/** What a wake-up looks like in the queue. It carries no content. */
export interface PgBossWakeUp {
  readonly ownline: "wake-up";
}

/** How the queue is made. */
export interface PgBossQueueOptions {
  name: string;
  policy: "short";
  notify: boolean;
  retryLimit: number;
  expireInSeconds: number;
  retentionSeconds: number;
  deleteAfterSeconds: number;
}

/** How a wake-up is sent. */
export interface PgBossSendOptions {
  singletonKey: string;
  /** Seconds from now, by the database's clock. */
  startAfter: number;
}

/** How the queue is worked. */
export interface PgBossWorkOptions {
  batchSize: number;
  pollingIntervalSeconds: number;
  notifyPollingIntervalSeconds: number;
}

export interface PgBossOptions {
  /** The queue's name in pg-boss. Two ledgers need two. @default "ownline" */
  readonly name?: string;
  /**
   * How often a listener looks into the queue, at least 500: a person waits so much longer at most. @default 1000
   */
  readonly pollMs?: number;
  /** Milliseconds that only rise; for tests. @default `performance.now()` */
  readonly clock?: { now(): number };
}

/** A queue that listens by itself. */
export interface PgBossQueue extends Queue {
  listen(onWakeUp: () => void): Promise<QueueListener>;
}

/** What pg-boss takes: https://pgboss.io/api/workers */
const LEAST_POLL_MS = 500;
const schema = lazily(() =>
  object<PgBossOptions>(
    {
      name: optional(someText("give the queue's name, or leave it out")),
      pollMs: optional(milliseconds(LEAST_POLL_MS)),
      clock: optional(methods<NonNullable<PgBossOptions["clock"]>>(["now"], "give a clock with now")),
    },
    "give an object of options",
  ),
);

const MOMENT_MS = 1000;
const WAKE_UP: PgBossWakeUp = { ownline: "wake-up" };
/** A lost wake-up does no harm, so nothing is tried again, and nothing is kept for longer than it may be of use. */
const QUEUE: Omit<PgBossQueueOptions, "name"> = {
  // At most one job for each key waits; it may be one of those that are being worked already.
  policy: "short",
  notify: true,
  retryLimit: 0,
  expireInSeconds: 60,
  retentionSeconds: 3600,
  deleteAfterSeconds: 60,
};
/** However many wake-ups are waiting, one look into the ledger is enough. */
const BATCH = 100;

/**
 * Sends wake-ups through pg-boss, for teams that run it already. The instance must be started; start and stop stay
 * yours.
 *
 * - The queue is made when it is first needed, with retries off and short retention. If you make it yourself, make it
 *   with `policy: "short"`: under another policy each wake-up is a job of its own.
 * - A thousand wake-ups are few jobs: one that waits takes in all that are due in the same second; one that has been
 *   taken does not, since its look into the ledger may have come too early for them.
 * - Delays end at whole seconds, rounded up, and a listener looks every `pollMs`. With `useListenNotify: true` in
 *   pg-boss, a wake-up without delay comes at once.
 * - One of the listeners hears each wake-up.
 *
 * Tested with pg-boss 10, 11 and 12. pg-boss 12 is a module for Node ≥ 22.12. Version 10 has no `useListenNotify`,
 * keeps done wake-ups for as long as the instance says, and `close()` ends every worker of this queue in the instance.
 * pg-boss emits `error`, and wants a listener for that.
 *
 * @throws OwnlineError at once: `invalid_options` for something that is not a PgBoss, an empty name, a `pollMs` below
 * 500, and an option that is not known.
 *
 * @example
 * ```ts
 * import { type OwnlineOptions, ownline } from "ownline";
 * import { pgBoss } from "ownline/queue/pg-boss";
 * import { PgBoss } from "pg-boss";
 *
 * declare const options: OwnlineOptions;
 * const boss = new PgBoss({ connectionString: "postgres://localhost/app", useListenNotify: true });
 * boss.on("error", console.error);
 * await boss.start();
 *
 * const sms = ownline({ ...options, queue: pgBoss(boss) });
 * ```
 */
export function pgBoss(boss: PgBossLike, options: PgBossOptions = {}): PgBossQueue {
  refuseMistakes(boss);
  const { name = "ownline", pollMs = 1000, clock = performance } = checkedOptions(schema, options, "pgBoss()");
  /** Each process has moments of its own, since clocks of two processes do not agree. */
  const process = crypto.randomUUID();

  let made: Promise<void> | null = null;
  const make = (): Promise<void> => {
    made ??= boss.createQueue(name, { name, ...QUEUE }).catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };

  return {
    name: "pg-boss",
    async notify({ delayMs }) {
      await make();
      if (delayMs <= 0) {
        await boss.send(name, WAKE_UP, { singletonKey: "now", startAfter: 0 });
        return;
      }
      const now = clock.now();
      const moment = Math.ceil((now + delayMs) / MOMENT_MS) * MOMENT_MS;
      // A duration, by the database's clock: an instant by ours might lie in its past.
      const startAfter = Math.ceil(moment - now) / 1000;
      await boss.send(name, WAKE_UP, { singletonKey: `${process} ${moment / MOMENT_MS}`, startAfter });
    },
    async listen(onWakeUp) {
      await make();
      const seconds = pollMs / 1000;
      // Notified of new jobs, pg-boss looks more rarely, but no notification comes when a delay ends.
      const polling = { pollingIntervalSeconds: seconds, notifyPollingIntervalSeconds: seconds };
      const id = await boss.work(name, { batchSize: BATCH, ...polling }, async () => onWakeUp());
      return { close: () => boss.offWork(name, { id, wait: true }) };
    },
  };
}

function refuseMistakes(boss: unknown): void {
  const isBoss = typeof boss === "object" && boss !== null && "createQueue" in boss && "offWork" in boss;
  if (!isBoss) {
    throw new OwnlineError(
      "invalid_options",
      "pgBoss() needs a PgBoss: pass the one that you have started, new PgBoss(…).",
    );
  }
}
