import type { ProceduresOf } from "../procedure.ts";
import { FRESH, marker, note, READ_OPERATION, statement } from "./steps.ts";

/** See `Storage.claimSweep`. */
const CLAIM: readonly string[] = [
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

/** See `Storage.unrecorded`. */
const RECORDED = statement(
  "select k.key from json_each(:keys) j join ownline_keys k on k.kind = 'inbound' and k.key = j.value",
);

/** See `Storage.commitSweep`. */
const COMMIT: readonly string[] = [
  marker({
    outcome: "case when s.claimed_until is not null and s.fence = :fence then 'committed' else 'lost' end",
    from: "left join ownline_sweeps s on s.sender = :sender",
  }),
  statement(`
    update ownline_sweeps as s set watermark = :watermark, committed_at = o.at, claimed_until = null
    from ownline_ops o where ${FRESH} and o.outcome = 'committed' and s.sender = :sender`),
  READ_OPERATION,
];

export const sweep: ProceduresOf<"sweep"> = {
  "sweep.claim": CLAIM,
  "sweep.recorded": [RECORDED],
  "sweep.commit": COMMIT,
};
