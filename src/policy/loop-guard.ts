import { OwnlineError } from "../errors.ts";
import type { Message } from "../model/message.ts";
import type { InboundSnapshot, InboundVerdict, Policy, SendVerdict, TurnVerdict } from "./policy.ts";

/** At most `max` messages to one person within a window, which opens with its first message. */
export interface LoopLimit {
  readonly max: number;
  readonly windowMs: number;
}

export interface LoopGuardOptions {
  /** How many near-identical texts, each after a reply of ours, make a loop. At least 2. @default 4 */
  readonly repeats?: number;
  /** How far back texts are compared, in milliseconds. @default 600_000 (10 minutes) */
  readonly repeatWindowMs?: number;
  /** From which likeness on two texts are the same: above 0, at most 1 (letter by letter). @default 0.9 */
  readonly similarity?: number;
  /** How many messages the AI and the auto-reply may send to one person. @default 12 in 2 minutes, 24 in 10 minutes */
  readonly limits?: readonly LoopLimit[];
}

const TWO_MINUTES_MS = 120_000;
const TEN_MINUTES_MS = 600_000;

/**
 * Twilio cuts a pair of numbers off after 30 replies with less than 30 seconds between them
 * (https://www.twilio.com/docs/api/errors/14107). Twelve in two minutes stops a fast loop far below that, and is one
 * message each ten seconds: more than two people type. Twenty-four in ten minutes stops a steady one while the gaps
 * still average under 25 seconds, before the carrier would.
 */
const DEFAULT_LIMITS: readonly LoopLimit[] = [
  { max: 12, windowMs: TWO_MINUTES_MS },
  { max: 24, windowMs: TEN_MINUTES_MS },
];

/**
 * Keeps the AI from talking with machines: with itself, with short codes, with another robot. On by default.
 *
 * - A text from a number of our own, from a short code or from a name instead of a number is recorded, not answered.
 * - A text that says almost the same as earlier ones, each of them after a reply of ours, is met with silence. Case,
 *   spaces and punctuation do not count. Texts that differ in their numbers alone ("Ticket 17 received", "is 7 pm
 *   free?", "is 8 pm free?") count half, since people ask like that too. Texts of up to three words ("ok", "yes
 *   please") never count: people repeat them.
 * - Messages of the AI and the auto-reply beyond the limits are cancelled rather than delayed: a robot that gets no
 *   answer stops, one that gets a late answer goes on. Each part of a long reply counts, as it does at the carrier.
 *   What the service and its operators send is neither counted nor stopped.
 *
 * Silence and cancelling are events, and a later text is answered again once the window is over.
 *
 * @throws OwnlineError `invalid_options` for a value out of range, no limit at all, or two limits of the same window.
 * @example
 * ```ts
 * import { loopGuard } from "ownline/policy/loop-guard";
 *
 * const policy = loopGuard({ repeats: 3, limits: [{ max: 6, windowMs: 60_000 }] });
 * ```
 */
export function loopGuard(options: LoopGuardOptions = {}): Policy {
  const { repeats = 4, repeatWindowMs = TEN_MINUTES_MS, similarity = 0.9, limits = DEFAULT_LIMITS } = options;
  if (!(Number.isInteger(repeats) && repeats >= 2)) throw invalidLimit("repeats", "a whole number of at least 2");
  if (!(repeatWindowMs > 0 && repeatWindowMs < Number.POSITIVE_INFINITY)) {
    throw invalidLimit("repeatWindowMs", "milliseconds above 0");
  }
  if (!(similarity > 0 && similarity <= 1)) throw invalidLimit("similarity", "above 0 and at most 1");
  if (limits.length === 0) throw invalidLimit("limits", "a list of at least one limit");
  for (const [index, { max, windowMs }] of limits.entries()) {
    if (!(Number.isInteger(max) && max > 0)) throw invalidLimit(`limits[${index}].max`, "a whole number above 0");
    if (!(windowMs > 0 && windowMs < Number.POSITIVE_INFINITY)) {
      throw invalidLimit(`limits[${index}].windowMs`, "milliseconds above 0");
    }
  }
  if (new Set(limits.map(({ windowMs }) => windowMs)).size < limits.length) {
    throw invalidLimit("limits", "limits of different windows");
  }

  return {
    name: "loop-guard",
    inbound({ from, fromOwnSender }: InboundSnapshot): InboundVerdict | null {
      if (fromOwnSender) return { answer: false, reason: "it came from a number of our own" };
      if (isPerson(from)) return null;
      return { answer: false, reason: "it came from a short code or a name, behind which there is a machine" };
    },
    turn({ history }): TurnVerdict | null {
      if (repeatsOf(history, repeatWindowMs, similarity) < repeats) return null;
      return { silence: true, reason: "the same text came again and again, each time after a reply" };
    },
    send({ origin, pairKey }): SendVerdict | null {
      if (origin !== "ai" && origin !== "auto-reply") return null;
      return {
        counters: limits.map(({ max, windowMs }) => ({
          key: `loop:${windowMs}:${pairKey}`,
          windowMs,
          max,
          full: "cancel",
          reason: `more than ${max} replies to one person within ${Math.round(windowMs / 1_000)} s look like a loop`,
        })),
      };
    },
  };
}

/** A phone number in E.164, or an address of a channel; short codes and alphanumeric senders are neither. */
function isPerson(from: string): boolean {
  return /^\+\d{7,15}$/.test(from) || /^[a-z][a-z0-9-]*:/i.test(from);
}

/**
 * How often the newest text of the person was said, itself included: once for the same numbers in it, a half for
 * others. Texts of one burst count once, since no reply of ours came between them.
 */
function repeatsOf(history: readonly Message[], windowMs: number, similarity: number): number {
  const newest = history.findLast((message) => message.direction === "inbound");
  if (newest === undefined || isShort(newest.body)) return 0;
  const wanted = likenessOf(newest.body);
  let count = 1;
  let repliedSince = false;
  for (const message of history.slice(0, history.indexOf(newest)).toReversed()) {
    if (newest.createdAt - message.createdAt > windowMs) break;
    if (message.direction === "outbound") {
      repliedSince ||= isAutomatic(message.origin) && message.status !== "cancelled";
      continue;
    }
    const other = likenessOf(message.body);
    if (!repliedSince || dice(wanted.pairs, other.pairs) < similarity) continue;
    count += wanted.numbers === other.numbers ? 1 : 0.5;
    repliedSince = false;
  }
  return count;
}

function isAutomatic(origin: Message["origin"]): boolean {
  return origin === "ai" || origin === "auto-reply";
}

/** Languages without spaces write more than a short answer in one word, hence the second bound. */
function isShort(body: string): boolean {
  const text = body.trim();
  return text.length <= 24 && text.split(/\s+/).length <= 3;
}

interface Likeness {
  /** How often each pair of neighbouring characters stands in the text, every number being the same character. */
  readonly pairs: ReadonlyMap<string, number>;
  readonly numbers: string;
}

function likenessOf(body: string): Likeness {
  const plain = body.normalize("NFKC").toLowerCase();
  const shape = plain
    .replace(/\p{N}+/gu, "#")
    .replace(/[^\p{L}\p{M}#]+/gu, " ")
    .trim();
  const pairs = new Map<string, number>();
  for (let index = 0; index + 1 < shape.length; index += 1) {
    const pair = shape.slice(index, index + 2);
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  return { pairs, numbers: (plain.match(/\p{N}+/gu) ?? []).join(" ") };
}

/** Sørensen and Dice's coefficient: twice what both have, by what each has. 1 is the same, 0 has nothing in common. */
function dice(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): number {
  const total = sum([...left.values(), ...right.values()]);
  const common = sum([...left].map(([pair, count]) => Math.min(count, right.get(pair) ?? 0)));
  return total === 0 ? 0 : (2 * common) / total;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function invalidLimit(name: string, wanted: string): OwnlineError {
  return new OwnlineError("invalid_options", `\`${name}\` must be ${wanted}.`);
}
