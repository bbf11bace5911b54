import type { Context } from "hono";
import { isOwnlineError, OwnlineError, type OwnlineErrorCode } from "ownline";
import * as z from "zod";
import { logger } from "./service.ts";

/** A request that is refused: the status and the message of the answer. */
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

/**
 * A caller's mistake is named in the answer. An error of the Worker goes to the log, and the caller gets no details.
 */
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

/** A text that a person typed in the app. */
export interface TypedText {
  readonly id?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly body?: string | undefined;
}

/** A text to send. */
export interface TextToSend {
  readonly key?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly body?: string | undefined;
}

/** The query for a page of conversations. */
export interface ListQuery {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

/** The query for the texts of a conversation. */
export interface PageQuery {
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  readonly limit?: number | undefined;
}

/** An optional text. `null` and the empty text count as left out. */
const word = (name: string) =>
  z
    .string({ error: `${name} must be a text.` })
    .nullish()
    .transform((value) => value || undefined);

/** An optional whole number in a query. */
const position = (name: string) => {
  const error = `${name} must be a whole number.`;
  return z.string({ error }).regex(/^\d+$/, { error }).transform(Number).pipe(z.int({ error })).optional();
};

const typedText = z.object({ id: word("id"), from: word("from"), to: word("to"), body: word("body") });
const textToSend = z.object({ key: word("key"), from: word("from"), to: word("to"), body: word("body") });
const listQuery = z.object({ after: word("after"), limit: position("limit") });
const pageQuery = z.object({ after: position("after"), before: position("before"), limit: position("limit") });

/** @throws Refusal for a body that is not JSON; OwnlineError `invalid_message` that names every mistake */
export async function typedTextOf(c: Context): Promise<TypedText> {
  return read(typedText, await jsonOf(c), "invalid_message");
}

/** @throws Refusal for a body that is not JSON; OwnlineError `invalid_message` that names every mistake */
export async function textToSendOf(c: Context): Promise<TextToSend> {
  return read(textToSend, await jsonOf(c), "invalid_message");
}

/** @throws OwnlineError `invalid_options` that names every mistake */
export function listQueryOf(c: Context): ListQuery {
  return read(listQuery, c.req.query(), "invalid_options");
}

/** @throws OwnlineError `invalid_options` that names every mistake */
export function pageQueryOf(c: Context): PageQuery {
  return read(pageQuery, c.req.query(), "invalid_options");
}

function read<T>(schema: z.ZodType<T>, input: unknown, code: OwnlineErrorCode): T {
  const { data, error, success } = schema.safeParse(input);
  if (success) return data;
  throw new OwnlineError(code, [...new Set(error.issues.map(({ message }) => message))].join(" "));
}

async function jsonOf(c: Context): Promise<unknown> {
  if (!/^application\/json\b/i.test(c.req.header("content-type") ?? "")) {
    throw new Refusal(415, "not_json", "Send JSON, with content-type: application/json.");
  }
  let body: unknown;
  try {
    body = JSON.parse(await c.req.text());
  } catch {
    throw new Refusal(400, "broken_json", "The body is not JSON: the caller must correct it; nothing was stored.");
  }
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body;
  throw new Refusal(400, "broken_json", "The body is JSON, but not an object: send the fields in { }.");
}

function failure(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ error: { code, message } }, { status, headers: { "cache-control": "no-store", ...headers } });
}

/** A path for the log. A caller who mistypes a path may have put a phone number into it. */
function masked(path: string): string {
  return path.slice(0, 80).replaceAll(/\d/g, "#");
}
