import type { MessageError } from "../../model/message.ts";
import type { CounterRule, TurnSnapshot } from "../../policy/policy.ts";
import type { TurnCommit } from "../../storage/storage.ts";
import type { EngineContext } from "../support/context.ts";
import { verdictsOf } from "../support/verdicts.ts";

/** How a turn ends. */
export type Decision = Pick<TurnCommit, "outcome" | "parts" | "pause" | "supersede"> & {
  /** Why the fallback text replaces an answer that failed or was refused; `null` where it does not. */
  readonly error: MessageError | null;
  readonly reason: string | null;
};

/** The most windows that this process remembers as reported. */
const MOST_REPORTED = 10_000;

/** Full windows that were reported, by counter, with the time at which each ends. One map for each storage object. */
const reported = new WeakMap<EngineContext["storage"], Map<string, number>>();

/**
 * Asks the policies, before the AI is asked, whether the turn gets no answer. Returns `null` where it gets one.
 *
 * @throws OwnlineError `invalid_options` where a policy returns no verdict; `storage_unavailable`
 */
export async function silencedBy(context: EngineContext, turn: TurnSnapshot): Promise<Decision | null> {
  for (const policy of context.policies) {
    const [verdict] = verdictsOf(
      [policy],
      (judge) => judge.turn?.(structuredClone(turn)),
      ({ silence, counters }) => silence === true || Array.isArray(counters),
    );
    if (verdict === undefined) continue;
    if (verdict.counters === undefined) {
      notice(context, turn, `${policy.name}: ${verdict.reason}`);
      return silent(verdict.reason);
    }
    const full = await fullCounter(context, verdict.counters);
    if (full === null) continue;
    if (isNews(context, full.rule.key, full.endsInMs)) notice(context, turn, `${policy.name}: ${full.rule.reason}`);
    return silent(full.rule.reason);
  }
  return null;
}

/**
 * The full counter whose window stays open longest; `null` where none is full.
 *
 * @throws OwnlineError `storage_unavailable`
 */
export async function fullCounter(
  { storage }: EngineContext,
  rules: readonly CounterRule[],
): Promise<{ readonly rule: CounterRule; readonly endsInMs: number } | null> {
  if (rules.length === 0) return null;
  const open = new Map((await storage.counters(rules.map(({ key }) => key))).map((counter) => [counter.key, counter]));
  const full = rules
    .map((rule) => ({ rule, ...(open.get(rule.key) ?? { count: 0, endsInMs: rule.windowMs }) }))
    .filter(({ rule, count }) => count + 1 > rule.max);
  return full.toSorted((one, other) => other.endsInMs - one.endsInMs)[0] ?? null;
}

/** Whether this process has not yet reported the window. From now on the window counts as reported. */
export function isNews({ storage, clock }: EngineContext, key: string, endsInMs: number): boolean {
  const windows = reported.get(storage) ?? new Map<string, number>();
  reported.set(storage, windows);
  const now = clock.now();
  if ((windows.get(key) ?? 0) > now) return false;
  if (windows.size >= MOST_REPORTED) windows.clear();
  windows.set(key, now + endsInMs);
  return true;
}

function notice({ reporter }: EngineContext, { conversation }: TurnSnapshot, detail: string): void {
  reporter.notice({ kind: "silenced", conversationId: conversation.id, messageId: null, detail });
}

function silent(reason: string): Decision {
  return { outcome: "silent", parts: [], pause: false, supersede: false, error: null, reason };
}
