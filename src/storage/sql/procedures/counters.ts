import { FRESH, statement } from "./steps.ts";

const AT = "(select o.at from ownline_ops o where o.id = :op)";

/** The counters of `:counters`, as `j`, that are full at the moment `at`, each with its row as `k`. */
export function fullCounters(at: string): string {
  return `json_each(:counters) j left join ownline_counters k on k.key = j.value ->> 'key'
    where (case when k.ends_at > ${at} then k.count else 0 end) + (j.value ->> 'charge') > (j.value ->> 'max')`;
}

/** Charges every counter of `:counters`, under a condition on `o`. A window opens with its first charge. */
export function chargeCounters(condition: string): string {
  return statement(`
    insert into ownline_counters (key, count, ends_at)
    select j.value ->> 'key', j.value ->> 'charge', o.at + (j.value ->> 'windowMs')
    from ownline_ops o, json_each(:counters) j
    where ${FRESH} and ${condition}
    on conflict (key) do update set
      count = excluded.count + case when ends_at > ${AT} then count else 0 end,
      ends_at = case when ends_at > ${AT} then ends_at else excluded.ends_at end`);
}
