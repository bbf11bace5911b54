import type { IncomingMessage, ServerResponse } from "node:http";
import { logger as aLogger, checkedOptions, lazily, object, optional } from "../check.ts";
import { consoleLogger, type Logger, steadyLogger } from "../logger.ts";
import { refuseUnknownOptions } from "../unknown-fields.ts";

/** The one part of ownline that an adapter needs: `sms.fetch`, or any function from `Request` to `Response`. */
export interface FetchPart {
  readonly fetch: (request: Request) => Promise<Response>;
}

export interface NodeHandlerOptions {
  /** Gets an error line where a request could not be handled. @default warnings and errors to the console */
  readonly logger?: Logger;
}

const schema = lazily(() => object<NodeHandlerOptions>({ logger: optional(aLogger()) }, "give an object of options"));

/** Node's request, of `node:http`, `node:https` or the compatible one of `node:http2`. */
export type NodeRequest = IncomingMessage;
/** Node's response, of the same servers. */
export type NodeResponse = ServerResponse;

/** The options of {@link toRequest}. */
export interface ToRequestOptions {
  /** The path and query that the client requested, where a framework has changed `req.url`. @default req.url */
  readonly url?: string;
  /** The body, where other code has already read it. @default what the request still streams */
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** A Web `Request` refuses these methods: https://fetch.spec.whatwg.org/#forbidden-method */
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);
/** These headers describe the bytes of the connection. They do not fit a body that other code has read and decoded. */
const WIRE_HEADERS: ReadonlySet<string> = new Set(["content-length", "content-encoding", "transfer-encoding"]);

/**
 * Makes a handler for Node's own HTTP servers, and for every framework that gives access to Node's request and
 * response.
 *
 * The body must be unread. For Express, whose parsers read it, use `toExpress()`. The handler never throws. Where
 * `fetch` rejects (ownline's does not), it answers 500 and logs the reason.
 *
 * @throws OwnlineError `invalid_options` for an unknown option, or an invalid logger.
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import type { Ownline } from "ownline";
 * import { toNodeHandler } from "ownline/http/node";
 *
 * function serve(sms: Ownline): void {
 *   createServer(toNodeHandler(sms)).listen(3000);
 * }
 * ```
 */
export function toNodeHandler(
  sms: FetchPart,
  options: NodeHandlerOptions = {},
): (req: NodeRequest, res: NodeResponse) => void {
  const given = checkedOptions(schema, options, "toNodeHandler()");
  const logger = steadyLogger(given.logger ?? consoleLogger);
  return (req, res) => {
    answer(sms, req, res).catch((error: unknown) => {
      logger.error(`a request was answered 500: ${reasonOf(error)}`);
      if (res.headersSent) res.destroy();
      else refuse(res, 500, "internal", "the request could not be handled; its reason is in the server's log");
    });
  };
}

async function answer(sms: FetchPart, req: NodeRequest, res: NodeResponse): Promise<void> {
  if (refuseForbidden(req, res)) return;
  await sendResponse(res, await sms.fetch(toRequest(req)));
}

/**
 * Turns Node's request into a Web `Request` with the same method, URL, headers and body. The body is streamed, and only
 * the part that the reader asks for is in memory. Where the reader stops early, the connection can still carry an
 * answer.
 *
 * @throws TypeError for a body that was already read and is not in `options`, because a wait for it would never end;
 * and for a request that a Web `Request` cannot carry. These errors do not quote the request.
 * @throws OwnlineError `invalid_options` for an unknown option.
 */
export function toRequest(req: NodeRequest, options: ToRequestOptions = {}): Request {
  // This runs for each request, so it uses no schema.
  refuseUnknownOptions("toRequest()", options, { url: true, body: true });
  const method = req.method ?? "GET";
  const hasBody = method !== "GET" && method !== "HEAD";
  if (hasBody && options.body === undefined && isRead(req)) {
    throw new TypeError(
      "the request's body was read before it came here, and nothing was kept of it: handle the webhook before the code that reads the body",
    );
  }
  const url = absoluteUrl(req, options.url ?? req.url ?? "/");
  try {
    const init = { method, headers: headersOf(req, options.body !== undefined) };
    if (!hasBody) return new Request(url, init);
    if (options.body !== undefined) return new Request(url, { ...init, body: options.body });
    // A Web `Request` needs `duplex` for a stream, and TypeScript's DOM types do not have it yet.
    const streamed: RequestInit & { readonly duplex: "half" } = { ...init, body: streamOf(req), duplex: "half" };
    return new Request(url, streamed);
  } catch (error) {
    // The platform's own error quotes the request, which a stranger may have written.
    throw new TypeError("the request has a URL, a method or a header that a Web Request cannot carry", {
      cause: error,
    });
  }
}

/**
 * Writes a Web `Response` to Node's. Where the client has closed the connection, the body is cancelled and nothing is
 * thrown.
 *
 * @throws the error of the response's body.
 */
export async function sendResponse(res: NodeResponse, response: Response): Promise<void> {
  // A client may close the connection at any moment. Without this listener, the resulting error would end the process.
  res.on("error", () => {});
  res.statusCode = response.status;
  if (response.statusText !== "" && res.req.httpVersionMajor < 2) res.statusMessage = response.statusText;
  for (const [name, value] of response.headers) if (name !== "set-cookie") res.setHeader(name, value);
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) res.setHeader("set-cookie", cookies);

  if (response.body === null) res.end();
  else await pour(response.body, res);
}

/**
 * Writes the body as fast as the client takes it. It cancels the body as soon as the client closes the connection, also
 * during a read.
 */
async function pour(body: ReadableStream<Uint8Array>, res: NodeResponse): Promise<void> {
  const reader = body.getReader();
  // An error of the cancel is ignored, because no caller needs the body any more. Before the cancel, `read` throws an
  // error of the body.
  const stop = (): void => void reader.cancel().catch(() => {});
  res.once("close", stop);
  try {
    if (res.destroyed || res.req.method === "HEAD") stop();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || res.destroyed) break;
      if (!res.write(value)) await writable(res);
    }
  } finally {
    res.off("close", stop);
  }
  res.end();
}

/** Answers 405 to a method that a Web `Request` cannot carry. Returns whether it has answered. */
export function refuseForbidden(req: NodeRequest, res: NodeResponse): boolean {
  if (!FORBIDDEN_METHODS.has(req.method ?? "")) return false;
  res.setHeader("allow", "POST, GET");
  refuse(res, 405, "webhook_rejected", "Webhooks arrive by POST or GET.");
  return true;
}

/** Answers with a sentence in JSON. A provider may text a plain answer to the person. */
export function refuse(res: NodeResponse, status: number, code: string, message: string): void {
  res.on("error", () => {});
  res.statusCode = status;
  res.setHeader("content-type", "application/json; charset=utf-8");
  res.end(JSON.stringify({ error: { code, message } }));
}

/** Whether other code has begun to read the body, so that its first bytes are missing. */
export function isRead(req: NodeRequest): boolean {
  return req.readableDidRead;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : "something was thrown that is not an Error";
}

function headersOf(req: NodeRequest, bodyWasRead: boolean): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(req.headers)) {
    // `Headers` does not accept the pseudo headers of HTTP/2.
    if (value === undefined || name.startsWith(":") || (bodyWasRead && WIRE_HEADERS.has(name))) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
  }
  return headers;
}

function absoluteUrl(req: NodeRequest, target: string): string {
  if (URL.canParse(target)) return withoutCredentials(target);
  const scheme = "encrypted" in req.socket && req.socket.encrypted === true ? "https" : "http";
  const host = [req.headers[":authority"], req.headers.host].find((name) => typeof name === "string" && name !== "");
  // The parts are joined. `new URL(path, base)` would take a path that begins with two slashes for a host.
  const path = target.startsWith("/") ? target : `/${target}`;
  const url = `${scheme}://${String(host)}${path}`;
  return URL.canParse(url) ? withoutCredentials(url) : `${scheme}://localhost${path}`;
}

/** Removes the user and the password. `Request` refuses a URL with them, in an error that quotes the URL. */
function withoutCredentials(url: string): string {
  if (!url.includes("@")) return url;
  const bare = new URL(url);
  if (bare.username === "" && bare.password === "") return url;
  bare.username = "";
  bare.password = "";
  return bare.href;
}

function streamOf(req: NodeRequest): ReadableStream<Uint8Array> {
  let release: (() => void) | undefined;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const onData = (chunk: Uint8Array | string): void => {
        controller.enqueue(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
        if ((controller.desiredSize ?? 0) <= 0) req.pause();
      };
      const onEnd = (): void => {
        release?.();
        controller.close();
      };
      const onGone = (): void => {
        release?.();
        controller.error(new TypeError("the client closed the connection before its request was complete"));
      };
      release = () => {
        req.off("data", onData).off("end", onEnd).off("close", onGone);
      };
      // Node emits "close" after an "error". Without a listener for "error", the error would end the process.
      req.on("error", () => {});
      req.on("data", onData).on("end", onEnd).on("close", onGone);
      req.pause();
      // Node does not emit again what it emitted before the listeners were added.
      if (req.readableEnded) onEnd();
      else if (req.destroyed) onGone();
    },
    pull() {
      req.resume();
    },
    cancel() {
      // The request is not destroyed, and Node drops the rest of its body after the answer. If the connection were
      // closed while the client still writes, the client would not receive the answer.
      release?.();
    },
  });
}

function writable(res: NodeResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.off("drain", done).off("close", done);
      resolve();
    };
    res.on("drain", done).on("close", done);
    if (res.destroyed) done();
  });
}
