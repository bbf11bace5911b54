import type { Context } from "hono";
import { isOwnlineError, OwnlineError, type OwnlineErrorCode } from "ownline";
import { logger } from "./service.ts";

/** A request that was not understood: what to answer, and what to do about it. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

const STATUS: Partial<Record<OwnlineErrorCode, number>> = {
  not_found: 404,
  opted_out: 409,
  erased: 409,
  invalid_state: 409,
};

/** Mistakes of the caller are named to the caller; what is ours goes into the log, and the caller hears no more. */
export function answerError(error: Error, c: Context): Response {
  const what = `${c.req.method} ${masked(c.req.path)}`;
  if (error instanceof Refusal) {
    logger.warn(`${what} was answered ${error.status}: ${error.message}`);
    return failure(error.status, error.code, error.message, error.headers);
  }
  if (isOwnlineError(error) && error.party === "caller") {
    const status = STATUS[error.code] ?? 400;
    logger.warn(`${what} was answered ${status}, the caller must change the request: ${error.code}: ${error.message}`);
    return failure(status, error.code, error.message);
  }
  if (isOwnlineError(error) && error.party === "storage") {
    logger.error(`${what} was answered 503, nothing was stored: ${error.code}: ${error.message}`);
    const words =
      "The database cannot be used right now, so nothing was stored: send the same request again in a moment.";
    return failure(503, error.code, words, { "retry-after": "5" });
  }
  logger.error(`${what} was answered 500: ${error.stack ?? error.message}`);
  return failure(500, "internal", "The Worker failed; its log says why.");
}

/** JSON in: an object, or a refusal that says what is wrong with it. */
export async function fieldsOf(c: Context): Promise<Readonly<Record<string, unknown>>> {
  if (!/^application\/json\b/i.test(c.req.header("content-type") ?? "")) {
    throw new Refusal(415, "not_json", "Send JSON, with content-type: application/json.");
  }
  let body: unknown;
  try {
    body = JSON.parse(await c.req.text());
  } catch {
    throw new Refusal(400, "broken_json", "The body is not JSON: the caller must mend it; nothing was stored.");
  }
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return { ...body };
  throw new Refusal(400, "broken_json", "The body is JSON, but no object: send the fields in { }.");
}

export function textOf(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  throw new OwnlineError("invalid_message", `${name} must be a text.`);
}

export function numberOf(value: string | undefined, name: string): number | undefined {
  if (value === undefined) return undefined;
  const number = value === "" ? Number.NaN : Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new OwnlineError("invalid_options", `${name} must be a whole number.`);
}

function failure(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ error: { code, message } }, { status, headers: { "cache-control": "no-store", ...headers } });
}

/** A path for the log: whoever mistypes one may have put a phone number into it. */
function masked(path: string): string {
  return path.slice(0, 80).replaceAll(/\d/g, "#");
}
