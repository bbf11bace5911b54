import { kindOfThrown } from "./thrown.ts";

/** A piece of a text with this many characters is recognised where an error quotes it. */
const PIECE = 12;
const MOST_CHARACTERS = 600;
const MOST_FRAMES = 8;

/**
 * Why something failed, for a line above `debug`: the name, message and stack of what was thrown, and of its causes,
 * without its fields. Phone numbers, e-mail addresses, keys and the given texts are removed. Never throws.
 */
export function describeSafely(thrown: unknown, texts: readonly string[]): string {
  const lines: string[] = [];
  try {
    let error: unknown = thrown;
    for (let depth = 0; depth < 3 && error !== undefined && error !== null; depth += 1) {
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
  return text
    .replace(/\b(Bearer|Basic)\s+[^\s"']+/gi, "$1 [key]")
    .replace(/\b((?:[\w-]{0,20}[-_ ])?(?:key|token|secret|password)["']?\s?[:=]\s?["']?)[^\s"',;]{6,}/gi, "$1[key]")
    .replace(/\b(?:sk|pk|rk|gsk|xai|vck)[-_][\w*-]{4,}/g, "[key]")
    .replace(/\bAIza[\w*-]{4,}/g, "[key]")
    .replace(/([?&][\w-]{1,60}=)[^&\s"']+/g, "$1[…]")
    .replace(/\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{24,}/g, "[key]");
}

/** Removes each text, and each long enough piece of one; as they are, and as they stand in JSON. */
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

/** The lines of a stack that name places in code; its head repeats the message. */
function framesOf({ stack = "", message }: Error, texts: readonly string[]): string[] {
  const at = stack.indexOf(message);
  const frames = at < 0 ? stack : stack.slice(at + message.length);
  return frames
    .split("\n")
    .filter((line) => /^\s+at .*(?:[:\d)]|native)$/.test(line))
    .slice(0, MOST_FRAMES)
    .map((line) => withoutTexts(line, texts).replace(/\?[^\s):]*/g, ""));
}
