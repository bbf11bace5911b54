import * as z from "zod/mini";
import type { OwnlineErrorCode } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { isLiteral, mistakesError, unknownFields } from "./unknown-fields.ts";

/** Checks a value, and returns the checked value. The functions below make schemas. */
export type Schema<T> = z.ZodMiniType<T>;

/** A schema for each field; a field without one does not compile. */
export type Fields<Input extends object> = { readonly [Key in keyof Required<Input>]: Schema<Input[Key] | undefined> };

/** The words of an error about a value that was passed in. */
export interface Handed {
  /** The sentence that says what failed, without a full stop: `ownline cannot start`. */
  readonly refusal: string;
  /** The beginning of all paths: `options`. Empty where paths begin with the field itself. */
  readonly name: string;
  /** The word for a field: `an option`, `a field`. */
  readonly kind: string;
  /** The code of a mistake in a field of the outermost object. @default always `invalid_options` */
  readonly codeOf?: (field: string) => OwnlineErrorCode;
}

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];
interface Mistake {
  readonly path: string;
  readonly line: string;
  readonly code: OwnlineErrorCode;
}

/**
 * Checks a value that was passed in, and reads each property once. Values that `methods()` and `aFunction()` accept are
 * not copied; objects and lists around them are new.
 *
 * @throws OwnlineError that names every mistake with its path and the remedy, and quotes no value. Its code is the code
 * of the first mistake
 */
export function checked<T>(schema: () => Schema<T>, value: unknown, handed: Handed): T {
  const result = z.safeParse(schema(), value);
  if (result.success) return result.data;
  const mistakes = mistakesOf(result.error.issues, handed);
  throw mistakesError(
    handed.refusal,
    mistakes.map(({ line }) => line),
    mistakes[0]?.code,
  );
}

/**
 * Checks the options of a part of ownline with {@link checked}.
 *
 * @param call The name of the part in the error: `loopGuard()`
 * @throws OwnlineError `invalid_options` that names every mistake with its path and the remedy
 */
export function checkedOptions<T>(schema: () => Schema<T>, options: unknown, call: string): T {
  return checked(schema, options, { refusal: `${call} cannot start`, name: "options", kind: "an option" });
}

/** One mistake for each path. Unknown fields come last: where a name is misspelt, the right field is missing too. */
function mistakesOf(issues: readonly Issue[], handed: Handed): readonly Mistake[] {
  const mistakes = new Map<string, Mistake>();
  const flat = issues.flatMap((issue) => meantBy(issue, []));
  for (const isUnknown of [false, true]) {
    for (const { issue, path } of flat) {
      if ((issue.code === "unrecognized_keys") !== isUnknown) continue;
      const mistake = describe(issue, path, handed);
      if (!mistakes.has(mistake.path)) mistakes.set(mistake.path, mistake);
    }
  }
  return [...mistakes.values()];
}

/** Where a value may have one of several forms, the caller meant the form whose mistakes are all inside the value. */
function meantBy(issue: Issue, before: Path): readonly { readonly issue: Issue; readonly path: Path }[] {
  const path = [...before, ...issue.path];
  if (issue.code !== "invalid_union") return [{ issue, path }];
  const meant = issue.errors.find((form) =>
    form.every((inner) => inner.path.length > 0 || inner.code === "unrecognized_keys"),
  );
  return meant?.flatMap((inner) => meantBy(inner, path)) ?? [{ issue, path }];
}

function describe(issue: Issue, path: Path, { name, kind, codeOf }: Handed): Mistake {
  const isUnknown = issue.code === "unrecognized_keys";
  const at = [...path, ...(isUnknown ? issue.keys : [])].reduce<string>(
    (text, step) => (typeof step === "number" ? `${text}[${step}]` : text + (text && ".") + String(step)),
    name,
  );
  if (isUnknown) return { path: at, line: `${at} is not ${kind}: ${issue.message}`, code: "invalid_options" };
  const isSentence = at === "" || (issue.code === "custom" && issue.params?.isSentence === true);
  return {
    path: at,
    line: isSentence ? issue.message : `${at}: ${issue.message}`,
    code: codeOf?.(String(path[0] ?? "")) ?? "invalid_options",
  };
}

/** Makes the schema at its first use. Making all schemas at import would double the time of an import. */
export function lazily<T>(make: () => Schema<T>): () => Schema<T> {
  let made: Schema<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** A combination of field values that is not allowed. */
export interface Contradiction<Input extends object> {
  /** The fields of the combination. It is not checked where one of them has a mistake of its own. */
  readonly between: readonly [keyof Input & string, ...(keyof Input & string)[]];
  /** The path of the error. @default the first of the fields */
  readonly at?: readonly string[];
  /** Whether the fields contradict each other. A field that is left out has its default. */
  readonly holds: (given: Input) => boolean;
  readonly remedy: string;
}

/**
 * An object with only these fields; inherited fields are allowed too. Contradictions are reported together with all
 * other mistakes.
 */
export function object<Input extends object>(
  fields: Fields<Input>,
  remedy: string,
  ...contradictions: readonly Contradiction<Input>[]
): Schema<Input> {
  const known = Object.keys(fields);
  const inside = z.object(fields, remedy);
  // zod's own strictObject() is not used here, because it also refuses inherited fields.
  const read = z.transform((value: unknown, { issues }): unknown => {
    if (!isObject(value) || Array.isArray(value)) return readBy(inside, value, issues);
    // Each field is read once, because a getter may return another value at the next read.
    const given = Object.fromEntries(
      known.flatMap((name) => (name in value ? [[name, Reflect.get(value, name)]] : [])),
    );
    const data = readBy(inside, given, issues);
    const wrong = new Set(issues.map(({ path }) => path?.[0]));
    for (const { name, remedy: message } of unknownFields(value, known)) {
      issues.push({ code: "unrecognized_keys", keys: [name], message, input: {} });
    }
    for (const { between, at = between.slice(0, 1), holds, remedy: message } of contradictions) {
      if (between.some((name) => wrong.has(name)) || !isObject<Input>(given) || !holds(given)) continue;
      issues.push({ code: "custom", path: [...at], message, input: undefined });
    }
    return data;
  });
  return z.pipe(read, z.custom<Input, unknown>());
}

/** Reads a value with a schema, and adds the issues to the list. */
function readBy<T>(schema: Schema<T>, value: unknown, issues: z.core.$ZodRawIssue[]): T | undefined {
  const { data, error } = z.safeParse(schema, value);
  issues.push(...(error?.issues.map((issue) => ({ ...issue, input: undefined })) ?? []));
  return data;
}

function isObject<T extends object = object>(value: unknown): value is T {
  return typeof value === "object" && value !== null;
}

/**
 * An object with these fields, not copied, because its methods are called on it. A literal must have no other fields.
 * An instance of a class may have other fields.
 */
export function asItIs<Input extends object>(fields: Fields<Input>, remedy: string): Schema<Input> {
  const ofLiteral: Schema<unknown> = object(fields, remedy);
  const ofClass: Schema<unknown> = z.object(fields, remedy);
  const judged = z.transform((value: unknown, { issues }) => {
    readBy(isObject(value) && !isLiteral(value) ? ofClass : ofLiteral, value, issues);
    return value;
  });
  return z.pipe(judged, z.custom<Input, unknown>());
}

/** A value that may be left out, or be `undefined`. */
export function optional<T>(schema: Schema<T>): Schema<T | undefined> {
  return z.optional(schema);
}

/** A list of valid items. `faultOf` returns a fault of the valid items together. */
export function listOf<T>(
  item: Schema<T>,
  remedy: string,
  faultOf: (right: readonly T[]) => string | undefined = () => undefined,
): Schema<T[]> {
  const list = z.array(item, remedy);
  const read = z.transform((value: unknown, { issues }): unknown => {
    const data = readBy(list, value, issues);
    if (!Array.isArray(value)) return data;
    const wrong = new Set(issues.map(({ path }) => path?.[0]));
    const message = faultOf(value.filter((_, index) => !wrong.has(index)));
    if (message !== undefined) issues.push({ code: "custom", message, input: undefined });
    return data;
  });
  return z.pipe(read, z.custom<T[], unknown>());
}

/** A value that has one of several forms. */
export function either<const Forms extends readonly [Schema<unknown>, Schema<unknown>, ...Schema<unknown>[]]>(
  forms: Forms,
  remedy: string,
): Schema<z.output<Forms[number]>> {
  return z.union(forms, remedy);
}

/**
 * A value that the schema accepts and that has no fault. `faultOf` returns the fault with its remedy, which the error
 * shows after the path.
 */
export function faultless<T>(schema: Schema<T>, faultOf: (value: T) => string | undefined): Schema<T> {
  return schema.check(({ value, issues }) => {
    const message = faultOf(value);
    if (message !== undefined) issues.push({ code: "custom", message, input: undefined });
  });
}

/**
 * A value that satisfies the test, not copied. All texts and numbers are read this way: zod's own schemas would add 2
 * kB of formats and checks.
 */
export function thatIs<T>(test: (value: unknown) => boolean, remedy: string): Schema<T> {
  return z.custom<T>(test, remedy);
}

/** An object with these methods, also those of its class. It is not copied. */
export function methods<T>(names: readonly string[], remedy: string): Schema<T> {
  return thatIs(
    (value) => isObject(value) && names.every((name) => typeof Reflect.get(value, name) === "function"),
    remedy,
  );
}

/** A logger, not copied. */
export function logger(): Schema<Logger> {
  return methods<Logger>(
    ["debug", "info", "warn", "error"],
    "give an object with debug, info, warn and error, such as console",
  );
}

export function aFunction<T>(remedy: string): Schema<T> {
  return thatIs((value) => typeof value === "function", remedy);
}

/** Any value, for a field that another package checks. */
export function anything<T>(): Schema<T> {
  return z.custom<T>();
}

/** A text, which may be empty. */
export function anyText(remedy: string): Schema<string> {
  return textThat(() => true, remedy);
}

/** A text that is not blank. */
export function saidText(remedy: string): Schema<string> {
  return textThat((given) => given.trim() !== "", remedy);
}

/** A text that is not empty. */
export function someText(remedy: string): Schema<string> {
  return textThat((given) => given !== "", remedy);
}

/** A text that satisfies the test. */
export function textThat(test: (given: string) => boolean, remedy: string): Schema<string> {
  return thatIs((value) => typeof value === "string" && test(value), remedy);
}

export function trueOrFalse(): Schema<boolean> {
  return thatIs((value) => typeof value === "boolean", "give true or false");
}

/** A duration in milliseconds, at least `least`. */
export function milliseconds(least: number): Schema<number> {
  return numberThat((given) => given >= least, `give a number of milliseconds, ${least} or more`);
}

/** A finite number that satisfies the test. */
export function numberThat(test: (given: number) => boolean, remedy: string): Schema<number> {
  return thatIs((value) => typeof value === "number" && Number.isFinite(value) && test(value), remedy);
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number, remedy: string): Schema<number> {
  return numberThat((given) => Number.isSafeInteger(given) && given >= least && given <= most, remedy);
}

/** A whole number, 1 or more. */
export function count(remedy: string): Schema<number> {
  return whole(1, Number.MAX_SAFE_INTEGER, remedy);
}

/** One of a few words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Schema<Word> {
  const remedy = `give one of ${words.map((word) => `"${word}"`).join(", ")}`;
  return thatIs((value) => words.some((word) => word === value), remedy);
}
