import type { ClaimedSweep, SweepClaim, SweepCommit } from "../storage.ts";
import type { Ledger } from "./operation.ts";
import { integer, integerOrNull, json, record, text } from "./rows.ts";
import { keepable } from "./statement.ts";

/** See `Storage.claimSweep`. */
export async function claimSweep(ledger: Ledger, claim: SweepClaim): Promise<ClaimedSweep | null> {
  const { op, sender, everyMs, leaseMs } = claim;
  const [[operation] = []] = await ledger.commit(["sweep.claim"], { op, sender, everyMs, leaseMs });
  if (operation === undefined || text(operation, "outcome") !== "claimed") return null;
  const claimed = record(json(operation, "detail"), "detail");
  return { watermark: integerOrNull(claimed, "watermark"), fence: integer(claimed, "fence") };
}

/** See `Storage.unrecorded`. */
export async function unrecorded(ledger: Ledger, keys: readonly string[]): Promise<readonly string[]> {
  const [rows = []] = await ledger.read("sweep.recorded", { keys: JSON.stringify(keys.map(keepable)) });
  const recorded = new Set(rows.map((row) => text(row, "key")));
  return keys.filter((key) => !recorded.has(key));
}

/** See `Storage.commitSweep`. */
export async function commitSweep(ledger: Ledger, commit: SweepCommit): Promise<boolean> {
  const { op, sender, fence, watermark } = commit;
  const [[operation] = []] = await ledger.commit(["sweep.commit"], { op, sender, fence, watermark });
  return operation !== undefined && text(operation, "outcome") === "committed";
}
