import type { IncomingHttpHeaders } from "node:http";
import type { RequestHandler, Response } from "express";

/** Decides who may use the page and its API. The webhook does not need this, because it checks signatures. */
export interface Access {
  /**
   * Why the request is refused, or `null` where it may pass. Socket.IO, which runs outside Express's routes, uses it
   * too.
   */
  refusalOf(headers: IncomingHttpHeaders): Refusal | null;
  /**
   * A middleware for the page: refuses a `Host` that is not this server's. Links from other sites may lead to the page.
   */
  readonly page: RequestHandler;
  /**
   * A middleware for the API: as `page`, and it accepts only JSON requests of this server's page. Answers are not
   * cached.
   */
  readonly api: RequestHandler;
}

export interface Refusal {
  readonly status: 403 | 415;
  readonly code: string;
  readonly message: string;
}

const LOCAL_NAMES = ["localhost", "127.0.0.1", "::1"];

/**
 * The page has no login: it trusts every user of this machine. So it must not answer to another site in a browser on
 * this machine. A site can point its own name at 127.0.0.1. To the browser, this server is then the same origin as the
 * site, and only the `Host` header shows the difference. A site can also post a form to this server. Browsers show that
 * in `Sec-Fetch-Site`, older ones in `Origin`.
 *
 * @param host `HOST`, where the server listens; a visitor may use that name too
 * @see https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
 */
export function createAccess({ host }: { readonly host: string }): Access {
  const names = new Set([...LOCAL_NAMES, host.toLowerCase()]);

  const foreignHost = (headers: IncomingHttpHeaders): Refusal | null => {
    if (names.has(hostnameOf(headers.host))) return null;
    const message =
      "This server does not answer to that host name. Open the page by localhost, or set HOST to the name that visitors use.";
    return { status: 403, code: "foreign_host", message };
  };

  const refusalOf = (headers: IncomingHttpHeaders): Refusal | null => {
    const refusal = foreignHost(headers);
    if (refusal !== null || isOwnPage(headers)) return refusal;
    const message = "Another site sent this request. Only this server's own page may use its API.";
    return { status: 403, code: "cross_site", message };
  };

  return {
    refusalOf,
    page(req, res, next) {
      const refusal = foreignHost(req.headers);
      if (refusal === null) next();
      else refuse(res, refusal);
    },
    api(req, res, next) {
      res.set({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
      const refusal = refusalOf(req.headers) ?? (isReading(req.method) || isJson(req.headers) ? null : NOT_JSON);
      if (refusal === null) next();
      else refuse(res, refusal);
    },
  };
}

const NOT_JSON: Refusal = {
  status: 415,
  code: "not_json",
  message: "Send JSON, with content-type: application/json; {} where the request has no fields.",
};

/** The name of a `Host` header without its port; of an IPv6 address without its brackets. */
function hostnameOf(host: string | undefined): string {
  const [, bracketed, name] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host ?? "") ?? [];
  return (bracketed ?? name ?? "").toLowerCase();
}

/** Programs that are not browsers send neither header, and could write any value into both. */
function isOwnPage(headers: IncomingHttpHeaders): boolean {
  const site = headers["sec-fetch-site"];
  // "none" is an address that the visitor typed.
  if (site !== undefined) return site === "same-origin" || site === "none";
  const { origin, host } = headers;
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host?.toLowerCase());
}

function isReading(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

function isJson(headers: IncomingHttpHeaders): boolean {
  return /^application\/json\s*(;|$)/i.test(headers["content-type"] ?? "");
}

function refuse(res: Response, { status, code, message }: Refusal): void {
  res
    .status(status)
    .set({ "cache-control": "no-store", "x-content-type-options": "nosniff" })
    .json({ error: { code, message } });
}
