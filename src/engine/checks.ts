/** One mistake in the options: where it is, and the line that says what to do about it. */
export interface Mistake {
  /** For example `options.senders[0].address`. */
  readonly path: string;
  readonly line: string;
}

/** Finds the mistakes in what stands at a path; none when it is right. */
export type Check = (value: unknown, path: string) => readonly Mistake[];

/** One check for each key of `Options`; a key that has none does not compile. */
type Checks<Options extends object> = { readonly [Key in keyof Required<Options>]: Check };

/** What satisfies the test; anything else is one mistake with the remedy. */
export function thatIs(test: (value: unknown) => boolean, remedy: string): Check {
  return (value, path) => (test(value) ? [] : mistake(path, remedy));
}

/** May be left out, or be `undefined`. */
export function optional(check: Check): Check {
  return (value, path) => (value === undefined ? [] : check(value, path));
}

/** An object with these keys and no others: a key that is not known is most often a misspelt one. */
export function objectOf<Options extends object>(checks: Checks<Options>, remedy: string): Check {
  const known = Object.entries<Check>(checks);
  return (value, path) => {
    if (!isRecord(value)) return mistake(path, remedy);
    const wrong = known.flatMap(([key, check]) => check(Reflect.get(value, key), `${path}.${key}`));
    return [...wrong, ...unknownKeys(value, Object.keys(checks), path)];
  };
}

/** Keys that nobody asked for. */
export function unknownKeys(value: object, known: readonly string[], path: string): readonly Mistake[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => `${path}.${key}`)
    .map((at) => ({ path: at, line: `${at} is not an option: check its spelling, or leave it out` }));
}

/** A list whose every item is right. */
export function listOf(item: Check, remedy: string): Check {
  return (value, path) =>
    Array.isArray(value) ? value.flatMap((each, index) => item(each, `${path}[${index}]`)) : mistake(path, remedy);
}

/** A length of time, at least so long. */
export function milliseconds(least: number): Check {
  return optional(
    thatIs(
      (value) => Number.isFinite(value) && Number(value) >= least,
      `give a number of milliseconds, ${least} or more`,
    ),
  );
}

/** A whole number, 1 or more. */
export function count(remedy: string): Check {
  return optional(thatIs((value) => Number.isSafeInteger(value) && Number(value) >= 1, remedy));
}

/** One of a few words. */
export function oneOf(...words: readonly string[]): Check {
  const quoted = words.map((word) => `"${word}"`).join(", ");
  return optional(thatIs((value) => words.some((word) => word === value), `give one of ${quoted}`));
}

/** Whether the value is an object with these methods, a class's among them. */
export function hasMethods(...names: readonly string[]): (value: unknown) => boolean {
  return (value) => isRecord(value) && names.every((name) => isFunction(Reflect.get(value, name)));
}

export function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

export function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isSomeText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** How many a second, if it was said at all. */
export function isRate(value: unknown): boolean {
  return value === undefined || (Number.isFinite(value) && Number(value) > 0);
}

/** A text in which something is said. */
export function isSaid(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "";
}

export function mistake(path: string, remedy: string): readonly Mistake[] {
  return [{ path, line: `${path}: ${remedy}` }];
}
