import { type EmbeddedServer, startPostgres } from "../test/databases/embedded-postgres.ts";

/** The databases that a run measures. */
export interface Databases {
  readonly postgres: string;
  /** `null` where OWNLINE_TEST_MONGODB_URL names none. */
  readonly mongodb: string | null;
  stop(): Promise<void>;
}

/** A PostgreSQL server of its own, as durable as its defaults: fsync and synchronous_commit on. */
export async function startDatabases(): Promise<Databases> {
  const server: EmbeddedServer = await startPostgres({ fsync: "on", synchronous_commit: "on", max_wal_size: "4GB" });
  const mongodb = process.env.OWNLINE_TEST_MONGODB_URL ?? null;
  if (mongodb === null) console.log("MongoDB is left out: OWNLINE_TEST_MONGODB_URL names no server.");
  return { postgres: server.url, mongodb, stop: server.stop };
}
