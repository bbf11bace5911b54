import { integer, integerOrNull } from "../sql/fields.ts";
import { keepable } from "../sql/statement.ts";
import type { ClaimedSweep, SweepClaim, SweepCommit } from "../storage.ts";
import { answerOf } from "./answer.ts";
import { operation } from "./common.ts";
import type { PostgresLedger } from "./ledger.ts";

export const SWEEPS: readonly string[] = [
  operation({
    name: "claim_sweep",
    args: "sender text, every_ms bigint, lease_ms bigint",
    declare: "sweep ownline_sweeps;",
    body: `insert into ownline_sweeps (sender, fence) select arg.sender, 0
    where not exists (select 1 from ownline_sweeps s where s.sender = arg.sender) on conflict (sender) do nothing;
  select * into sweep from ownline_sweeps s where s.sender = arg.sender for update;
  moment := ownline_1_now(p_now);
  if moment < sweep.committed_at + arg.every_ms or moment < sweep.claimed_until then
    return ownline_1_keep(null, moment, 'none', null, '[]', null);
  end if;
  update ownline_sweeps s set fence = s.fence + 1, claimed_until = moment + arg.lease_ms
    where s.sender = arg.sender returning * into sweep;
  return ownline_1_keep(arg.op, moment, 'claimed',
    jsonb_build_object('watermark', sweep.watermark, 'fence', sweep.fence), '[]', null);`,
  }),

  operation({
    name: "commit_sweep",
    args: "sender text, fence bigint, watermark bigint",
    body: `perform 1 from ownline_sweeps s where s.sender = arg.sender for update;
  moment := ownline_1_now(p_now);
  update ownline_sweeps s set watermark = arg.watermark, committed_at = moment, claimed_until = null
    where s.sender = arg.sender and s.fence = arg.fence and s.claimed_until is not null;
  if not found then return ownline_1_keep(null, moment, 'lost', null, '[]', null); end if;
  return ownline_1_keep(arg.op, moment, 'committed', null, '[]', null);`,
  }),
];

/** See `Storage.claimSweep`. */
export async function claimSweep(ledger: PostgresLedger, claim: SweepClaim): Promise<ClaimedSweep | null> {
  const { op, sender, everyMs, leaseMs } = claim;
  const args = { op: `claimSweep ${op}`, sender, every_ms: everyMs, lease_ms: leaseMs };
  const { outcome, detail } = answerOf(await ledger.call("claim_sweep", args));
  if (outcome !== "claimed") return null;
  return { watermark: integerOrNull(detail, "watermark"), fence: integer(detail, "fence") };
}

const READ_RECORDED = `select coalesce(json_agg(k.key), '[]')::text as answer
  from json_array_elements_text($1::json) j(key) join ownline_keys k on k.kind = 'inbound' and k.key = j.key`;

/** See `Storage.unrecorded`. */
export async function unrecorded(ledger: PostgresLedger, keys: readonly string[]): Promise<readonly string[]> {
  const found = await ledger.read(READ_RECORDED, [JSON.stringify(keys.map(keepable))]);
  const recorded = new Set<unknown>(Array.isArray(found) ? found : []);
  return keys.filter((key) => !recorded.has(key));
}

/** See `Storage.commitSweep`. */
export async function commitSweep(ledger: PostgresLedger, commit: SweepCommit): Promise<boolean> {
  const { op, sender, fence, watermark } = commit;
  const told = await ledger.call("commit_sweep", { op: `commitSweep ${op}`, sender, fence, watermark });
  return answerOf(told).outcome === "committed";
}
