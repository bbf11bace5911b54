import { logger as aLogger, checkedOptions, lazily, object, optional } from "../check.ts";
import { consoleLogger, type Logger, steadyLogger } from "../logger.ts";
import {
  type FetchPart,
  isRead,
  type NodeRequest,
  type NodeResponse,
  refuse,
  refuseForbidden,
  sendResponse,
  toRequest,
} from "./node.ts";

/**
 * The fields that ownline reads of a request of Express 4 or 5: Node's own, and those that Express and body parsers
 * add.
 */
export type ExpressRequest = NodeRequest & {
  readonly originalUrl?: string;
  readonly body?: unknown;
  /** The bytes that `express.json({ verify })` may keep, and that some hosts always do. */
  readonly rawBody?: unknown;
};

/** A handler as `app.use`, `app.all` and `app.post` take it. */
export type ExpressHandler = (req: ExpressRequest, res: NodeResponse, next: (error?: unknown) => void) => void;

export interface ExpressOptions {
  /**
   * Gets an error line, with the remedy, where a body parser has made a body unreadable.
   * @default warnings and errors to the console
   */
  readonly logger?: Logger;
}

const schema = lazily(() => object<ExpressOptions>({ logger: optional(aLogger()) }, "give an object of options"));

type Body =
  | { readonly kind: "unread" }
  | { readonly kind: "read"; readonly body: string | Uint8Array<ArrayBuffer> }
  | { readonly kind: "lost"; readonly remedy: string };

/**
 * Mounts the webhook in Express 4 or 5: at any path, before or after `express.urlencoded()` and `express.json()`, or
 * with neither. The handler uses the URL that the client requested, also behind routers.
 *
 * A parsed form is encoded again, and no parameter changes. A body that cannot be restored is answered 500, with the
 * remedy in the log. That concerns nested objects and lists that `urlencoded({ extended: true })` made of brackets in
 * names, JSON whose bytes were not kept, and a body that was read and dropped. Where `fetch` rejects (ownline's does
 * not), the error goes to `next`.
 *
 * @throws OwnlineError `invalid_options` for an unknown option, or an invalid logger.
 * @see https://expressjs.com/en/5x/api.html#express.urlencoded
 * @example
 * ```ts
 * import express from "express";
 * import type { Ownline } from "ownline";
 * import { toExpress } from "ownline/http/express";
 *
 * function serve(sms: Ownline): void {
 *   const app = express();
 *   app.use("/api/webhooks/sms", toExpress(sms));
 *   app.listen(3000);
 * }
 * ```
 */
export function toExpress(sms: FetchPart, options: ExpressOptions = {}): ExpressHandler {
  const given = checkedOptions(schema, options, "toExpress()");
  const logger = steadyLogger(given.logger ?? consoleLogger);
  return (req, res, next) => {
    if (refuseForbidden(req, res)) return;
    const found = bodyOf(req);
    if (found.kind === "lost") {
      logger.error(`a webhook was answered 500, because its body cannot be verified any more: ${found.remedy}`);
      refuse(res, 500, "internal", "a body parser before the webhook left nothing to verify; see the server's log");
      return;
    }
    const url = req.originalUrl ?? req.url ?? "/";
    const respond = async (): Promise<void> => {
      const request = toRequest(req, found.kind === "read" ? { url, body: found.body } : { url });
      await sendResponse(res, await sms.fetch(request));
    };
    respond().catch(next);
  };
}

function bodyOf(req: ExpressRequest): Body {
  // This check comes first: Express 4's parsers set `body` to an empty object on requests that they did not read.
  if (!isRead(req)) return { kind: "unread" };
  const { body } = req;
  const kept = bytesOf(req.rawBody) ?? bytesOf(body);
  if (kept !== null) return { kind: "read", body: kept };
  if (typeof body !== "object" || body === null) {
    return lost(
      "a middleware before the webhook reads the body and keeps nothing of it; mount the webhook before that middleware",
    );
  }
  const type = (req.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type !== "application/x-www-form-urlencoded") {
    return lost(
      "a signature covers the bytes of a JSON body, and its parser dropped them; mount the webhook before express.json(), or keep them: express.json({ verify: (req, res, bytes) => { req.rawBody = bytes; } })",
    );
  }
  const form = formOf(body);
  return form === null
    ? lost(
        "a parser made objects or lists of brackets in the names of parameters; mount the webhook before express.urlencoded(), or use express.urlencoded({ extended: false })",
      )
    : { kind: "read", body: form };
}

function lost(remedy: string): Body {
  return { kind: "lost", remedy };
}

function bytesOf(value: unknown): string | Uint8Array<ArrayBuffer> | null {
  if (typeof value === "string") return value;
  // A copy, because a Buffer's memory may be shared.
  return value instanceof Uint8Array ? new Uint8Array(value) : null;
}

/** Encodes the parsed parameters as a form again; `null` where a parser has changed their names. */
function formOf(body: object): string | null {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(body)) {
    if (typeof value === "string") {
      form.append(name, value);
      continue;
    }
    // A parameter that came once is a string. A parser makes a list with one value only of `name[]` or `name[0]`.
    if (!Array.isArray(value) || value.length < 2) return null;
    for (const one of value) {
      if (typeof one !== "string") return null;
      form.append(name, one);
    }
  }
  return form.toString();
}
