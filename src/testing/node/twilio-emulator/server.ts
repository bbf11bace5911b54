import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ApiOutcome } from "./rest-api.ts";

export interface EmulatorServer {
  /** The base URL; `undefined` while the server does not listen. */
  readonly url: string | undefined;
  /** Listens on 127.0.0.1, at `port` or the next free one. With 0, at any free port. */
  listen(port: number): Promise<string>;
  close(): Promise<void>;
}

type Answer = (method: string, url: URL, headers: Headers, body: string) => Promise<ApiOutcome>;

const MAX_PORTS = 50;
const MAX_BODY_BYTES = 1024 * 1024;

/** The emulator's REST API over HTTP. */
export function createEmulatorServer(answer: Answer): EmulatorServer {
  let server: Server | undefined;
  let url: string | undefined;

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of request) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > MAX_BODY_BYTES) {
        response.writeHead(413).end();
        return;
      }
      chunks.push(bytes);
    }
    const headers = new Headers(
      Object.entries(request.headers).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, [value].flat().join(", ")] as [string, string]],
      ),
    );
    const target = new URL(request.url ?? "/", "http://127.0.0.1");
    const outcome = await answer(request.method ?? "GET", target, headers, Buffer.concat(chunks).toString("utf8"));
    if (outcome === "drop") request.socket.destroy();
    else if (outcome !== "hang") response.writeHead(outcome.httpStatus, outcome.headers).end(outcome.body);
  }

  return {
    get url() {
      return url;
    },
    async listen(port) {
      if (url !== undefined) return url;
      const created = createServer((request, response) => {
        respond(request, response).catch((error: unknown) => {
          // The caller closed the connection, or a fault of the emulator happened. In both cases the caller sees a
          // broken connection.
          response.destroy(error instanceof Error ? error : undefined);
        });
      });
      server = created;
      url = `http://127.0.0.1:${await listenFrom(created, port)}`;
      return url;
    },
    async close() {
      const closing = server;
      server = undefined;
      url = undefined;
      if (closing === undefined) return;
      await new Promise<void>((resolve) => {
        closing.close(() => resolve());
        closing.closeAllConnections();
      });
    },
  };
}

async function listenFrom(server: Server, first: number): Promise<number> {
  for (let port = first; ; port++) {
    try {
      return await listenAt(server, port);
    } catch (error) {
      const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (!isTaken || port === first + MAX_PORTS) throw error;
    }
  }
}

function listenAt(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
