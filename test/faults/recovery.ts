import type { Hold, Kill } from "./fleet.ts";
import type { Verdict } from "./judge.ts";
import type { Entry } from "./ledger.ts";
import { readReply, readText } from "./script.ts";

/**
 * Measures from the moment when a killed process's successor takes requests, until a conversation that the kill stopped
 * is answered.
 */
export interface Recovery {
  /** The killed process had claimed a turn, and no text of the conversation was on its way to the provider. */
  readonly outside: Percentiles;
  /** A text of the conversation was between the claim and the provider's answer. */
  readonly inside: Percentiles;
  /** How long the successors took to start. */
  readonly starts: Percentiles;
  /** Conversations that are left out, because another event stopped them too, or a fallback text answered them. */
  readonly disturbed: number;
}

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** A time in which another event stopped all conversations. */
export interface Disturbance {
  readonly from: number;
  readonly to: number;
}

/**
 * From restart to answer, at the default lease of 3 s. For a text inside of sending, the engine waits for evidence
 * first.
 */
const BOUND_MS = 5000;
/** Fewer samples say too little. */
const LEAST_SAMPLES = 10;

/** The bounds that a run which measures recovery has missed, a sentence for each. */
export function beyondBounds({ outside, inside }: Recovery, windowMs: number): readonly string[] {
  const cases = [
    { where: "outside of sending", found: outside, boundMs: BOUND_MS },
    { where: "inside of sending", found: inside, boundMs: windowMs + BOUND_MS },
  ];
  return cases.flatMap(({ where, found: { count, p99 }, boundMs }) => {
    if (count < LEAST_SAMPLES)
      return [`Recovery ${where} was measured ${count} times; it must be ${LEAST_SAMPLES} times at least.`];
    return p99 > boundMs ? [`Recovery ${where} took ${p99} ms at p99; it must be ${boundMs} ms at most.`] : [];
  });
}

export function recoveryOf(
  entries: readonly Entry[],
  { answeredAt, acknowledgedAt }: Pick<Verdict, "answeredAt" | "acknowledgedAt">,
  kills: readonly Kill[],
  freezes: readonly Hold[],
  disturbances: readonly Disturbance[],
): Recovery {
  const manners = new Map<number, string>();
  const posts = new Map<string, { readonly at: number; readonly request: string }[]>();
  const taken = new Set<string>();
  /** Answers that an earlier attempt did not send. */
  const repeated = new Set<number>();
  const tags = new Map<string, number[]>();
  for (const entry of entries) {
    if (entry.kind === "text") {
      const text = readText(entry.body);
      if (text !== null) manners.set(text.tag, text.manner);
    } else if (entry.kind === "post") {
      posts.set(entry.to, [...(posts.get(entry.to) ?? []), entry]);
    } else if (entry.kind === "taken") {
      taken.add(entry.request);
      if (entry.attempt > 1) for (const tag of readReply(entry.body).answers ?? []) repeated.add(tag);
    }
  }
  for (const [tag, { person }] of acknowledgedAt) tags.set(person, [...(tags.get(person) ?? []), tag]);

  const outside: number[] = [];
  const inside: number[] = [];
  let disturbed = 0;
  for (const kill of kills) {
    for (const person of new Set([...kill.turns, ...kill.sends])) {
      const waiting = (tags.get(person) ?? []).filter(
        (tag) =>
          (acknowledgedAt.get(tag)?.at ?? Number.POSITIVE_INFINITY) <= kill.at &&
          (answeredAt.get(tag) ?? Number.POSITIVE_INFINITY) > kill.at,
      );
      if (waiting.length === 0) continue;
      const answerAt = Math.min(...waiting.map((tag) => answeredAt.get(tag) ?? Number.POSITIVE_INFINITY));
      // A fallback text answered it, which does not say which text it answers.
      const isUntold = answerAt === Number.POSITIVE_INFINITY;
      const isSlow = waiting.some((tag) => !["fast", "long"].includes(manners.get(tag) ?? ""));
      const heldAgain = [...kills, ...freezes].some(
        (other) =>
          other !== kill &&
          other.at > kill.at &&
          other.at < answerAt &&
          (other.turns.has(person) || other.sends.has(person)),
      );
      const refused = (posts.get(person) ?? []).some(
        ({ at, request }) => at > kill.at && at < answerAt && !taken.has(request),
      );
      // The trace does not show a claim whose answer was on its way. So a crash or a freeze may have stopped the text
      // again.
      const heldUnseen = !kill.sends.has(person) && waiting.some((tag) => repeated.has(tag));
      const overlaps = disturbances.some(({ from, to }) => from < answerAt && to > kill.at);
      if (isUntold || isSlow || heldAgain || heldUnseen || refused || overlaps) disturbed += 1;
      else (kill.sends.has(person) ? inside : outside).push(Math.max(0, answerAt - kill.readyAt));
    }
  }
  const starts = percentilesOf(kills.map(({ restartedAt, readyAt }) => readyAt - restartedAt));
  return { outside: percentilesOf(outside), inside: percentilesOf(inside), starts, disturbed };
}

function percentilesOf(samples: readonly number[]): Percentiles {
  const sorted = samples.toSorted((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { count: sorted.length, p50: rank(0.5), p99: rank(0.99), max: sorted.at(-1) ?? 0 };
}
