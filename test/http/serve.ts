import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";

export interface Served extends AsyncDisposable {
  /** `http://127.0.0.1:…`, without a slash at its end. */
  readonly url: string;
  /** Writes bytes to the server as they are, then hangs up, at once or after the answer; resolves to the answer. */
  raw(bytes: string, hangUp: "at-once" | "after-answer"): Promise<string>;
}

/** Serves a handler on loopback, on a free port. */
export async function serve(listener: RequestListener): Promise<Served> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    raw: (bytes, hangUp) =>
      new Promise((resolve) => {
        let answer = "";
        const socket = connect(port, "127.0.0.1", () => {
          socket.write(bytes, () => {
            if (hangUp === "at-once") socket.destroy();
          });
        });
        socket.on("data", (chunk) => {
          answer += chunk.toString();
          if (hangUp === "after-answer" && answer.includes("\r\n\r\n")) socket.end();
        });
        socket.on("error", () => {});
        socket.on("close", () => resolve(answer));
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
