import type { ChildProcess } from "node:child_process";
import { connect } from "node:net";

const LONGEST_MS = 10_000;

/** Waits until a server takes connections on its port; false, and the server killed, where it ends or takes too long. */
export async function acceptsConnections(port: number, server: ChildProcess): Promise<boolean> {
  const until = performance.now() + LONGEST_MS;
  while (!(await accepts(port))) {
    if (server.exitCode !== null || performance.now() > until) {
      server.kill();
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
