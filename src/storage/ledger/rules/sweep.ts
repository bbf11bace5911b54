import type { ClaimedSweep, SweepClaim, SweepCommit } from "../../storage.ts";
import type { WorkingSet } from "../working-set.ts";

/** See `Storage.claimSweep`. */
export function claimSweep(set: WorkingSet, claim: SweepClaim): ClaimedSweep | null {
  const { now } = set;
  const known = set.sweeps.get(claim.sender);
  if (known !== undefined) {
    if (known.committedAt !== null && now < known.committedAt + claim.everyMs) return null;
    if (known.claimedUntil !== null && now < known.claimedUntil) return null;
  }
  const { sender } = claim;
  const unclaimed = { fence: 0, claimedUntil: null, committedAt: null, writtenAt: now, version: 0 };
  const row = known ?? set.sweeps.add({ sender, watermark: null, ...unclaimed });
  row.claimedUntil = now + claim.leaseMs;
  row.fence += 1;
  return { watermark: row.watermark, fence: row.fence };
}

/** See `Storage.commitSweep`. */
export function commitSweep(set: WorkingSet, commit: SweepCommit): boolean {
  const row = set.sweeps.get(commit.sender);
  if (row === undefined || row.claimedUntil === null || row.fence !== commit.fence) return false;
  row.claimedUntil = null;
  row.watermark = commit.watermark;
  row.committedAt = set.now;
  return true;
}
