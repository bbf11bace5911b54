import type { CounterCondition } from "../storage.ts";
import { reasonText } from "./rows.ts";
import { keepable } from "./statement.ts";

/** Counters as one JSON list, for `json_each`. */
export function countersText(counters: readonly CounterCondition[]): string {
  return JSON.stringify(
    counters.map(({ key, windowMs, max, charge, full, reason }) => ({
      key: keepable(key),
      windowMs,
      max,
      charge,
      full,
      reason: keepable(reason),
      error: reasonText(reason),
    })),
  );
}
