/** Throws an error with the sentence `what` unless the condition holds. */
export function ok(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Returns the value; throws if it is `null` or `undefined`. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`${what}: expected something, got ${value}`);
  return value;
}

/** Throws unless two pieces of plain data are equal. The error names the place where they differ. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const place = difference(actual, expected, "");
  if (place === null) return;
  const { path, left, right } = place;
  throw new Error(`${what}${path === "" ? "" : ` (${path.slice(1)})`}: expected ${print(right)}, got ${print(left)}`);
}

interface Difference {
  readonly path: string;
  readonly left: unknown;
  readonly right: unknown;
}

function difference(left: unknown, right: unknown, path: string): Difference | null {
  if (Object.is(left, right)) return null;
  const isPair = isObject(left) && isObject(right) && Array.isArray(left) === Array.isArray(right);
  if (!isPair) return { path, left, right };
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const found = difference(left[key], right[key], `${path}.${key}`);
    if (found !== null) return found;
    if (key in left !== key in right) return { path: `${path}.${key}`, left: key in left, right: key in right };
  }
  return null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function print(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text;
}
