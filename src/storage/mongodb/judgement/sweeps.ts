import type { ClaimedSweep, SweepClaim, SweepCommit } from "../../storage.ts";
import type { Ledger } from "./ledger.ts";

/** See {@link Storage.claimSweep}. */
export function claimSweep(ledger: Ledger, claim: SweepClaim): ClaimedSweep | null {
  const now = ledger.clock.now();
  const row = ledger.sweeps.get(claim.sender) ?? {
    watermark: null,
    committedAt: null,
    claimed: false,
    claimedUntil: 0,
    fence: 0,
  };
  if (row.committedAt !== null && now < row.committedAt + claim.everyMs) return null;
  if (row.claimed && now < row.claimedUntil) return null;
  ledger.sweeps.set(claim.sender, row);
  row.claimed = true;
  row.claimedUntil = now + claim.leaseMs;
  row.fence += 1;
  return { watermark: row.watermark, fence: row.fence };
}

/** See {@link Storage.commitSweep}. */
export function commitSweep(ledger: Ledger, commit: SweepCommit): boolean {
  const row = ledger.sweeps.get(commit.sender);
  if (row === undefined || !row.claimed || row.fence !== commit.fence) return false;
  row.claimed = false;
  row.watermark = commit.watermark;
  row.committedAt = ledger.clock.now();
  return true;
}
