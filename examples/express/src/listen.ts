import type { Server } from "node:http";

const TRIES = 20;

/**
 * Listens on a port, or on the next free one where it is taken. 0 takes any.
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

/** Takes no new connections, and ends those that stay open by themselves. */
export async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
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
