import { OwnlineError, type OwnlineErrorCode } from "ownline";
import * as z from "zod";

/** A text that a person typed in the app. */
export interface TypedText {
  readonly id?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly body?: string | undefined;
}

/** A text that an operator writes. */
export interface OperatorText {
  readonly id?: string | undefined;
  readonly body?: string | undefined;
}

/** A text that the demo's phone sends back. */
export interface PhoneText {
  readonly to: string;
  readonly body: string;
}

/** The query for a page of conversations. */
export interface ListQuery {
  readonly after?: string | undefined;
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

const jsonObject = { error: "Send a JSON object, with content-type: application/json." };

const typedText = z.object({ id: word("id"), from: word("from"), to: word("to"), body: word("body") }, jsonObject);

const operatorText = z.object({ id: word("id"), body: word("body") }, jsonObject);

const phoneText = z.object(
  {
    to: z.string({ error: "Choose a number first." }),
    body: z.string().trim().min(1, { error: "Write a text first." }),
  },
  jsonObject,
);

const listQuery = z.object({ after: word("after") });

const pageQuery = z.object({
  after: position("after"),
  before: position("before"),
  limit: position("limit"),
});

/** @throws OwnlineError `invalid_message` that names every mistake */
export function typedTextOf(body: unknown): TypedText {
  return read(typedText, body, "invalid_message");
}

/** @throws OwnlineError `invalid_message` that names every mistake */
export function operatorTextOf(body: unknown): OperatorText {
  return read(operatorText, body, "invalid_message");
}

/** @throws OwnlineError `invalid_message` that names every mistake */
export function phoneTextOf(body: unknown): PhoneText {
  return read(phoneText, body, "invalid_message");
}

/** @throws OwnlineError `invalid_options` that names every mistake */
export function listQueryOf(query: unknown): ListQuery {
  return read(listQuery, query, "invalid_options");
}

/** @throws OwnlineError `invalid_options` that names every mistake */
export function pageQueryOf(query: unknown): PageQuery {
  return read(pageQuery, query, "invalid_options");
}

function read<T>(schema: z.ZodType<T>, input: unknown, code: OwnlineErrorCode): T {
  const { data, error, success } = schema.safeParse(input);
  if (success) return data;
  throw new OwnlineError(code, [...new Set(error.issues.map(({ message }) => message))].join(" "));
}
