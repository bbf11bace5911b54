import type { Changes } from "../database.ts";
import { OLDEST_DECISION_MS } from "../ledger/rules/limits.ts";
import { isOpenWindow } from "./conditions.ts";
import type { SqlStatement } from "./driver.ts";
import { bind, oneLine, prepare } from "./statement.ts";

/**
 * The first statement of a batch whose rows an earlier batch has loaded. If a guard no longer holds, it inserts a row
 * that violates its table's constraint. Then D1 writes nothing of the batch.
 */
const GUARD = prepare(
  oneLine(`
  insert into ownline_guards (holds)
  select 0 from json_each(:guards) g where case g.value ->> 'on'
    when 'conversation' then not exists (
      select 1 from ownline_conversations c where c.id = g.value ->> 'key' and c.version = g.value ->> 'version')
    when 'address' then exists (
      select 1 from ownline_conversations c
      where c.participant_key = g.value ->> 'participantKey' and c.line = g.value ->> 'line')
    when 'consent' then
      (select s.version from ownline_consents s where s.key = g.value ->> 'key') is not (g.value ->> 'version')
    when 'rateLimit' then
      (select r.version from ownline_rate_limits r where r.key = g.value ->> 'key') is not (g.value ->> 'version')
    when 'sweep' then
      (select s.version from ownline_sweeps s where s.sender = g.value ->> 'key') is not (g.value ->> 'version')
    when 'filed' then
      (select count(*) from ownline_conversations c where c.consent_key = g.value ->> 'key') <> g.value ->> 'version'
    when 'key' then (g.value ->> 'version' is null) = exists (
      select 1 from ownline_keys k where k.kind = g.value ->> 'kind' and k.key = g.value ->> 'key')
    when 'worker' then
      (select w.alive_until from ownline_workers w where w.id = g.value ->> 'key') is not (g.value ->> 'version')
    when 'call' then exists (select 1 from ownline_answers a where a.call = g.value ->> 'key')
    when 'room' then exists (
      select 1 from ownline_counters n where n.key = g.value ->> 'key' and ${isOpenWindow("n", ":now")}
        and n.charged + (g.value ->> 'charge') > g.value ->> 'max')
    else true
  end
  union all
  select 0 where cast(unixepoch('subsec') * 1000 as integer) - :loadedAt > ${OLDEST_DECISION_MS}
  limit 1`),
);

/**
 * The statement that stops the batch if a guard no longer holds. `isOwnClock`: whether `now` comes from the database's
 * clock.
 */
export function guardOf(
  { guards, charges }: Pick<Changes, "guards" | "charges">,
  now: number,
  isOwnClock: boolean,
): SqlStatement {
  const listed = guards.map((guard) => {
    const { on, key, version } = guard;
    if (on === "address") return { on, ...addressIn(key) };
    if (on === "key") return { on, ...keyIn(key), version };
    return { on, key, version };
  });
  const rooms = charges.map(({ key, charge, max }) => ({ on: "room", key, charge, max }));
  // The age of a decision is not checked if the clock was passed in, because the database's own clock is unrelated.
  const loadedAt = isOwnClock ? now : Number.MAX_SAFE_INTEGER;
  return bind(GUARD, { guards: JSON.stringify([...listed, ...rooms]), loadedAt, now });
}

function addressIn(key: string): { readonly line: string; readonly participantKey: string } {
  const [line = "", participantKey = ""]: readonly string[] = JSON.parse(key);
  return { line, participantKey };
}

function keyIn(key: string): { readonly kind: string; readonly key: string } {
  const [kind = "", name = ""]: readonly string[] = JSON.parse(key);
  return { kind, key: name };
}
