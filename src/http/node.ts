import type { IncomingMessage, ServerResponse } from "node:http";
import { logger as aLogger, checkedOptions, lazily, object, optional } from "../check.ts";
import { consoleLogger, type Logger, steadyLogger } from "../logger.ts";
import { refuseUnknownOptions } from "../unknown-fields.ts";

/** The one part of ownline that an adapter needs: `sms.fetch`, or any function from `Request` to `Response`. */
export interface FetchPart {
  readonly fetch: (request: Request) => Promise<Response>;
}

export interface NodeHandlerOptions {
  /** Hears why a request could not be handed over. @default warnings and errors to the console */
  readonly logger?: Logger;
}

const schema = lazily(() => object<NodeHandlerOptions>({ logger: optional(aLogger()) }, "give an object of options"));

/** Node's request, of `node:http`, `node:https` or the compatible one of `node:http2`. */
export type NodeRequest = IncomingMessage;
/** Node's response, of the same servers. */
export type NodeResponse = ServerResponse;

/** What {@link toRequest} takes beside the request. */
export interface ToRequestOptions {
  /** The path and query that the client asked for, where a framework has changed `req.url`. @default req.url */
  readonly url?: string;
  /** The body, where it has been read already. @default what the request still streams */
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** `fetch` refuses to name these, https://fetch.spec.whatwg.org/#forbidden-method */
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);
/** They describe the bytes on the wire, which are no longer the body where it was read before. */
const WIRE_HEADERS: ReadonlySet<string> = new Set(["content-length", "content-encoding", "transfer-encoding"]);

/**
 * Makes a handler for Node's own HTTP servers, for every framework that shows Node's request and response.
 *
 * The body must not have been read yet; for Express, whose parsers do that, there is `toExpress()`. It never throws:
 * where `fetch` rejects, which ownline's does not, the answer is a 500 and the reason is logged.
 *
 * @throws OwnlineError `invalid_options` for an option that is not known, or a logger that is not one.
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
 * Turns Node's request into a Web `Request` with the same method, URL, headers and body. The body is streamed: only
 * what the reader asks for is held, and a reader that stops early leaves the connection fit for an answer.
 *
 * @throws TypeError for a body that was read already and that is not in `options`: waiting for it would never end; and
 * for a request that a Web `Request` cannot carry. Neither quotes the request.
 * @throws OwnlineError `invalid_options` for an option that is not known.
 */
export function toRequest(req: NodeRequest, options: ToRequestOptions = {}): Request {
  // Once for each request, so without a schema.
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
    // `duplex` is demanded for streams, and TypeScript's DOM types do not know it yet.
    const streamed: RequestInit & { readonly duplex: "half" } = { ...init, body: streamOf(req), duplex: "half" };
    return new Request(url, streamed);
  } catch (error) {
    // The platform's own error quotes the request, which a stranger wrote.
    throw new TypeError("the request has a URL, a method or a header that a Web Request cannot carry", {
      cause: error,
    });
  }
}

/**
 * Writes a Web `Response` to Node's. Where the client has gone, the body is cancelled and nothing is thrown.
 *
 * @throws the error of the response's body.
 */
export async function sendResponse(res: NodeResponse, response: Response): Promise<void> {
  // A client may hang up at any moment; without a listener that would end the process.
  res.on("error", () => {});
  res.statusCode = response.status;
  if (response.statusText !== "" && res.req.httpVersionMajor < 2) res.statusMessage = response.statusText;
  for (const [name, value] of response.headers) if (name !== "set-cookie") res.setHeader(name, value);
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) res.setHeader("set-cookie", cookies);

  if (response.body === null) res.end();
  else await pour(response.body, res);
}

/** Writes as fast as the client takes it. The reading ends as soon as the client has gone, also where it waits. */
async function pour(body: ReadableStream<Uint8Array>, res: NodeResponse): Promise<void> {
  const reader = body.getReader();
  // No caller is left for an error of a cancelled body; an error of a living one is thrown by `read`.
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

/** Answers a method that a Web `Request` cannot carry. Returns whether it did. */
export function refuseForbidden(req: NodeRequest, res: NodeResponse): boolean {
  if (!FORBIDDEN_METHODS.has(req.method ?? "")) return false;
  res.setHeader("allow", "POST, GET");
  refuse(res, 405, "webhook_rejected", "Webhooks arrive by POST or GET.");
  return true;
}

/** Answers with a sentence of our own; JSON, since a provider may text a plain one to the person. */
export function refuse(res: NodeResponse, status: number, code: string, message: string): void {
  res.on("error", () => {});
  res.statusCode = status;
  res.setHeader("content-type", "application/json; charset=utf-8");
  res.end(JSON.stringify({ error: { code, message } }));
}

/** Whether another reader has begun to read the body, so that its start is gone. */
export function isRead(req: NodeRequest): boolean {
  return req.readableDidRead;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : "something was thrown that is not an Error";
}

function headersOf(req: NodeRequest, bodyWasRead: boolean): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(req.headers)) {
    // The pseudo headers of HTTP/2 are no headers to `fetch`.
    if (value === undefined || name.startsWith(":") || (bodyWasRead && WIRE_HEADERS.has(name))) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
  }
  return headers;
}

function absoluteUrl(req: NodeRequest, target: string): string {
  if (URL.canParse(target)) return withoutCredentials(target);
  const scheme = "encrypted" in req.socket && req.socket.encrypted === true ? "https" : "http";
  const host = [req.headers[":authority"], req.headers.host].find((name) => typeof name === "string" && name !== "");
  // Joined, not resolved: a path that begins with two slashes would become a host.
  const path = target.startsWith("/") ? target : `/${target}`;
  const url = `${scheme}://${String(host)}${path}`;
  return URL.canParse(url) ? withoutCredentials(url) : `${scheme}://localhost${path}`;
}

/** `Request` refuses a URL with a user and a password, in an error that quotes it. */
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
        controller.error(new TypeError("the client went away before its request was complete"));
      };
      release = () => {
        req.off("data", onData).off("end", onEnd).off("close", onGone);
      };
      // An error is followed by "close"; without a listener of its own it would end the process.
      req.on("error", () => {});
      req.on("data", onData).on("end", onEnd).on("close", onGone);
      req.pause();
      // What has happened before is not reported again.
      if (req.readableEnded) onEnd();
      else if (req.destroyed) onGone();
    },
    pull() {
      req.resume();
    },
    cancel() {
      // The request is left alive, and Node drops the rest of it after the answer: a client that was hung up on while
      // it is still writing would not hear the answer.
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
