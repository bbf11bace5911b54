import { logger as aLogger, checkedOptions, lazily, methods, object, optional, textThat } from "../check.ts";
import { OwnlineError } from "../errors.ts";
import { consoleLogger, type Logger } from "../logger.ts";
import { createMoments, type MomentClock } from "./moments.ts";
import type { Queue, QueueListener } from "./queue.ts";
import { timer } from "./timer.ts";

export type { MomentClock } from "./moments.ts";

/**
 * What we call of a `Pool` of the `pg` package, to send wake-ups.
 *
 * @see https://node-postgres.com/apis/pool
 */
export interface PostgresNotifyPool extends PostgresListenPool {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** What we call of a `Pool` of the `pg` package, to listen. */
export interface PostgresListenPool {
  connect(): Promise<PostgresListenClient>;
}

/**
 * What we call of a client that such a pool hands out.
 *
 * @see https://node-postgres.com/apis/client#events
 */
export interface PostgresListenClient {
  query(text: string): Promise<unknown>;
  on(event: "notification", listener: (notification: PostgresNotification) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  release(destroy: boolean): void;
}

/** What PostgreSQL sends to a listener. */
export interface PostgresNotification {
  readonly channel: string;
  readonly payload?: string | undefined;
}

export interface PostgresNotifyOptions {
  /**
   * The channel of `LISTEN` and `NOTIFY`: letters, digits and `_`, at most 63 of them. It is the whole database's, so
   * two ledgers in one database need two names. @default "ownline"
   */
  readonly channel?: string;
  /**
   * Where to listen, if not through the pool. `LISTEN` needs a session of its own: behind a pooler in transaction mode
   * (PgBouncer, the pooled address of many providers) it hears nothing, so hand over a pool here whose address leads to
   * the server itself. Sending works through any pooler. @default the pool
   */
  readonly listen?: PostgresListenPool;
  /** Hears when the listening connection is lost, and when it is back. @default warnings and errors to the console */
  readonly logger?: Logger;
  /** For tests: `manualClock()` of `ownline/testing`. @default the runtime's timers, which keep no process alive */
  readonly clock?: MomentClock;
}

/** A queue that listens by itself. */
export interface PostgresNotifyQueue extends Queue {
  listen(onWakeUp: () => void): Promise<QueueListener>;
}

/** PostgreSQL cuts a longer name: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS */
const CHANNEL = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const CHANNEL_REMEDY = "give letters, digits and _, at most 63, and no digit first";
const schema = lazily(() =>
  object<PostgresNotifyOptions>(
    {
      channel: optional(textThat((name) => CHANNEL.test(name), CHANNEL_REMEDY)),
      listen: optional(
        methods<PostgresListenPool>(["connect"], "give a Pool of the pg package, new pg.Pool({ connectionString })"),
      ),
      logger: optional(aLogger()),
      clock: optional(methods<MomentClock>(["now", "sleep"], "give a clock with now and sleep")),
    },
    "give an object of options",
  ),
);
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** A connection that a router has forgotten fails only when the process writes to it. */
const CHECK_MS = 60_000;
const realClock: MomentClock = { now: () => performance.now(), sleep: timer };

/**
 * Sends wake-ups through PostgreSQL's `NOTIFY`: the process that stores a text wakes all that have called `start()`, on
 * any machine, by the database that they share anyway. There is no table and nothing to migrate.
 *
 * - Every listener hears each wake-up. `NOTIFY` knows no delay, so a wake-up carries it, and each listener waits by
 *   itself: to the next tenth of a second, for at most the soonest 1000 moments.
 * - A wake-up that no process hears is gone. That does no harm: `start()` looks into the ledger first, and then at
 *   least every `worker.pollMs`.
 * - `listen` holds one connection of its pool for as long as it listens, so a pool needs room for two. When the
 *   connection is lost, it connects again after 1, 2, 4, … seconds, at most 30, says so by `logger.error`, and wakes
 *   the service once for what it has missed. `start()` reports `queue_unavailable` when it cannot listen in the first
 *   place.
 *
 * @throws OwnlineError at once: `invalid_options` for something that is not a pool, a channel that is not an
 * identifier, and an option that is not known.
 * @see https://www.postgresql.org/docs/current/sql-notify.html
 *
 * @example
 * ```ts
 * import { type OwnlineOptions, ownline } from "ownline";
 * import { postgresNotify } from "ownline/queue/postgres";
 * import pg from "pg";
 *
 * declare const options: OwnlineOptions;
 * const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
 * // Only where DATABASE_URL leads to a pooler in transaction mode.
 * const listen = new pg.Pool({ connectionString: process.env.DIRECT_DATABASE_URL, max: 1, keepAlive: true });
 *
 * const sms = ownline({ ...options, queue: postgresNotify(pool, { listen }) });
 * ```
 */
export function postgresNotify(pool: PostgresNotifyPool, options: PostgresNotifyOptions = {}): PostgresNotifyQueue {
  refuseMistakes(pool);
  const given = checkedOptions(schema, options, "postgresNotify()");
  const { channel = "ownline", listen = pool, logger = consoleLogger, clock = realClock } = given;
  return {
    name: "postgres",
    async notify({ delayMs }) {
      await pool.query("SELECT pg_notify($1, $2)", [channel, String(Math.max(0, Math.ceil(delayMs)))]);
    },
    listen: (onWakeUp) => listenTo(listen, { channel, logger, clock, onWakeUp }),
  };
}

interface Listening {
  readonly channel: string;
  readonly logger: Logger;
  readonly clock: MomentClock;
  onWakeUp(): void;
}

interface Session {
  readonly client: PostgresListenClient;
  /** Resolves with the reason once the connection is gone. */
  readonly lost: Promise<string>;
}

async function listenTo(pool: PostgresListenPool, listening: Listening): Promise<QueueListener> {
  const { logger, clock, onWakeUp } = listening;
  const closing = new AbortController();
  const { signal } = closing;
  const wake = (): void => {
    if (!signal.aborted) onWakeUp();
  };
  const moments = createMoments(wake, clock);
  const hear = (payload: string | undefined): void => {
    const delayMs = Number(payload);
    // A payload that is not ours (a person's bare NOTIFY) wakes at once.
    if (delayMs > 0 && !signal.aborted) moments.add(delayMs);
    else wake();
  };

  /** Connects until it works; null once it is closed. */
  const again = async (): Promise<Session | null> => {
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(2 * waitMs, MAX_RETRY_MS)) {
      await clock.sleep(waitMs, { signal });
      if (signal.aborted) return null;
      try {
        return await open(pool, listening.channel, hear);
      } catch (error) {
        logger.error(`the queue (postgres) still cannot listen, and tries again: ${reasonOf(error)}`);
      }
    }
  };

  /** Returns once the connection is lost, with the reason; checks it now and then. */
  const watch = async ({ client, lost }: Session): Promise<string> => {
    const watching = new AbortController();
    const stop = (): void => watching.abort();
    signal.addEventListener("abort", stop, { once: true });
    const check = async (): Promise<void> => {
      while (!watching.signal.aborted) {
        await clock.sleep(CHECK_MS, { signal: watching.signal });
        // The events of the client say whether it fails.
        if (!watching.signal.aborted) await client.query("SELECT 1").catch(() => {});
      }
    };
    void check();
    const why = await lost;
    signal.removeEventListener("abort", stop);
    watching.abort();
    return why;
  };

  let session: Session | null = await open(pool, listening.channel, hear);
  const keep = async (): Promise<void> => {
    while (session !== null) {
      const why = await watch(session);
      if (signal.aborted) return;
      session.client.release(true);
      session = null;
      logger.error(
        `the queue (postgres) has lost the connection on which it listens, and connects again: ${why}. Nothing is lost meanwhile: the ledger is looked into every worker.pollMs`,
      );
      session = await again();
      if (session !== null && signal.aborted) {
        session.client.release(true);
        return;
      }
      if (session !== null) logger.info("the queue (postgres) listens again");
      wake();
    }
  };
  void keep();

  return {
    async close() {
      if (signal.aborted) return;
      closing.abort();
      moments.close();
      // Closes the connection: back in the pool it would go on listening. Where it is being made, `keep` does it.
      session?.client.release(true);
    },
  };
}

async function open(
  pool: PostgresListenPool,
  channel: string,
  hear: (payload: string | undefined) => void,
): Promise<Session> {
  const client = await pool.connect();
  const lost = new Promise<string>((resolve) => {
    client.on("error", (error) => resolve(reasonOf(error)));
    client.on("end", () => resolve("it has ended"));
  });
  client.on("notification", (notification) => {
    if (notification.channel === channel) hear(notification.payload);
  });
  try {
    await client.query(`LISTEN "${channel}"`);
  } catch (error) {
    client.release(true);
    throw error;
  }
  return { client, lost };
}

/** The kind of an error and its code, for example `error 57P01`: a driver's message may name hosts and users. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "something was thrown that is not an Error";
  return "code" in error && typeof error.code === "string" ? `${error.name} ${error.code}` : error.name;
}

function refuseMistakes(pool: unknown): void {
  const isPool =
    typeof pool === "object" &&
    pool !== null &&
    ["connect", "query"].every((name) => typeof Reflect.get(pool, name) === "function");
  if (isPool) return;
  throw new OwnlineError(
    "invalid_options",
    "postgresNotify() needs a Pool of the pg package: pass new pg.Pool({ connectionString }).",
  );
}
