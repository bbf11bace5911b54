import { readdirSync, readFileSync } from "node:fs";
import { MongoClient } from "mongodb";
import pg from "pg";
import { type EmbeddedServer, startPostgres } from "../test/databases/embedded-postgres.ts";

const LONGEST_DROP_MS = 20_000;

/** A new, empty database of a server, for one measurement. */
export interface FreshDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A server that a run measures. */
export interface Server {
  /** As it names itself: `PostgreSQL 18.4`. */
  readonly version: string;
  fresh(name: string): Promise<FreshDatabase>;
  /** The processor time of all processes of the server so far, in milliseconds; `null` where it cannot be read. */
  cpuMs(): number | null;
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL server with the default durability: fsync and synchronous_commit are on.
 *
 * @throws Error with the server's log where it does not start
 */
export async function postgresServer(): Promise<Server> {
  const server: EmbeddedServer = await startPostgres({ fsync: "on", synchronous_commit: "on", max_wal_size: "4GB" });
  const pool = new pg.Pool({ connectionString: server.url, max: 2 });
  const { rows } = await pool.query<{ version: string }>("select split_part(version(), ' on ', 1) as version");
  const { rows: backends } = await pool.query<{ pid: number }>("select pg_backend_pid() as pid");
  const postmaster = ticksOf(String(backends[0]?.pid))?.parent ?? null;
  return {
    version: rows[0]?.version ?? "PostgreSQL",
    async fresh(name) {
      await pool.query(`create database ${name}`);
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return { url: url.href, drop: async () => void (await pool.query(`drop database ${name} with (force)`)) };
    },
    cpuMs: () => (postmaster === null ? null : cpuMsUnder(postmaster)),
    async stop() {
      await pool.end();
      await server.stop();
    },
  };
}

/** The server that OWNLINE_TEST_MONGODB_URL names; `null` where it names none. */
export async function mongodbServer(): Promise<Server | null> {
  const named = process.env.OWNLINE_TEST_MONGODB_URL ?? "";
  if (named === "") return null;
  const client = await new MongoClient(named).connect();
  const { version, gitVersion } = await client.db("admin").command({ buildInfo: 1 });
  return {
    // Only MongoDB's own server names the commit that it was built from.
    version: gitVersion === undefined ? `a server with the protocol of MongoDB ${version}` : `MongoDB ${version}`,
    async fresh(database) {
      const url = new URL(named);
      url.pathname = `/${database}`;
      return { url: url.href, drop: () => dropped(client, database) };
    },
    cpuMs: () => null,
    stop: () => client.close(),
  };
}

/**
 * If a database cannot be dropped, it stays, and the run prints its name. The connection that holds it is not part of
 * the measurement.
 */
async function dropped(client: MongoClient, database: string): Promise<void> {
  try {
    await client.db(database).dropDatabase({ timeoutMS: LONGEST_DROP_MS });
  } catch (error) {
    console.error(
      `The database ${database} is left on the MongoDB server: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/**
 * Of a process and of its children that have ended, in ticks of 10 ms; `null` where there is no such process, or no
 * /proc.
 */
function ticksOf(pid: string): { readonly parent: string; readonly own: number; readonly reaped: number } | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return null;
  }
  // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
  const fields = stat
    .replace(/^.*\) /, "")
    .split(" ")
    .map(Number);
  const [, parent = 0, , , , , , , , , , user = 0, system = 0, reapedUser = 0, reapedSystem = 0] = fields;
  return { parent: String(parent), own: user + system, reaped: reapedUser + reapedSystem };
}

function cpuMsUnder(postmaster: string): number {
  let ticks = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const of = ticksOf(pid);
    if (pid === postmaster) ticks += (of?.own ?? 0) + (of?.reaped ?? 0);
    else if (of?.parent === postmaster) ticks += of.own;
  }
  return ticks * 10;
}
