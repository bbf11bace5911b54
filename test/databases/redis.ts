import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptsConnections } from "./accepts-connections.ts";
import { freePort } from "./free-port.ts";

/** Why there is no Redis to test against; null where there is one. */
export const noRedis: string | null =
  spawnSync("redis-server", ["--version"]).status === 0
    ? null
    : "there is no redis-server: install it, on Debian by apt-get install redis-server";

export interface RedisServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts a Redis server that keeps nothing on disk; on a free port, unless one is given. */
export async function startRedis(port?: number): Promise<RedisServer> {
  return startOn(port ?? (await freePort()));
}

async function startOn(port: number): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), "ownline-redis-"));
  const settings = { port: String(port), bind: "127.0.0.1", dir, save: "", appendonly: "no" };
  const server = spawn(
    "redis-server",
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    { stdio: "ignore" },
  );
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  if (!(await acceptsConnections(port, server))) throw new Error(`redis-server does not answer on port ${port}`);
  return {
    port,
    async stop() {
      server.kill();
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
