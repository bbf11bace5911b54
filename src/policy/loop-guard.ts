import {
  checkedOptions,
  faultless,
  lazily,
  listOf,
  numberThat,
  object,
  optional,
  whole,
  count as wholeCount,
} from "../check.ts";
import type { Message } from "../model/message.ts";
import type { CounterRule, InboundSnapshot, InboundVerdict, Policy, SendVerdict, TurnVerdict } from "./policy.ts";

/** At most `max` answers to one person within a window. The window opens with the first answer in it. */
export interface LoopLimit {
  readonly max: number;
  readonly windowMs: number;
}

export interface LoopGuardOptions {
  /** How many nearly identical texts, each after a reply of the service, make a loop. At least 2. @default 4 */
  readonly repeats?: number;
  /** How far back texts are compared, in milliseconds. @default 600_000 (10 minutes) */
  readonly repeatWindowMs?: number;
  /** The least similarity at which two texts count as the same: above 0, at most 1 (letter by letter). @default 0.9 */
  readonly similarity?: number;
  /**
   * How many answers one person gets, with any number of parts. The AI's answers and the auto-replies have separate
   * counters, and each kind must stay within every limit. Limits that you give replace all the defaults.
   * @default 12 in 2 minutes, 24 in 10 minutes, 45 in an hour, 150 in a day
   */
  readonly limits?: readonly LoopLimit[];
}

const TWO_MINUTES_MS = 120_000;
const TEN_MINUTES_MS = 600_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * Twilio blocks a pair of numbers after 30 replies with less than 30 seconds between them
 * (https://www.twilio.com/docs/api/errors/14107). The limits of 12 answers in 2 minutes and 24 in 10 minutes stop a
 * loop of one-part answers below that. Twilio counts each part. An answer of 20 parts is not shortened here, and two
 * such answers in a row can reach Twilio's limit. The limit of 45 in an hour allows a person to ask 40 times, and stops
 * a robot that writes new words every 28 seconds. The limit of 150 in a day stops a slow loop.
 */
const DEFAULT_LIMITS: readonly LoopLimit[] = [
  { max: 12, windowMs: TWO_MINUTES_MS },
  { max: 24, windowMs: TEN_MINUTES_MS },
  { max: 45, windowMs: HOUR_MS },
  { max: 150, windowMs: DAY_MS },
];

const WINDOW = "give a number of milliseconds above 0";
const LIMITS = "give a list of limits, each { max, windowMs }";

const schema = lazily(() =>
  object<LoopGuardOptions>(
    {
      repeats: optional(whole(2, Number.MAX_SAFE_INTEGER, "give a whole number of at least 2")),
      repeatWindowMs: optional(numberThat((ms) => ms > 0, WINDOW)),
      similarity: optional(
        numberThat((likeness) => likeness > 0 && likeness <= 1, "give a number above 0 and at most 1"),
      ),
      limits: optional(
        faultless(
          listOf(
            object<LoopLimit>(
              { max: wholeCount("give a whole number above 0"), windowMs: numberThat((ms) => ms > 0, WINDOW) },
              LIMITS,
            ),
            LIMITS,
            sameWindow,
          ),
          (limits) => (limits.length === 0 ? "give at least one limit, or leave them out" : undefined),
        ),
      ),
    },
    "give an object of options",
  ),
);

function sameWindow(limits: readonly LoopLimit[]): string | undefined {
  const windows = new Set(limits.map(({ windowMs }) => windowMs));
  return windows.size < limits.length ? "give each limit its own windowMs: two limits have the same" : undefined;
}

/**
 * Keeps the AI from conversations with machines: with itself, with short codes, with another robot. On by default.
 *
 * - A text from a sender of the service, from a short code, or from a name instead of a number is stored, but not
 *   answered.
 * - A text that says almost the same as earlier texts gets no answer, if each of them came after a reply of the
 *   service. Case, spaces and punctuation are ignored. Texts that differ only in their numbers ("Ticket 17 received",
 *   "is 7 pm free?", "is 8 pm free?") count half, because people ask like that too. Texts of up to three words ("ok",
 *   "yes please") never count, because people repeat them.
 * - The limits count answers, not parts. While a limit is full, the AI is not asked, and the text gets no answer: a
 *   robot without an answer stops. A reply that has begun to leave is sent completely. Waiting answers are counted too.
 *   The ledger counts an answer when its first part leaves, so all processes together never exceed a limit. An answer
 *   that another process wrote at the same moment is then cancelled with all its parts. Auto-replies have their own
 *   counters. Messages of the service and its operators are not counted and not stopped.
 *
 * Each process emits one notice of kind `silenced` for each window in which a limit is full, also for the limits of the
 * auto-replies. When the window is over, later texts are answered again.
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
  const given = checkedOptions(schema, options, "loopGuard()");
  const { repeats = 4, repeatWindowMs = TEN_MINUTES_MS, similarity = 0.9, limits = DEFAULT_LIMITS } = given;

  return {
    name: "loop-guard",
    inbound({ from, fromOwnSender }: InboundSnapshot): InboundVerdict | null {
      if (fromOwnSender) return { answer: false, reason: "it came from a sender of this service" };
      if (isPerson(from)) return null;
      return { answer: false, reason: "it came from a short code or a name, which only a machine uses" };
    },
    turn({ history, pairKey }): TurnVerdict {
      if (repeatsOf(history, repeatWindowMs, similarity) >= repeats) {
        return { silence: true, reason: "the same text came again and again, each time after a reply" };
      }
      const waiting = history.filter(isWaitingAnswer).length;
      return { counters: rulesOf(limits, "ai", pairKey).map((rule) => ({ ...rule, max: rule.max - waiting })) };
    },
    send({ origin, pairKey, message }): SendVerdict | null {
      if (origin !== "ai" && origin !== "auto-reply") return null;
      // The first part is counted for the whole answer. The other parts follow it without asking the counters.
      if (message !== null && message.part > 1) return null;
      return {
        counters: rulesOf(limits, origin, pairKey),
      };
    },
  };
}

/** Each origin has its own counters, so that an auto-reply to every text does not use up the AI's answers. */
function rulesOf(limits: readonly LoopLimit[], origin: "ai" | "auto-reply", pairKey: string): readonly CounterRule[] {
  return limits.map(({ max, windowMs }) => ({
    key: `loop:${origin}:${windowMs}:${pairKey}`,
    windowMs,
    max,
    full: "cancel",
    reason: `the limit of ${max} answers to one person within ${Math.round(windowMs / 1_000)} s is reached, which looks like a loop`,
  }));
}

/** Whether the message is an answer of the AI that no counter has counted yet. */
function isWaitingAnswer(message: Message): boolean {
  if (message.direction !== "outbound" || message.origin !== "ai") return false;
  return message.status === "waiting" && message.part === 1 && message.attempts === 0;
}

/**
 * Whether the address is a phone number in E.164 or an address of a channel, not a short code or an alphanumeric
 * sender.
 */
function isPerson(from: string): boolean {
  return /^\+\d{7,15}$/.test(from) || /^[a-z][a-z0-9-]*:/i.test(from);
}

/**
 * How often the person has sent the newest text, including itself. A similar text counts 1 with the same numbers in it,
 * and 0.5 with other numbers. Texts of one burst count once, because no reply came between them.
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

/**
 * Whether a text is too short to count. The limit of characters is for languages without spaces, in which one word can
 * be a long text.
 */
function isShort(body: string): boolean {
  const text = body.trim();
  return text.length <= 24 && text.split(/\s+/).length <= 3;
}

interface Likeness {
  /**
   * How often each pair of neighbouring characters occurs in the text. Every number is replaced by the same character.
   */
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

/**
 * Sørensen and Dice's coefficient: twice the common pairs, divided by all pairs. 1 is the same, 0 has nothing in
 * common.
 */
function dice(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): number {
  const total = sum([...left.values(), ...right.values()]);
  const common = sum([...left].map(([pair, count]) => Math.min(count, right.get(pair) ?? 0)));
  return total === 0 ? 0 : (2 * common) / total;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
