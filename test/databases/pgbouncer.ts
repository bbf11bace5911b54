import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptsConnections } from "./accepts-connections.ts";
import { freePort } from "./free-port.ts";

/** Why there is no PgBouncer to test behind; null where there is one. */
export const noPgBouncer: string | null =
  spawnSync("pgbouncer", ["--version"]).status === 0
    ? null
    : "there is no pgbouncer: install it, on Debian by apt-get install pgbouncer";

export interface Pooler {
  /** To the same database as the server's URL. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts PgBouncer in transaction mode before a server: each statement may come to another of three connections. */
export async function startPgBouncer(serverUrl: string): Promise<Pooler> {
  const { hostname, port: serverPort, username, password, pathname } = new URL(serverUrl);
  const dir = mkdtempSync(join(tmpdir(), "ownline-pgbouncer-"));
  // It refuses to run as root, and runs as a user of its own then.
  chmodSync(dir, 0o755);
  const port = await freePort();
  const file = join(dir, "pgbouncer.ini");
  writeFileSync(
    file,
    `[databases]
* = host=${hostname} port=${serverPort} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
`,
  );
  const user = process.getuid?.() === 0 ? ["--user", "nobody"] : [];
  const pooler = spawn("pgbouncer", [...user, file], { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  pooler.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const ended = once(pooler, "exit");
  if (!(await acceptsConnections(port, pooler))) throw new Error(`PgBouncer did not start:\n${output}`);
  return {
    url: `postgres://${username}@127.0.0.1:${port}${pathname}`,
    async stop() {
      pooler.kill("SIGKILL");
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
