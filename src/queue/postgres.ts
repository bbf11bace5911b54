import { logger as aLogger, checkedOptions, lazily, methods, object, optional, textThat } from "../check.ts";
import { OwnlineError } from "../errors.ts";
import { consoleLogger, type Logger } from "../logger.ts";
import { createMoments, type MomentClock } from "./moments.ts";
import type { Queue, QueueListener } from "./queue.ts";
import { timer } from "./timer.ts";

export type { MomentClock } from "./moments.ts";

/**
 * The part of a `Pool` of the `pg` package that ownline uses to send wake-ups.
 *
 * @see https://node-postgres.com/apis/pool
 */
export interface PostgresNotifyPool extends PostgresListenPool {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** The part of a `Pool` of the `pg` package that ownline uses to listen. */
export interface PostgresListenPool {
  connect(): Promise<PostgresListenClient>;
}

/**
 * The part that ownline uses of a client of such a pool.
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

/** A notification that PostgreSQL sends to a listener. */
export interface PostgresNotification {
  readonly channel: string;
  readonly payload?: string | undefined;
}

export interface PostgresNotifyOptions {
  /**
   * The channel of `LISTEN` and `NOTIFY`: letters, digits and `_`, at most 63 of them. A channel belongs to the whole
   * database, so two ledgers in one database need two names. @default "ownline"
   */
  readonly channel?: string;
  /**
   * Another pool to listen through. `LISTEN` needs a session of its own. Behind a pooler in transaction mode
   * (PgBouncer, the pooled address of many providers) it receives nothing: then pass a pool here whose address is the
   * server itself. Sending works through any pooler. @default the pool
   */
  readonly listen?: PostgresListenPool;
  /**
   * Logs when the listening connection is lost, and when it works again. @default warnings and errors to the console
   */
  readonly logger?: Logger;
  /**
   * For tests: `manualClock()` of `ownline/testing`. @default the runtime's timers, which do not keep the process alive
   */
  readonly clock?: MomentClock;
}

/** A queue that always has `listen`. */
export interface PostgresNotifyQueue extends Queue {
  listen(onWakeUp: () => void): Promise<QueueListener>;
}

/**
 * PostgreSQL truncates a longer name:
 * https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
 */
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
/**
 * How often the connection is checked. If a router has dropped a connection, the process finds out only when it writes
 * to the connection.
 */
const CHECK_MS = 60_000;
const realClock: MomentClock = { now: () => performance.now(), sleep: timer };

/**
 * Sends wake-ups through PostgreSQL's `NOTIFY`. The process that stores a text wakes all processes that have called
 * `start()`, on any machine, by the database that they share. It needs no table and no migration.
 *
 * - Each wake-up reaches every listener. `NOTIFY` has no delay, so a wake-up carries its delay, and each listener waits
 *   itself. The wait ends at the next tenth of a second; a listener keeps at most the next 1000 moments.
 * - A wake-up that reaches no process is lost. That does no harm: `start()` checks the ledger first, and then at least
 *   every `worker.pollMs`.
 * - `listen` uses one connection of its pool for as long as it listens, so the pool needs at least two. When the
 *   connection is lost, the queue logs this by `logger.error` and connects again after 1, 2, 4, … seconds, at most 30.
 *   Then it wakes the service once for missed wake-ups. `start()` reports `queue_unavailable` if it cannot begin to
 *   listen.
 *
 * @throws OwnlineError at once: `invalid_options` for something that is not a pool, a channel that is not an
 * identifier, and an unknown option.
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
  /** Resolves with the reason when the connection is lost. */
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
    // A payload that ownline did not send (for example, a NOTIFY of an operator) wakes the service at once.
    if (delayMs > 0 && !signal.aborted) moments.add(delayMs);
    else wake();
  };

  /** Tries to connect until it works; `null` if the listener was closed. */
  const again = async (): Promise<Session | null> => {
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(2 * waitMs, MAX_RETRY_MS)) {
      await clock.sleep(waitMs, { signal });
      if (signal.aborted) return null;
      try {
        return await open(pool, listening.channel, hear);
      } catch (error) {
        logger.error(`the queue (postgres) still cannot listen and tries again: ${reasonOf(error)}`);
      }
    }
  };

  /** Checks the connection at intervals. Returns the reason when the connection is lost. */
  const watch = async ({ client, lost }: Session): Promise<string> => {
    const watching = new AbortController();
    const stop = (): void => watching.abort();
    signal.addEventListener("abort", stop, { once: true });
    const check = async (): Promise<void> => {
      while (!watching.signal.aborted) {
        await clock.sleep(CHECK_MS, { signal: watching.signal });
        // A failure is ignored here, because the client reports it by an event.
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
        `the queue (postgres) lost its listening connection and connects again: ${why}. No work is lost meanwhile: the service checks the ledger every worker.pollMs`,
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
      // Destroys the connection, because in the pool it would go on listening. A connection that is being opened is
      // destroyed by `keep`.
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

/**
 * The kind of an error and its code, for example `error 57P01`. The message is left out, because it may name hosts and
 * users.
 */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "the thrown value is not an Error";
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
