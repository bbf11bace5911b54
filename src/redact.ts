import { describeThrown, kindOfThrown } from "./thrown.ts";

/** The length in characters of a piece of a text by which a quote of the text in an error is recognised. */
const PIECE = 12;
const MOST_CHARACTERS = 600;
const MOST_FRAMES = 8;
/** The most errors in a chain of causes that are shown. */
const MOST_CAUSES = 3;
const MOST_OF_A_FIELD = 2000;
const MOST_ITEMS = 50;
const MOST_DEPTH = 6;
/** Fields whose value is always a secret. */
const SECRET = /^(?:proxy-)?authorization$|cookie|(?:key|token|secret|password)$/i;

/**
 * Describes an error for a line above `debug`: the name, message and stack of the error and of its causes, without
 * their fields. Phone numbers, e-mail addresses, keys and the given texts are removed. Never throws.
 */
export function describeSafely(thrown: unknown, texts: readonly string[]): string {
  const lines: string[] = [];
  try {
    let error: unknown = thrown;
    for (let depth = 0; depth < MOST_CAUSES && error !== undefined && error !== null; depth += 1) {
      if (!(error instanceof Error)) {
        lines.push(typeof error === "string" ? redact(error, texts) : kindOfThrown(error));
        break;
      }
      lines.push(`${kindOfThrown(error)}: ${redact(error.message, texts)}`, ...framesOf(error, texts));
      error = error.cause;
    }
  } catch {
    lines.push("something was thrown that cannot be shown");
  }
  return lines.join("\n");
}

/**
 * Describes an error completely for a line at `debug`: the stack and the fields of the error and of its causes, with
 * texts and numbers. Keys are removed, and long texts and lists are cut. Never throws.
 */
export function describeFully(thrown: unknown): string {
  const lines: string[] = [];
  let error: unknown = thrown;
  for (let depth = 0; depth < MOST_CAUSES && error !== undefined && error !== null; depth += 1) {
    lines.push(describeThrown(error), ...fieldsOf(error));
    try {
      error = error instanceof Error ? error.cause : null;
    } catch {
      break;
    }
  }
  return withoutNamedKeys(lines.join("\n"));
}

/** The own fields of an error, one line for each. */
function fieldsOf(error: unknown): string[] {
  if (typeof error !== "object" || error === null) return [];
  const lines: string[] = [];
  try {
    for (const name of Object.keys(error)) {
      if (["name", "message", "stack", "cause"].includes(name)) continue;
      lines.push(`  ${name}: ${fieldOf(error, name)}`);
    }
  } catch {
    lines.push("  its fields cannot be shown");
  }
  return lines;
}

function fieldOf(error: object, name: string): string {
  try {
    const text = JSON.stringify(shown(name, Reflect.get(error, name), MOST_DEPTH)) ?? "undefined";
    return text.length > MOST_OF_A_FIELD ? `${text.slice(0, MOST_OF_A_FIELD)}…` : text;
  } catch {
    return "(cannot be shown)";
  }
}

/** A shortened value: without keys and bytes, and with long texts and lists cut. */
function shown(name: string, value: unknown, depth: number): unknown {
  if (SECRET.test(name)) return "[key]";
  if (typeof value === "string" && value.length > MOST_OF_A_FIELD) return `${value.slice(0, MOST_OF_A_FIELD)}…`;
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Date || value instanceof URL) return String(value);
  if (depth === 0) return "[…]";
  if (Array.isArray(value)) return value.slice(0, MOST_ITEMS).map((item: unknown) => shown("", item, depth - 1));
  const entries = Object.keys(value).slice(0, MOST_ITEMS);
  const fields = entries.map((key) => [key, shown(key, Reflect.get(value, key), depth - 1)]);
  return { ...(value instanceof Error && { message: value.message }), ...Object.fromEntries(fields) };
}

/** The message of a foreign error, without numbers, e-mail addresses, keys and the given texts. */
function redact(message: string, texts: readonly string[]): string {
  const words = withoutKeys(withoutTexts(message.slice(0, 4000), texts))
    .replace(/[^\s@<>"']{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g, "[address]")
    .replace(/\+?\(?\d[\d\s().-]{5,30}\d/g, (found) =>
      /^\d{4}-\d\d-\d\d$/.test(found) || found.replace(/\D/g, "").length < 7 ? found : "[number]",
    );
  return words.length > MOST_CHARACTERS ? `${words.slice(0, MOST_CHARACTERS)}…` : words;
}

function withoutKeys(text: string): string {
  return withoutNamedKeys(text)
    .replace(/([?&][\w-]{1,60}=)[^&\s"']+/g, "$1[…]")
    .replace(/\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{24,}/g, "[key]");
}

/** Removes keys that are recognised by their name or their form. */
function withoutNamedKeys(text: string): string {
  return text
    .replace(/\b(Bearer|Basic)\s+[^\s"']+/gi, "$1 [key]")
    .replace(/\b((?:[\w-]{0,20}[-_ ])?(?:key|token|secret|password)["']?\s?[:=]\s?["']?)[^\s"',;]{6,}/gi, "$1[key]")
    .replace(/\b(?:sk|pk|rk|gsk|xai|vck)[-_][\w*-]{4,}/g, "[key]")
    .replace(/\bAIza[\w*-]{4,}/g, "[key]");
}

/** Removes each text, and each piece of a text that is long enough, in plain form and in the form that JSON has. */
function withoutTexts(message: string, texts: readonly string[]): string {
  const pieces = new Set<string>();
  let rest = message;
  for (const text of texts.flatMap((one) => [one, JSON.stringify(one).slice(1, -1)])) {
    if (text.trim() === "") continue;
    if (text.length <= PIECE) {
      const literal = text.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
      rest = rest.replace(new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, "giu"), "[text]");
    }
    for (let at = 0; at + PIECE <= text.length; at += 1) pieces.add(text.slice(at, at + PIECE).toLowerCase());
  }
  if (pieces.size === 0) return rest;
  let kept = "";
  let from = 0;
  for (let at = 0; at + PIECE <= rest.length; at += 1) {
    if (!pieces.has(rest.slice(at, at + PIECE).toLowerCase())) continue;
    if (at > from || kept === "") kept += `${rest.slice(from, Math.max(from, at))}[text]`;
    from = at + PIECE;
  }
  return kept + rest.slice(from);
}

/** The lines of a stack that name places in code. The lines before them repeat the message, and are left out. */
function framesOf({ stack = "", message }: Error, texts: readonly string[]): string[] {
  const at = stack.indexOf(message);
  const frames = at < 0 ? stack : stack.slice(at + message.length);
  return frames
    .split("\n")
    .filter((line) => /^\s+at .*(?:[:\d)]|native)$/.test(line))
    .slice(0, MOST_FRAMES)
    .map((line) => withoutTexts(line, texts).replace(/\?[^\s):]*/g, ""));
}
