import type { Loaded, Plan } from "../database.ts";
import { CorruptRow, isDiscardable, type UnreadRow } from "./corrupt.ts";
import type { Choosing } from "./plans.ts";
import type { WorkingSet } from "./working-set.ts";

/*
 * Which calls are about a row that cannot be read. A call that is decided alone has loaded only rows that its plan
 * names. In a group, one call may have loaded a row that another call does not need.
 */

/**
 * Whether one of the rows that cannot be read may belong to the call at this index of the group. If so, the call is
 * decided again alone, where this is certain.
 */
export function mayConcern({ corrupt, found }: Loaded, index: number): boolean {
  if (corrupt.length === 0) return false;
  const own = found[index] ?? [];
  return corrupt.some(({ conversationId }) => {
    if (conversationId === null || own.includes(conversationId)) return true;
    return !found.some((ids) => ids.includes(conversationId));
  });
}

/** The rows that cannot be read and belong to a conversation that the plan does not exclude. */
export function unreadCandidates({ root: { without = [] } }: Choosing, { corrupt }: Loaded): readonly UnreadRow[] {
  return corrupt.filter(({ conversationId }) => conversationId !== null && !without.includes(conversationId));
}

/** @throws CorruptRow if a call that is decided alone is about a row that cannot be read */
export function refuseCorrupt(plan: Plan, loaded: Loaded, set: WorkingSet): void {
  const rows = loaded.corrupt.filter((each) => concerns(each, plan, loaded, set));
  const row = rows.find((each) => !isDiscardable(each)) ?? rows[0];
  if (row === undefined) return;
  if (isDiscardable(row)) throw new CorruptRow(row);
  // A consent row does not name a conversation, so the error names the conversation of the call.
  const [conversationId = null] = loaded.found[0] ?? [];
  throw new CorruptRow({ ...row, conversationId: row.conversationId ?? conversationId });
}

/**
 * Whether a call is about the row. An opt-out is recorded even if messages or turns that it stops cannot be read. The
 * worker cannot send those messages either, and the recorded consent stops later ones.
 */
function concerns({ table, conversationId }: UnreadRow, plan: Plan, { found }: Loaded, set: WorkingSet): boolean {
  if (conversationId === null || !plan.slices.includes("stoppable")) return true;
  const isOwn = found[0]?.includes(conversationId) === true;
  if (plan.root.by !== "address") return isOwn;
  const isRecorded = plan.keys?.some(({ kind, key }) => set.key(kind, key) !== undefined) === true;
  return isRecorded || (isOwn && table === "conversations");
}
