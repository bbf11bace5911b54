import type { CounterRule } from "../../policy/policy.ts";
import type { EngineContext } from "./context.ts";

/** The most windows that this process remembers as reported. */
const MOST_REPORTED = 10_000;

/** Full windows that were reported, by counter, with the time at which each ends. One map for each storage object. */
const reported = new WeakMap<EngineContext["storage"], Map<string, number>>();

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
