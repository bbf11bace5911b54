import { checkedOptions, lazily, methods, milliseconds, object, optional, someText } from "../check.ts";
import { OwnlineError } from "../errors.ts";
import type { Queue, QueueListener } from "./queue.ts";

/**
 * The part of a `PgBoss` that ownline uses.
 *
 * @see https://pgboss.io/api/queues
 * @see https://pgboss.io/api/jobs
 * @see https://pgboss.io/api/workers
 */
export interface PgBossLike {
  createQueue(name: string, options: PgBossQueueOptions): Promise<void>;
  /** `null` if the queue's policy allows no further job with this key. */
  send(name: string, data: PgBossWakeUp, options: PgBossSendOptions): Promise<string | null>;
  work(name: string, options: PgBossWorkOptions, handler: () => Promise<void>): Promise<string>;
  /** With `wait`, resolves when the running jobs have ended. */
  offWork(name: string, options: { id: string; wait: boolean }): Promise<void>;
}

/** The data of a wake-up in the queue. It carries no content. */
export interface PgBossWakeUp {
  readonly ownline: "wake-up";
}

/** The options with which the queue is created. */
export interface PgBossQueueOptions {
  name: string;
  policy: "short";
  notify: boolean;
  retryLimit: number;
  expireInSeconds: number;
  retentionSeconds: number;
  deleteAfterSeconds: number;
}

/** The options with which a wake-up is sent. */
export interface PgBossSendOptions {
  singletonKey: string;
  /** Seconds from now, by the database's clock. */
  startAfter: number;
}

/** The options of the listener. */
export interface PgBossWorkOptions {
  batchSize: number;
  pollingIntervalSeconds: number;
  notifyPollingIntervalSeconds: number;
}

export interface PgBossOptions {
  /** The queue's name in pg-boss. Each ledger needs a name of its own. @default "ownline" */
  readonly name?: string;
  /**
   * Milliseconds between two polls of the queue by a listener, at least 500. A person waits at most this much longer
   * for an answer. @default 1000
   */
  readonly pollMs?: number;
  /** A clock for tests, in milliseconds; it never goes back. @default `performance.now()` */
  readonly clock?: { now(): number };
}

/** A queue that always has `listen`. */
export interface PgBossQueue extends Queue {
  listen(onWakeUp: () => void): Promise<QueueListener>;
}

/** The shortest interval that pg-boss accepts: https://pgboss.io/api/workers */
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
/** A lost wake-up does no harm, so jobs are not tried again, and are deleted soon. */
const QUEUE: Omit<PgBossQueueOptions, "name"> = {
  // With the policy `short`, at most one job for each key waits. Jobs that are running do not count.
  policy: "short",
  notify: true,
  retryLimit: 0,
  expireInSeconds: 60,
  retentionSeconds: 3600,
  deleteAfterSeconds: 60,
};
/** One check of the ledger is enough for many waiting wake-ups. */
const BATCH = 100;

/**
 * Sends wake-ups through pg-boss, for teams that already run it. You start and stop the instance; it must be started
 * before it is used.
 *
 * - ownline creates the queue at its first use, without retries and with short retention. If you create it yourself,
 *   use `policy: "short"`: with another policy each wake-up is a job of its own.
 * - Many wake-ups become few jobs: a waiting job stands for all wake-ups that are due in the same second. A job that
 *   runs already does not count, because it may have checked the ledger too early for a new wake-up.
 * - Delays end at whole seconds, rounded up, and a listener polls every `pollMs`. With `useListenNotify: true` in
 *   pg-boss, a wake-up without delay arrives at once.
 * - Each wake-up reaches one of the listeners.
 *
 * Tested with pg-boss 10, 11 and 12. pg-boss 12 is a module for Node ≥ 22.12. Version 10 has no `useListenNotify`,
 * keeps finished jobs for as long as the instance is set to, and `close()` ends every worker of this queue in the
 * instance. pg-boss emits `error`, so add a listener for it.
 *
 * @throws OwnlineError at once: `invalid_options` for something that is not a PgBoss, an empty name, a `pollMs` below
 * 500, and an unknown option.
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
  /** Part of each job's key. Processes do not share delayed jobs, because their clocks differ. */
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
      // A duration from the database's present time. A point in time by this process's clock might be in the past for
      // the database.
      const startAfter = Math.ceil(moment - now) / 1000;
      await boss.send(name, WAKE_UP, { singletonKey: `${process} ${moment / MOMENT_MS}`, startAfter });
    },
    async listen(onWakeUp) {
      await make();
      const seconds = pollMs / 1000;
      // With notifications, pg-boss polls less often by default. But there is no notification when a delay ends, so the
      // interval is set for both cases.
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
      "pgBoss() needs a PgBoss: pass the instance that you have started, new PgBoss(…).",
    );
  }
}
