import * as z from "zod/mini";
import type { OwnlineErrorCode } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { isLiteral, mistakesError, unknownFields } from "./unknown-fields.ts";

/** Says what is right, and answers with it. Made by the functions below. */
export type Schema<T> = z.ZodMiniType<T>;

/** A schema for each field; a field without one does not compile. */
export type Fields<Input extends object> = { readonly [Key in keyof Required<Input>]: Schema<Input[Key] | undefined> };

/** How an error speaks of what was handed over. */
export interface Handed {
  /** What happened, without a full stop: `ownline cannot start`. */
  readonly refusal: string;
  /** What all paths begin with: `options`. Empty where the fields stand for themselves. */
  readonly name: string;
  /** What a field is: `an option`, `a field`. */
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
 * What was handed over, each property read once. Values that `methods()` and `aFunction()` accept are the very same
 * ones; objects and lists around them are new.
 *
 * @throws OwnlineError that names every mistake with its path and the remedy, and quotes no value. Its code is that of
 * the first mistake
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
 * The options of a part of ownline, as {@link checked} reads them.
 *
 * @param call How the error speaks of the part: `loopGuard()`
 * @throws OwnlineError `invalid_options` that names every mistake with its path and the remedy
 */
export function checkedOptions<T>(schema: () => Schema<T>, options: unknown, call: string): T {
  return checked(schema, options, { refusal: `${call} cannot start`, name: "options", kind: "an option" });
}

/** One mistake for each path. Unknown fields come last: a misspelt one leaves the right one empty. */
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

/** Where one of several forms is right, the form was meant whose mistakes all lie inside. */
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

/** Makes the schema when it is first asked for: making all of them would double what an import takes. */
export function lazily<T>(make: () => Schema<T>): () => Schema<T> {
  let made: Schema<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** What fields must not say together. */
export interface Contradiction<Input extends object> {
  /** The fields that it is about. It is not judged where one of them is wrong by itself. */
  readonly between: readonly [keyof Input & string, ...(keyof Input & string)[]];
  /** Where the error stands. @default the first of the fields */
  readonly at?: readonly string[];
  /** Whether they contradict each other, by the defaults where a field is left out. */
  readonly holds: (given: Input) => boolean;
  readonly remedy: string;
}

/**
 * An object with these fields and no others; inherited ones may stand beside them. Contradictions are reported beside
 * all other mistakes.
 */
export function object<Input extends object>(
  fields: Fields<Input>,
  remedy: string,
  ...contradictions: readonly Contradiction<Input>[]
): Schema<Input> {
  const known = Object.keys(fields);
  const inside = z.object(fields, remedy);
  // zod's own strictObject() refuses inherited fields as well.
  const read = z.transform((value: unknown, { issues }): unknown => {
    if (!isObject(value) || Array.isArray(value)) return readBy(inside, value, issues);
    // A getter may answer differently the next time.
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

/** What the schema makes of a value; its issues join the others. */
function readBy<T>(schema: Schema<T>, value: unknown, issues: z.core.$ZodRawIssue[]): T | undefined {
  const { data, error } = z.safeParse(schema, value);
  issues.push(...(error?.issues.map((issue) => ({ ...issue, input: undefined })) ?? []));
  return data;
}

function isObject<T extends object = object>(value: unknown): value is T {
  return typeof value === "object" && value !== null;
}

/**
 * An object with these fields, as it is: its methods are called on it. A literal has no others; an instance of a class
 * may have fields of its own.
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

/** May be left out, or be `undefined`. */
export function optional<T>(schema: Schema<T>): Schema<T | undefined> {
  return z.optional(schema);
}

/** A list whose every item is right. `faultOf` says what the right ones must not be together. */
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

/** One of several forms. */
export function either<const Forms extends readonly [Schema<unknown>, Schema<unknown>, ...Schema<unknown>[]]>(
  forms: Forms,
  remedy: string,
): Schema<z.output<Forms[number]>> {
  return z.union(forms, remedy);
}

/** What the schema takes, unless a fault is found: what is wrong, with its remedy, to stand behind the path. */
export function faultless<T>(schema: Schema<T>, faultOf: (value: T) => string | undefined): Schema<T> {
  return schema.check(({ value, issues }) => {
    const message = faultOf(value);
    if (message !== undefined) issues.push({ code: "custom", message, input: undefined });
  });
}

/**
 * What satisfies the test, as it is. All texts and numbers are read so: zod's own would add 2 kB of formats and checks.
 */
export function thatIs<T>(test: (value: unknown) => boolean, remedy: string): Schema<T> {
  return z.custom<T>(test, remedy);
}

/** An object with these methods, a class's among them, as it is. */
export function methods<T>(names: readonly string[], remedy: string): Schema<T> {
  return thatIs(
    (value) => isObject(value) && names.every((name) => typeof Reflect.get(value, name) === "function"),
    remedy,
  );
}

/** A logger, as it is. */
export function logger(): Schema<Logger> {
  return methods<Logger>(
    ["debug", "info", "warn", "error"],
    "give an object with debug, info, warn and error, such as console",
  );
}

export function aFunction<T>(remedy: string): Schema<T> {
  return thatIs((value) => typeof value === "function", remedy);
}

/** Anything, as it is: for what another package checks. */
export function anything<T>(): Schema<T> {
  return z.custom<T>();
}

/** A text, the empty one too. */
export function anyText(remedy: string): Schema<string> {
  return textThat(() => true, remedy);
}

/** A text in which something is said. */
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

/** A length of time in milliseconds, at least so long. */
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
