import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { PostgresListenPool } from "../../src/queue/postgres.ts";

const BARRIER = "ownline_test_barrier";

/** A pool whose listeners can be asked to have heard everything that was sent so far. */
export interface HeardPool {
  readonly listen: PostgresListenPool;
  /** Resolves once every listener has heard what was committed before. */
  heard(): Promise<void>;
}

/**
 * Hands out real clients, and lets each listen to one more channel: PostgreSQL notifies a session of what was committed
 * in the order of the commits, so a listener that hears the barrier has heard what came before it.
 */
export function heardPool(pool: pg.Pool): HeardPool {
  const listeners = new Map<pg.PoolClient, Set<string>>();
  return {
    listen: {
      async connect() {
        const client = await pool.connect();
        const marks = new Set<string>();
        client.on("notification", ({ channel, payload }) => {
          if (channel === BARRIER && payload !== undefined) marks.add(payload);
        });
        client.on("end", () => listeners.delete(client));
        await client.query(`LISTEN ${BARRIER}`);
        listeners.set(client, marks);
        return client;
      },
    },
    async heard() {
      const mark = randomUUID();
      await pool.query("SELECT pg_notify($1, $2)", [BARRIER, mark]);
      const until = performance.now() + 15_000;
      while ([...listeners.values()].some((marks) => !marks.has(mark))) {
        if (performance.now() > until) throw new Error("a listener heard nothing within 15 s");
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}
