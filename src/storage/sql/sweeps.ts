import type { ClaimedSweep, SweepClaim, SweepCommit } from "../storage.ts";
import { FRESH, type Ledger, marker, note, READ_OPERATION } from "./operation.ts";
import { integer, integerOrNull, json, record, text } from "./rows.ts";
import { keepable, type Statement, statement } from "./statement.ts";

const CLAIM: readonly Statement[] = [
  marker({
    outcome: `case
      when s.committed_at is not null and now.at < s.committed_at + :everyMs then 'none'
      when s.claimed_until is not null and now.at < s.claimed_until then 'none'
      else 'claimed'
    end`,
    from: "left join ownline_sweeps s on s.sender = :sender",
  }),
  statement(`
    insert into ownline_sweeps (sender, fence, claimed_until)
    select :sender, 1, o.at + :leaseMs from ownline_ops o where ${FRESH} and o.outcome = 'claimed'
    on conflict (sender) do update set fence = fence + 1, claimed_until = excluded.claimed_until`),
  note(
    `detail = (select json_object('watermark', s.watermark, 'fence', s.fence) from ownline_sweeps s
      where s.sender = :sender)`,
    "o.outcome = 'claimed'",
  ),
  READ_OPERATION,
];

/** See `Storage.claimSweep`. */
export async function claimSweep(ledger: Ledger, claim: SweepClaim): Promise<ClaimedSweep | null> {
  const { op, sender, everyMs, leaseMs } = claim;
  const [[operation] = []] = await ledger.commit(CLAIM, { op, sender, everyMs, leaseMs });
  if (operation === undefined || text(operation, "outcome") !== "claimed") return null;
  const claimed = record(json(operation, "detail"), "detail");
  return { watermark: integerOrNull(claimed, "watermark"), fence: integer(claimed, "fence") };
}

const RECORDED: readonly Statement[] = [
  statement("select k.key from json_each(:keys) j join ownline_keys k on k.kind = 'inbound' and k.key = j.value"),
];

/** See `Storage.unrecorded`. */
export async function unrecorded(ledger: Ledger, keys: readonly string[]): Promise<readonly string[]> {
  const [rows = []] = await ledger.read(RECORDED, { keys: JSON.stringify(keys.map(keepable)) });
  const recorded = new Set(rows.map((row) => text(row, "key")));
  return keys.filter((key) => !recorded.has(key));
}

const COMMIT: readonly Statement[] = [
  marker({
    outcome: "case when s.claimed_until is not null and s.fence = :fence then 'committed' else 'lost' end",
    from: "left join ownline_sweeps s on s.sender = :sender",
  }),
  statement(`
    update ownline_sweeps as s set watermark = :watermark, committed_at = o.at, claimed_until = null
    from ownline_ops o where ${FRESH} and o.outcome = 'committed' and s.sender = :sender`),
  READ_OPERATION,
];

/** See `Storage.commitSweep`. */
export async function commitSweep(ledger: Ledger, commit: SweepCommit): Promise<boolean> {
  const { op, sender, fence, watermark } = commit;
  const [[operation] = []] = await ledger.commit(COMMIT, { op, sender, fence, watermark });
  return operation !== undefined && text(operation, "outcome") === "committed";
}
