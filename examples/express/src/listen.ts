import type { Server } from "node:http";

const TRIES = 20;
const REQUEST_MS = 2000;
const IDLE_CHECK_MS = 50;

/**
 * Listens on a port, or on the next free one if it is taken. 0 uses any free port.
 *
 * @returns the port
 */
export async function listen(server: Server, port: number, host: string): Promise<number> {
  for (let next = port; ; next += 1) {
    try {
      return await listenOn(server, next, host);
    } catch (error) {
      const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (!taken || next - port >= TRIES || next >= 65_535) throw error;
    }
  }
}

/** Accepts no new connections, waits for the answers to open requests, and closes the other connections. */
export async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  const answered = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const late = setTimeout(() => server.closeAllConnections(), REQUEST_MS);
  await closed;
  clearInterval(answered);
  clearTimeout(late);
}

function listenOn(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
